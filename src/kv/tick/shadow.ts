// Dispatches by which keys are kept in low rank: kv-unturn.wgsl, kv-gram.wgsl, kv-project.wgsl, kv-landmarks.wgsl, kv-outliers.wgsl, kv-remake.wgsl. The basis
// is found here, in float64.
import { eigenBytes, symmetricEigen } from '../latents/eigen.ts';
import { remadeSlots, remakeKernel } from '../latents/remade.ts';
import { pageSlots } from '../formats/format.ts';
import { pickedSet } from '../pick.ts';
import { type KvLayer, type KvTick, type PolicyModel } from '../policy.ts';
import { outliersOf, runsBehind, shadowConsts } from '../shadow.ts';
import { groupsOf, longest } from './layer.ts';

/** Slots whose keys are turned back at a time. */
const block = 1024;
/** Words of the basis that are written at a time. */
const piece = 16384;

const mostChannels = (heads: PolicyModel['heads']): number => Math.max(0, ...heads.map(({ kvHeads, headDim }) => kvHeads * headDim));

/** Bytes of what these kernels hand on, and of what is read of it; `runs`: of a head at most. */
export function shadowScratch({ heads }: Pick<PolicyModel, 'heads'>, context: number, runs: number): number {
  const channels = mostChannels(heads);
  const mostHeads = Math.max(0, ...heads.map(({ kvHeads }) => kvHeads));
  return 4 * Math.min(block, context) * channels + 8 * channels ** 2 + 4 * mostHeads * runs + 4 * piece;
}

/** Bytes of worker memory in which the basis of a layer is found: products of all channels as they are read and in float64, and what decomposes them. */
export const shadowWorker = ({ heads }: Pick<PolicyModel, 'heads'>): number => 12 * mostChannels(heads) ** 2 + eigenBytes(mostChannels(heads));

/** Kernels that a tick has for a layer at most. */
export const shadowKernels = (context: number): number => 8 + 4 * Math.ceil(context / block);

function common(kv: KvTick, { layer, heads, turn, lists, books, fresh: { format }, sets: [set] }: KvLayer) {
  const { pick } = pickedSet(kv.plan.layers[layer])!;
  const reads = [`kv/${format.name}`, 'kv/page/read', 'kv/where/list'];
  const turns = ['kv/levels/turn', 'kv/pick/turned'];
  return {
    pick, reads, turns, known: ['kv/shadow/known'], consts: shadowConsts(pick, heads, turn), params: { kv_heads: heads.kvHeads, set_index: 0 },
    pages: set.pages, summaries: set.summaries!, books: books!, lists, angles: kv.angles!,
  };
}

/** Has keys of a layer's set as they were before positions turned them, some slots at a time, from `first` on. */
function inBlocks(kv: KvTick, layer: KvLayer, first: number, use: (unturned: GPUBuffer, at: { first: number; slots: number }) => void): void {
  const { reads, turns, consts, params, pages, lists, angles } = common(kv, layer);
  const channels = 4 * consts.RowVec4s;
  const end = longest(layer.sets[0]);
  for (let from = first; from < end; from += block) {
    const slots = Math.min(block, end - from);
    const unturned = kv.scratch('shadow.unturned', 4 * Math.min(block, pickedSet(kv.plan.layers[layer.layer])!.pick.lowRank!.slots) * channels);
    kv.dispatch({
      label: `kv.${layer.layer}.unturn`, kernel: { kernel: 'kv-unturn', files: [...reads, ...turns], consts }, params: { ...params, first: from, slots },
      bindings: { pages, unturned, lists, angles }, grid: [groupsOf((slots * channels) / 4, 64)],
    });
    use(unturned, { first: from, slots });
  }
}

/** (rank, channels): the directions in which the keys of a layer's set, of all heads, are furthest from 0, from slot `first` on. */
async function findBasis(kv: KvTick, layer: KvLayer, first: number): Promise<Float64Array> {
  const { consts, pick } = common(kv, layer);
  const n = 4 * consts.RowVec4s;
  const gram = kv.scratch('shadow.gram', 4 * n * n);
  inBlocks(kv, layer, first, (unturned, { first: from, slots }) => kv.dispatch({
    label: `kv.${layer.layer}.gram`, kernel: { kernel: 'kv-gram', consts: { RowVec4s: consts.RowVec4s } }, params: { slots, adds: from > first ? 1 : 0 },
    bindings: { unturned, gram }, grid: [groupsOf(consts.RowVec4s ** 2, 64)],
  }));
  const half = new Float32Array(await kv.read(gram, 4 * n * n));
  const whole = Float64Array.from(half, (_, i) => half[Math.max(Math.floor(i / n), i % n) * n + Math.min(Math.floor(i / n), i % n)]);
  const { vectors } = await symmetricEigen(whole, n, kv.rest);
  return vectors.subarray(0, pick.lowRank!.rank * n);
}

/** Puts the basis where kernels find it; latents that there are not add nothing. */
function putBasis(kv: KvTick, layer: KvLayer, basis: Float64Array): void {
  const { consts, books } = common(kv, layer);
  const padded = new Float32Array(16 * consts.RankVec4s * consts.RowVec4s);
  padded.set(basis);
  const words = layer.fresh.format.encode(padded);
  const scratch = kv.scratch('shadow.basis', 4 * piece);
  for (let at = 0; at < words.length; at += piece) {
    const some = Uint32Array.from(words.subarray(at, at + piece));
    kv.write(scratch, some);
    kv.copy({ buffer: scratch, offset: 0 }, { buffer: books, offset: 4 * at }, some.byteLength);
  }
}

/** Latents of what a layer's set has from slot `before` on, by the basis that there is. */
function noteLatents(kv: KvTick, layer: KvLayer, before: number): void {
  const { known, consts, summaries, books } = common(kv, layer);
  inBlocks(kv, layer, before, (unturned, at) => kv.dispatch({
    label: `kv.${layer.layer}.project`, kernel: { kernel: 'kv-project', files: [`kv/${layer.fresh.format.name}`, ...known], consts }, params: { ...at },
    bindings: { unturned, summaries, books }, grid: [groupsOf(at.slots * consts.RankVec4s, 64)],
  }));
}

/** Landmarks of the runs that have slots from `before` on. */
export function noteLandmarks(kv: KvTick, layer: KvLayer, before: number): GPUBuffer {
  const { pick, reads, known, consts: { Runs: room, ...consts }, params, pages, summaries, lists } = common(kv, layer);
  const { kvHeads } = layer.heads;
  const slots = longest(layer.sets[0]);
  const likeness = kv.scratch('shadow.likeness', 4 * kvHeads * room);
  const first = Math.floor(Math.max(0, before - pick.first) / pick.each);
  const runs = runsBehind(pick, slots) - first;
  if (runs > 0)
    kv.dispatch({
      label: `kv.${layer.layer}.landmarks`, kernel: { kernel: 'kv-landmarks', files: [...reads, ...known], consts: { ...consts, Runs: room } },
      params: { ...params, first, room }, bindings: { pages, summaries, likeness, lists }, grid: [groupsOf(runs, 64), kvHeads],
    });
  return likeness;
}

/** Of all runs of a layer's set, by how like their landmarks their keys are. */
function findOutliers(kv: KvTick, layer: KvLayer, likeness: GPUBuffer): void {
  const { pick, reads, known, consts, params, pages, books, lists } = common(kv, layer);
  const room = consts.Runs;
  const slots = longest(layer.sets[0]);
  const count = outliersOf(pick.lowRank!, runsBehind(pick, slots));
  kv.dispatch({
    label: `kv.${layer.layer}.outliers`, kernel: { kernel: 'kv-outliers', files: [...reads, ...known], consts }, params: { ...params, count, room },
    bindings: { pages, books, likeness, lists }, grid: [groupsOf(room, 64), layer.heads.kvHeads],
  });
}

/** Keys of a layer's set from slot `first` on become those that its latents make, but for outliers. */
function remake(kv: KvTick, layer: KvLayer, first: number): void {
  const { pick, params, pages, summaries, books, lists, angles } = common(kv, layer);
  const { heads, turn, fresh: { format } } = layer;
  const from = Math.floor(first / pageSlots) * pageSlots;
  kv.dispatch({
    label: `kv.${layer.layer}.remake`, kernel: remakeKernel({ heads, pick, format, turn }, 'in-order'), params: { ...params, first },
    bindings: { pages, summaries, books, lists, angles }, grid: [groupsOf(longest(layer.sets[0]) - from, remadeSlots(heads)), heads.kvHeads],
  });
}

/** The keys of a layer's set behind its first slots are kept in low rank from now on, by a basis of what they are. At a prompt's end: it waits for the GPU. */
export async function decompose(kv: KvTick, layer: KvLayer): Promise<void> {
  const { frames, pick: { first } } = pickedSet(kv.plan.layers[layer.layer])!;
  const whole = await kv.whole(layer);
  putBasis(kv, layer, await findBasis(kv, whole, first));
  noteLatents(kv, whole, first);
  findOutliers(kv, whole, noteLandmarks(kv, whole, first));
  if (!frames) remake(kv, layer, first);
  kv.setLow(layer.sets[0]);
}

/** So are those from slot `before` on, by the basis that there is. */
export function followBasis(kv: KvTick, layer: KvLayer, before: number): void {
  if (longest(layer.sets[0]) <= before) return;
  noteLatents(kv, layer, before);
  noteLandmarks(kv, layer, before);
  if (!pickedSet(kv.plan.layers[layer.layer])!.frames) remake(kv, layer, before);
}
