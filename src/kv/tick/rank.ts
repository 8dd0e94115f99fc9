// Dispatches that choose slots by their scores, and list them: kv-smooth.wgsl, kv-runs.wgsl, kv-larger.wgsl, kv-rank.wgsl,
// kv-list.wgsl.
import { type KvLayer, type KvTick } from '../policy.ts';
import { groupsOf, indexed, longest, mostSlots, planeOf } from './layer.ts';

const shape = (kv: KvTick, { heads: { kvHeads } }: KvLayer, fresh: number) => ({ kv_heads: kvHeads, set_index: 0, fresh, most: mostSlots(kv) });
const longestOf = ({ sets }: KvLayer): number => longest(sets[0]);

/** Averages of `width` neighbours, with zeros beyond the ends. */
export function smooth(kv: KvTick, layer: KvLayer, scores: GPUBuffer, width: number): GPUBuffer {
  const smoothed = indexed(kv, 'smoothed');
  const fresh = kv.length - kv.base;
  kv.dispatch({
    label: `kv.${layer.layer}.smooth`,
    kernel: { kernel: 'kv-smooth', files: ['kv/tick/candidates'] },
    params: { ...shape(kv, layer, fresh), width },
    bindings: { scores, smoothed, lists: layer.lists },
    grid: [groupsOf(longestOf(layer) + fresh, 64), layer.heads.kvHeads],
  });
  return smoothed;
}

/** Scores of runs of `size` of the slots before position `end`, of all heads; all heads have as many slots. */
export function byRuns(kv: KvTick, layer: KvLayer, scores: GPUBuffer, { end, size, how }: { end: number; size: number; how: 'largest' | 'mean' }): GPUBuffer {
  const of_runs = indexed(kv, 'runs');
  const fresh = end - kv.base;
  kv.dispatch({
    label: `kv.${layer.layer}.runs`,
    kernel: { kernel: 'kv-runs', files: ['kv/tick/candidates'] },
    params: { ...shape(kv, layer, fresh), size, largest: how === 'largest' ? 1 : 0 },
    bindings: { scores, of_runs, lists: layer.lists },
    grid: [groupsOf(longestOf(layer) + fresh, 64), layer.heads.kvHeads],
  });
  return of_runs;
}

/**
 * Of `paid.last`, by the last queries, and `paid.all`, by all that saw a slot together, the larger share of each slot, both as multiples of their mean over
 * all but the last `window` slots (EMS, arXiv 2412.08521). Positions of older slots are in a plane.
 */
export function larger(kv: KvTick, layer: KvLayer, paid: Record<'last' | 'all', GPUBuffer>, window: number): GPUBuffer {
  const scores = indexed(kv, 'larger');
  kv.dispatch({
    label: `kv.${layer.layer}.larger`,
    kernel: { kernel: 'kv-larger', files: ['kv/tick/candidates'] },
    params: {
      ...shape(kv, layer, kv.length - kv.base), base: kv.base, length: kv.length, window, planes: kv.plan.planes.length, plane: planeOf(kv.plan, 'position'),
    },
    bindings: { paid_last: paid.last, paid_all: paid.all, larger: scores, planes: layer.sets[0].planes!, lists: layer.lists },
    grid: [layer.heads.kvHeads],
  });
  return scores;
}

export interface Rank {
  /** By index; none: what is newer is kept. */
  scores?: { buffer: GPUBuffer; type: 'f32' | 'u32' };
  /** Fresh slots from this position on take no part. */
  end: number;
  /** Slots to mark: of every kv head, of each, or of all together. */
  keep: number | readonly number[] | { jointly: number };
  /** So many first slots are marked in any case, as a part of these; of each head where `keep` is. */
  first?: number | readonly number[];
  /** And so many of the newest, or as many of those as `keep` leaves where it is a number of each head. */
  last?: number;
  /** Their mark. Default 1; of other slots it becomes 0. */
  mark?: number;
  /** Besides those that have a mark. */
  further?: boolean;
}

const keys = { f32: 0, u32: 1, none: 2 };

/** Marks of all slots before `end`, by index. The same buffer for every layer. */
export function rank(kv: KvTick, layer: KvLayer, { scores, end, keep, first = 0, last = 0, mark = 1, further = false }: Rank): GPUBuffer {
  const marks = indexed(kv, 'marks');
  const { kvHeads } = layer.heads;
  const ranked = (head: number, heads: number, count: number, jointly = false): void => {
    const least = typeof first === 'number' ? first : first[head];
    kv.dispatch({
      label: `kv.${layer.layer}.rank`,
      kernel: { kernel: 'kv-rank', files: ['kv/tick/candidates', 'kv/tick/radix'], constants: { Key: keys[scores?.type ?? 'none'] } },
      params: {
        ...shape(kv, layer, end - kv.base), first: least, last: jointly ? last : Math.max(0, Math.min(last, count - least)), keep: count,
        jointly: jointly ? 1 : 0, head, mark, further: further ? 1 : 0,
      },
      bindings: { scores: scores?.buffer ?? indexed(kv, 'scores'), marks, lists: layer.lists },
      grid: [jointly ? 1 : heads],
    });
  };
  if (typeof keep === 'number') ranked(0, kvHeads, keep);
  else if ('jointly' in keep) ranked(0, kvHeads, keep.jointly, true);
  else keep.forEach((count, head) => ranked(head, 1, count));
  return marks;
}

/** Slots of a layer by index, ascending. */
export interface Kept {
  /** (kv head, most) u32 */
  kept: GPUBuffer;
  /** (kv head, 2) u32: how many are of the set, and how many there are. */
  counts: GPUBuffer;
  /** Fresh slots that took part. */
  fresh: number;
}

/** Of slots with a mark the first so many alone are listed, and the others get another mark. */
export interface Part {
  listed: number;
  beyond: number;
}

/** Lists the slots before `end` that have a mark. The same buffers for every layer, by the mark. */
export function list(kv: KvTick, layer: KvLayer, marks: GPUBuffer, end: number, mark = 1, part: Part = { listed: 0xffffffff, beyond: 0 }): Kept {
  const kept = indexed(kv, `kept.${mark}`);
  const counts = kv.scratch(`counts.${mark}`, 8 * Math.max(...kv.layers.map(({ heads: { kvHeads } }) => kvHeads)));
  const fresh = end - kv.base;
  kv.dispatch({
    label: `kv.${layer.layer}.list`,
    kernel: { kernel: 'kv-list', files: ['kv/tick/candidates'] },
    params: { ...shape(kv, layer, fresh), mark, ...part },
    bindings: { marks, kept, kept_counts: counts, lists: layer.lists },
    grid: [layer.heads.kvHeads],
  });
  return { kept, counts, fresh };
}
