// Seals slots: their keys and values become codes in a set (shaders/kernels/policies/seal/kv-seal.wgsl): fresh ones in their order, in a set
// whose slots are all positions, or those that were listed, of the first set and fresh ones.
import { RequestError } from '../../errors.ts';
import { type AffineFormat } from '../formats/affine.ts';
import { type SealedFormat, pageSlots } from '../formats/format.ts';
import { type KvFresh, type KvLayer, type KvTick, type TickWork } from '../policy.ts';
import { groupsOf, mostSlots, queriesOf } from './layer.ts';
import { type Kept } from './rank.ts';

/** Formats of fresh slots that a page can be sealed from. */
const sources: readonly string[] = ['f16', 'f32'];

/** Shaders that read slots of a format. RequestError for one that slots are not sealed from. */
export function sourceOf({ format: { name } }: Pick<KvFresh, 'format'>): string[] {
  if (sources.includes(name)) return [`kv/from/${name}`, 'kv/from/page'];
  throw new RequestError(`Keys and values are sealed from ${sources.join(' or ')}; new ones are kept in ${name}. Choose one of those.`);
}

/** The positions from `first` up to `end`, into set `index` of a layer. Counts of the set are to be those after it. */
export function seal({ heads: { kvHeads, headDim }, sets, lists, fresh }: KvLayer, index: number, format: SealedFormat, first: number, end: number): TickWork {
  return {
    label: 'kv.seal',
    kernel: {
      kernel: format.sealer, files: [...format.seal, ...sourceOf(fresh), 'kv/from/in-order', 'kv/where/list'],
      consts: { ...format.consts, HeadVec4s: Math.ceil(headDim / 4) },
    },
    params: { kv_heads: kvHeads, head_dim: headDim, set_index: index, first, end, base: 0, most: 0, page_slots: pageSlots },
    bindings: { source: fresh.pages, pages: sets[index].pages, lists },
    grid: [Math.ceil(end / pageSlots) - Math.floor(first / pageSlots), kvHeads],
  };
}

/** Seals the fresh slots up to `end` of every layer into its set `index`, whose heads then have `countsOf` slots. They are not given up yet. */
export async function sealAll(kv: KvTick, index: number, format: SealedFormat, end: number, countsOf: (layer: KvLayer) => readonly number[]): Promise<void> {
  for (const layer of kv.layers) {
    const set = layer.sets[index];
    const counts = countsOf(layer);
    const isFirst = !set.counts.some((slots) => slots > 0);
    await kv.makeRoom(set, counts);
    kv.setCounts(set, counts);
    if (isFirst && isByBlock(format)) kv.dispatch(blocks(layer, index));
    kv.dispatch(seal(layer, index, format, kv.base, end));
  }
}

const isByBlock = (format: SealedFormat): boolean => (format as Partial<AffineFormat>).keysBy === 'block';

/** Tells of each channel of set `index` with which others its keys have a scale, by the first page of positions; that stays. */
const blocks = ({ layer, heads: { kvHeads, headDim }, lists, fresh }: KvLayer, index: number): TickWork => ({
  label: `kv.${layer}.blocks`,
  kernel: { kernel: 'kv-blocks', files: [...sourceOf(fresh), 'kv/where/before-list'], consts: { HeadVec4s: Math.ceil(headDim / 4) } },
  params: { kv_heads: kvHeads, head_dim: headDim, set_index: index, page_slots: pageSlots },
  bindings: { source: fresh.pages, lists },
  grid: [kvHeads],
});

/** Listed slots, `count` of every head, or of each. */
export interface Sealed {
  kept: Kept;
  count: number | readonly number[];
}

/**
 * The listed slots come behind those of set `index`, which has pages for them. Counts of all sets are to be those before it. Factors of the format are made
 * of the first slots that the set has, with the last `queries` queries, and stay.
 */
export function sealListed(kv: KvTick, layer: KvLayer, index: number, format: AffineFormat, { kept, count }: Sealed, queries = 0): void {
  const { layer: own, heads: { kvHeads, headDim }, sets, lists, fresh } = layer;
  const counts = sets[index].counts.map((before, head) => before + (typeof count === 'number' ? count : count[head]));
  const hasAny = counts.some((after, head) => after > sets[index].counts[head]);
  const consts = { HeadVec4s: Math.ceil(headDim / 4) };
  const params = { kv_heads: kvHeads, set_index: index, base: kv.base, most: mostSlots(kv) };
  const bindings = { source: fresh.pages, older: sets[0].pages, kept: kept.kept, kept_counts: kept.counts, lists };
  if (hasAny && format.factored && !sets[index].counts.some((slots) => slots > 0)) {
    const observed = { heads: layer.queryHeads, length: kv.length, queries: kv.plan.queries ?? 0, observed: queriesOf(kv, queries) };
    kv.dispatch({
      label: `kv.${own}.factors`,
      kernel: {
        kernel: 'kv-factors', files: [...sourceOf(fresh), 'kv/from/listed', 'kv/where/before-list', `kv/tick/factor-of-${format.factored}`], consts,
      },
      params: { ...params, ...observed },
      bindings: { ...bindings, ...(format.factored === 'keys' && { last_queries: layer.queries! }) },
      grid: [consts.HeadVec4s, kvHeads],
    });
  }
  if (hasAny)
    kv.dispatch({
      label: `kv.${own}.seal`,
      kernel: { kernel: 'kv-seal', files: [...format.seal, ...sourceOf(fresh), 'kv/from/listed', 'kv/where/list'], consts: { ...format.consts, ...consts } },
      params: { ...params, head_dim: headDim, first: 0, end: 0, page_slots: pageSlots },
      bindings: { ...bindings, pages: sets[index].pages },
      grid: [Math.max(...sets[index].counts.map((before, head) => groupsOf(counts[head], pageSlots) - Math.floor(before / pageSlots))), kvHeads],
    });
  kv.setCounts(sets[index], counts);
}
