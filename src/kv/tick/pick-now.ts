// Choices that come a token late: at a tick the last query chooses among all slots that there are by then (`PickPlan.lag`).
import { type SequenceBuffers } from '../../model/operation.ts';
import { keyBytes, pickedSet, picksOf } from '../pick.ts';
import { type KvPlan, type KvTick, type PolicyModel, type TickWork } from '../policy.ts';

/** Bytes of `State` of shaders/parts/state.wgsl. */
const stateBytes = 32;

const queryBytes = (queryHeads: number, headDim: number): number => 16 * queryHeads * Math.ceil(headDim / 4);

/** Bytes of the buffers of such choices. */
export function pickBytes({ heads, queryHeads }: Pick<PolicyModel, 'heads' | 'queryHeads'>, { layers }: Pick<KvPlan, 'layers'>): number {
  const each = layers.flatMap((sets, layer) => {
    const set = pickedSet(sets);
    return set ? [{ query: queryBytes(queryHeads[layer], heads[layer].headDim), keys: keyBytes(set, queryHeads[layer]) }] : [];
  });
  return stateBytes + Math.max(0, ...each.map(({ query }) => query)) + Math.max(0, ...each.map(({ keys }) => keys));
}

/** What the last query chooses is what the next token reads, in layers where choices come late. */
export function pickNow(kv: KvTick): void {
  for (const { layer, heads: { kvHeads, headDim }, queryHeads, scale, queries, lists, picked, books, fresh: { format }, sets: [set] } of kv.layers) {
    const plan = pickedSet(kv.plan.layers[layer])!;
    if (!plan.pick.lag) continue;
    const bytes = queryBytes(queryHeads, headDim);
    const query = kv.scratch('pick.query', bytes);
    kv.copy({ buffer: queries!, offset: ((kv.length - 1) % kv.plan.queries!) * bytes }, { buffer: query, offset: 0 }, bytes);
    const state = { buffer: kv.scratch('pick.state', stateBytes) }; // zeros: the query's row is the first
    const known = { summaries: { buffer: set.summaries! }, size: set.size, books: books && { buffer: books } };
    const own = { lists: { buffer: lists }, picked: { buffer: picked! }, ...known };
    const of = { state, sets: () => own } as unknown as SequenceBuffers;
    const keys = { buffer: kv.scratch('pick.keys', keyBytes(plan, queryHeads)) };
    const at = { section: `kv.${layer}`, config: { heads: queryHeads, kvHeads, headDim }, scale, query: { buffer: query }, scratch: keys };
    const asked = { since: () => kv.length - 1, slots: () => Math.max(...set.counts) };
    for (const { bindings, grid, params = {}, ...work } of picksOf(plan, format, layer, at, asked)) {
      const groups = grid({ rows: 1, length: kv.length, of });
      if (!groups[0]) continue;
      const bound = Object.entries(bindings).map(([name, given]) => [name, typeof given === 'function' ? given(of as never) : given]);
      kv.dispatch({ ...work, params, bindings: Object.fromEntries(bound) as TickWork['bindings'], grid: groups });
    }
  }
}
