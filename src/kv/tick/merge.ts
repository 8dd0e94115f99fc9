// Dispatches by which slots that go become a part of those that stay: kv-alike.wgsl, kv-closest.wgsl,
// kv-merge.wgsl, kv-neighbours.wgsl, kv-join.wgsl, kv-bias.wgsl.
import { RequestError } from '../../errors.ts';
import { type KvLayer, type KvTick } from '../policy.ts';
import { gridOf, groupsOf, indexed, longest, mostSlots, planeOf } from './layer.ts';
import { type Kept, rank } from './rank.ts';

/** Formats of fresh slots that a mean can be put into, number by number. */
const written: readonly string[] = ['f16', 'f32'];

/** No index. */
const none = 0xffffffff;

/** What kernels have in common that read and write slots before `end` by their index. */
function slotsOf(kv: KvTick, { heads: { kvHeads, headDim }, sets: [set], fresh, lists }: KvLayer, end: number) {
  const { format: { name } } = fresh;
  if (!written.includes(name))
    throw new RequestError(`Slots are merged in ${written.join(' or ')}; new ones are kept in ${name}. Choose one of those.`);
  const vec4s = Math.ceil(headDim / 4);
  return {
    files: [`kv/${name}`, 'kv/merge/slots'], consts: { HeadVec4s: vec4s },
    params: { kv_heads: kvHeads, head_vec4s: vec4s, base: kv.base, fresh: end - kv.base, most: mostSlots(kv) },
    bindings: { set_pages: set.pages, fresh_pages: fresh.pages, lists },
    most: longest(set) + end - kv.base,
  };
}

const biasPlane = (kv: KvTick) => ({ planes: kv.plan.planes.length, plane: planeOf(kv.plan, 'bias') });

export interface Nearest {
  end: number;
  /** What slots count: by their cosine, or by how many tokens they stand for, which raises the score of what they become. */
  by: 'cosine' | 'count';
  /** From which cosine on slots are merged; others are dropped. */
  least: number;
  /** And no less than the mean of a head. */
  byMean?: boolean;
}

/** Of each slot that goes which one it becomes a part of, with a cosine: (kv head, index). */
const nearestOf = (kv: KvTick): GPUBuffer => kv.scratch('nearest', 8 * Math.max(...kv.layers.map(({ heads }) => heads.kvHeads)) * mostSlots(kv));

/** Slots before `end` without a mark become a part of those with one whose keys are the most like theirs. */
export function mergeNearest(kv: KvTick, layer: KvLayer, marks: GPUBuffer, found: Nearest): void {
  const { files, consts, params, bindings, most } = slotsOf(kv, layer, found.end);
  const nearest = nearestOf(kv);
  kv.dispatch({
    label: `kv.${layer.layer}.alike`, kernel: { kernel: 'kv-alike', files, consts }, params, bindings: { ...bindings, nearest, marks },
    grid: [groupsOf(most, 64), layer.heads.kvHeads],
  });
  mergeFound(kv, layer, { marks, nearest }, found);
}

/** The same into those that are the nearest in their order, with plain means. */
export function mergeClosest(kv: KvTick, layer: KvLayer, marks: GPUBuffer, end: number): void {
  const { params: { fresh, most: room }, most } = slotsOf(kv, layer, end);
  const nearest = nearestOf(kv);
  kv.dispatch({
    label: `kv.${layer.layer}.closest`, kernel: { kernel: 'kv-closest' }, params: { fresh, most: room }, bindings: { nearest, marks, lists: layer.lists },
    grid: [groupsOf(most, 64), layer.heads.kvHeads],
  });
  mergeFound(kv, layer, { marks, nearest }, { end, by: 'cosine', least: 0 }); // with equal cosines all weights are equal
}

/** Slots that go become a part of the one that was found for each. */
function mergeFound(
  kv: KvTick, layer: KvLayer, { marks, nearest }: Record<'marks' | 'nearest', GPUBuffer>, { end, by, least, byMean = false }: Nearest,
): void {
  const { files, consts, params, bindings, most } = slotsOf(kv, layer, end);
  const counts = by === 'count';
  kv.dispatch({
    label: `kv.${layer.layer}.merge`,
    kernel: { kernel: 'kv-merge', files: [...files, ...(counts ? ['kv/merge/tokens'] : []), `kv/merge/by-${by}`, 'kv/merge/into-nearest'], consts },
    params: { ...params, ...(counts ? biasPlane(kv) : { planes: 0, plane: 0 }), into: none, by_mean: byMean ? 1 : 0, least },
    bindings: { ...bindings, nearest, marks, biases: indexed(kv, 'biases'), ...(counts && { planes: layer.sets[0].planes! }) },
    grid: gridOf(most, layer.heads.kvHeads),
  });
}

/** Slots before `end` without a mark all become a part of the one with the index `into`, which has one. */
export function mergeInto(kv: KvTick, layer: KvLayer, marks: GPUBuffer, end: number, into: number): void {
  const { files, consts, params, bindings } = slotsOf(kv, layer, end);
  kv.dispatch({
    label: `kv.${layer.layer}.merge`,
    kernel: { kernel: 'kv-merge', files: [...files, 'kv/merge/tokens', 'kv/merge/by-count', 'kv/merge/into-one'], consts },
    params: { ...params, ...biasPlane(kv), into, by_mean: 0, least: 0 },
    bindings: { ...bindings, marks, biases: indexed(kv, 'biases'), planes: layer.sets[0].planes! },
    grid: [1, layer.heads.kvHeads],
  });
}

export interface Runs {
  end: number;
  /** So many first slots stay by themselves. */
  first: number;
  /** Slots that become a part of others: the ends of the pairs of neighbours whose keys are the most alike. */
  merged: number;
  /** What queries pay, by index. */
  scores: GPUBuffer;
}

/** Runs of slots before `end` become one slot each; gives marks of those. */
export function joinRuns(kv: KvTick, layer: KvLayer, { end, first, merged, scores }: Runs): GPUBuffer {
  const { files, consts, params, bindings, most } = slotsOf(kv, layer, end);
  const { kvHeads } = layer.heads;
  const alike = indexed(kv, 'alike');
  kv.dispatch({
    label: `kv.${layer.layer}.neighbours`, kernel: { kernel: 'kv-neighbours', files, consts }, params: { ...params, first },
    bindings: { ...bindings, scores: alike }, grid: [groupsOf(most, 64), kvHeads],
  });
  const marks = rank(kv, layer, { scores: { buffer: alike, type: 'f32' }, end, keep: merged });
  const pivots = indexed(kv, 'pivots');
  kv.dispatch({
    label: `kv.${layer.layer}.join`, kernel: { kernel: 'kv-join', files: [...files, 'kv/merge/tokens'], consts }, params: { ...params, ...biasPlane(kv) },
    bindings: { ...bindings, scores, marks, pivots, biases: indexed(kv, 'biases'), planes: layer.sets[0].planes! }, grid: gridOf(most, kvHeads),
  });
  return pivots;
}

/** Notes how many tokens the listed slots stand for, which are those of the first set now; of one of them, by its index before, or of all. */
export function noteBiases(kv: KvTick, layer: KvLayer, { kept, counts }: Kept, only = none): void {
  const { kvHeads } = layer.heads;
  const position = kv.plan.planes.includes('position') ? planeOf(kv.plan, 'position') : none;
  kv.dispatch({
    label: `kv.${layer.layer}.bias`, kernel: { kernel: 'kv-bias', files: ['kv/where/list'] },
    params: { kv_heads: kvHeads, set_index: 0, most: mostSlots(kv), ...biasPlane(kv), only: only === none ? 0 : 1, into: only, position },
    bindings: { kept, kept_counts: counts, biases: indexed(kv, 'biases'), planes: layer.sets[0].planes!, lists: layer.lists },
    grid: [groupsOf(mostSlots(kv), 64), kvHeads],
  });
}
