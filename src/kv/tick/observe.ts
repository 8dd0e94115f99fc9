// Dispatches that tell what a layer's last queries pay to its slots: kv-totals.wgsl, kv-observe.wgsl, kv-echo.wgsl, kv-moments.wgsl.
import { type PageFormat } from '../formats/format.ts';
import { type KvLayer, type KvSet, type KvTick, type TickWork, biasIn } from '../policy.ts';
import { momentBytes } from '../set-bytes.ts';
import { groupsOf, indexed, longest, mostSlots, planeOf, queriesOf } from './layer.ts';

/** shaders/kv/policies/tick/into-*.wgsl: what becomes a slot's score. */
export type Into = 'mean' | 'normalised' | 'sum' | 'active';

export interface Observe {
  into: Into;
  /** The last so many queries. Default: all since the tick before. */
  queries?: number;
  /** From which share on a slot is active. */
  alpha?: number;
}

const planesOfInto = { mean: undefined, normalised: undefined, sum: 'acc', active: 'last' } as const;

interface Observed {
  segments: (Segment & { segment: number; slots: number; params: Record<string, number> })[];
  bindings: TickWork['bindings'];
  constants: Record<string, number>;
}

/** Of the last `queries` queries, or of all since the tick before, what each pays to all slots of each segment together. */
function observed(kv: KvTick, layer: KvLayer, queries: number): Observed {
  const { sets, heads: { kvHeads, headDim }, queryHeads, softcap } = layer;
  const rows = kv.plan.queries ?? 0;
  const count = queries ? queriesOf(kv, queries) : kv.length - kv.since;
  if (count > rows) throw new Error(`${count} queries are to be observed, of which the plan keeps ${rows}.`);
  const params = {
    heads: queryHeads, kv_heads: kvHeads, head_vec4s: Math.ceil(headDim / 4), queries: rows, observed: count, length: kv.length, base: kv.base,
    since: Math.min(kv.since, kv.noted ?? kv.since), scale: layer.scale, softcap: softcap ?? 0,
  };
  const segments = [...sets, undefined].map((set, segment) => ({
    ...segmentOf(kv, layer, set), segment, slots: set ? longest(set) : kv.length - kv.base, params: { ...params, set_index: set ? segment : 0 },
  }));
  const bindings = { last_queries: layer.queries!, totals: kv.scratch('totals', 8 * (mostSets(kv) + 1) * rows * mostHeads(kv)) };
  const constants = { Softcap: softcap ? 1 : 0 };
  for (const { segment, files, reads, consts, bindings: own, params: each } of segments) {
    kv.dispatch({
      label: `kv.${layer.layer}.totals`,
      kernel: { kernel: 'kv-totals', files: [...files, ...reads], consts, constants },
      params: { ...each, segment },
      bindings: { ...own, ...bindings },
      grid: [queryHeads, count],
    });
  }
  return { segments, bindings, constants };
}

const mostSets = ({ layers }: KvTick): number => Math.max(0, ...layers.map(({ sets }) => sets.length));
const mostHeads = ({ layers }: KvTick): number => Math.max(0, ...layers.map(({ queryHeads }) => queryHeads));

/** Scores of all slots of a layer, by index: f32, of 'active' u32. The same buffer for every layer. */
export function observe(kv: KvTick, layer: KvLayer, { into, queries = 0, alpha = 0 }: Observe): GPUBuffer {
  const { segments, bindings, constants } = observed(kv, layer, queries);
  const scores = indexed(kv, 'scores');
  const plane = planesOfInto[into];
  const more = { segments: segments.length, most: mostSlots(kv), planes: kv.plan.planes.length, plane: plane ? planeOf(kv.plan, plane) : 0, alpha };
  // Of several sets the first alone has candidates.
  for (const { segment, slots, files, reads, consts, bindings: own, planes, params } of segments) {
    if (slots === 0 || (segment > 0 && segment < segments.length - 1)) continue;
    kv.dispatch({
      label: `kv.${layer.layer}.observe`,
      kernel: {
        kernel: 'kv-observe', files: [...files, 'kv/tick/probability', ...(plane ? ['kv/tick/planes'] : reads), `kv/tick/into-${into}`],
        consts, constants,
      },
      params: { ...params, ...more },
      bindings: { ...own, ...bindings, scores, ...(plane && { planes: planes! }) },
      grid: [groupsOf(slots, 64), layer.heads.kvHeads],
    });
  }
  return scores;
}

/** Adds to `echoes`, from head `first` on, what each head of a layer pays to the position `period` before its queries and to the one behind that. */
export function echo(kv: KvTick, layer: KvLayer, { echoes, first, period }: { echoes: GPUBuffer; first: number; period: number }): void {
  const { segments, bindings, constants } = observed(kv, layer, 0);
  const { files, consts, bindings: own, params } = segments.at(-1)!;
  kv.dispatch({
    label: `kv.${layer.layer}.echo`,
    kernel: { kernel: 'kv-echo', files: [...files, 'kv/tick/probability'], consts, constants },
    params: { ...params, segments: segments.length, period, first },
    bindings: { ...own, ...bindings, echoes },
    grid: [layer.queryHeads],
  });
}

/** How unevenly queries pay: of their shares of all slots, means over queries and heads. */
export interface Moments {
  /** Nats. */
  entropy: number;
  variance: number;
  kurtosis: number;
}

/** Of each layer, by its last `queries` queries, for a plan with `moments` (`Evicting` of room.ts). At the end of a prompt, as it waits for the GPU. */
export async function moments(kv: KvTick, queries: number): Promise<Moments[]> {
  const count = queriesOf(kv, queries);
  const rows = kv.layers.map(({ queryHeads }) => count * queryHeads);
  const firsts = rows.map((_, i) => rows.slice(0, i).reduce((a, b) => a + b, 0));
  const bytes = momentBytes * rows.reduce((a, b) => a + b, 0);
  const buffer = kv.scratch('moments', bytes);
  kv.layers.forEach((layer, i) => {
    const { segments, bindings, constants } = observed(kv, layer, queries);
    for (const { segment, files, reads, consts, bindings: own, params } of segments) {
      kv.dispatch({
        label: `kv.${layer.layer}.moments`,
        kernel: { kernel: 'kv-moments', files: [...files, ...reads, 'kv/tick/probability'], consts, constants },
        params: { ...params, segment, segments: segments.length, first: firsts[i], slots: slotsOfHead(kv, layer) },
        bindings: { ...own, ...bindings, moments: buffer },
        grid: [layer.queryHeads, count],
      });
    }
  });
  const all = new Float32Array(await kv.read(buffer, bytes));
  return kv.layers.map((layer, i) => momentsOf(all.subarray(4 * firsts[i], 4 * (firsts[i] + rows[i])), slotsOfHead(kv, layer)));
}

/** Slots of the longest head, of sets and fresh ones. */
const slotsOfHead = ({ length, base }: KvTick, { sets }: KvLayer): number => sets.reduce((sum, set) => sum + longest(set), length - base);

function momentsOf(rows: Float32Array, slots: number): Moments {
  const count = rows.length / 4;
  const each = Array.from({ length: count }, (_, i) => rows.subarray(4 * i, 4 * i + 3));
  const mean = (of: (row: Float32Array) => number) => each.reduce((sum, row) => sum + of(row), 0) / count;
  return {
    entropy: mean(([entropy]) => -entropy), variance: mean(([, second]) => second / slots),
    kurtosis: mean(([, second, fourth]) => (fourth * slots) / Math.max(1e-30, second * second)),
  };
}

type Segment = Pick<TickWork, 'bindings'> & {
  files: string[];
  /** Files of those kernels alone that write no planes. */
  reads: string[];
  consts: Record<string, number>;
  planes?: GPUBuffer;
};

/** Files and bindings of a kernel that reads the keys of a set, or of the fresh slots. */
function segmentOf({ plan }: KvTick, { lists, fresh, heads: { headDim } }: KvLayer, set?: KvSet): Segment {
  const { format, pages, planes } = set ?? fresh;
  const biased = set?.index === 0 ? biasIn(plan.planes) : undefined;
  const kind = set ? ['kv/where/list', 'kv/tick/of-set'] : ['kv/where/ring', 'kv/tick/of-fresh'];
  return {
    files: [...format.read, ...kind, biased ? 'kv/bias/plane' : 'kv/bias/none', 'kv/tick/score'],
    consts: { ...(format as PageFormat).consts, ...biased, HeadVec4s: Math.ceil(headDim / 4) }, planes, reads: biased ? ['kv/bias/planes'] : [],
    bindings: { pages, lists, ...(biased && { planes: planes! }) },
  };
}
