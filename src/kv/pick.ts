// Picking from a set: what it takes of memory, and the dispatches by which a row chooses what it reads (`PickPlan`). Plain data.
import { type Dispatch } from '../gpu/program.ts';
import { type CacheHeads } from '../model/graph.ts';
import { type KvSet, type PickAt, type SequenceBuffers } from '../model/operation.ts';
import { codeConsts, codeFiles, codeWords } from './codes.ts';
import { type KvFormat, pageSlots } from './formats/format.ts';
import { type PickPlan, type SetPlan, type Turn } from './policy.ts';
import { knownUnits, outliersOf, runsBehind, shadowConsts } from './shadow.ts';

/** Clusters of a head at most: of 8192 slots 16 each. Longer texts have larger ones. */
export const mostClusters = 512;

export type Picked = SetPlan & { pick: PickPlan };

/** The set of a layer that is picked from, if it has such a one. */
export function pickedSet(sets: readonly SetPlan[]): Picked | undefined {
  const found = sets.find(({ pick }) => pick) as Picked | undefined;
  if (found && (sets.length > 1 || pageSlots % found.pick.each)) throw new Error('A layer picks from its only set, of which parts of pages are known.');
  return found;
}

/** Whether a layer makes a choice of its own. */
export const chooses = ({ pick: { of } }: Picked, layer: number): boolean => of === undefined || of === layer;

const runsOf = ({ mostSlots, pick: { run } }: Picked): number => Math.ceil(Math.max(...mostSlots) / run);

/**
 * u32 words of what a layer's tokens choose: of each kv head a head of 4, and its runs; behind those its part of a query, where that is compared, or how many
 * coarse runs are looked into.
 */
export const pickedWords = (set: Picked, queryHeads: number, headDim: number): number =>
  set.mostSlots.length * (4 + runsOf(set) + (set.pick.by === 'levels' ? 1 : 0)) + (set.pick.by === 'votes' ? queryHeads * 4 * Math.ceil(headDim / 4) : 0);

/** Where in what kv-pick.wgsl is told, of levels, how many coarse runs each kv head looks into: in bytes, of a buffer of so many. */
export function openedAt(kvHeads: number, size: number): number[] {
  const each = Math.floor((size / 4 - 4 * kvHeads) / kvHeads);
  return Array.from({ length: kvHeads }, (_, head) => 4 * (4 * kvHeads + (head + 1) * each - 1));
}

/** Rows of numbers that a choice of a kv head has for its items. */
const rowsFor = (by: PickPlan['by'], heads: number, group: number): number =>
  ({ bounds: 1, levels: 2, landmarks: group, clusters: group, votes: heads, codes: group, none: 0 })[by];

/** Bytes of the numbers of items that a choice is made among. */
export const keyBytes = (set: Picked, queryHeads: number): number =>
  4 * set.mostSlots.length * rowsFor(set.pick.by, queryHeads, queryHeads / set.mostSlots.length) * runsOf(set);

/** u32 words of what is known of the slots of a page, of each `size` together. */
export function summaryWords(pick: PickPlan, { unitWords }: KvFormat, headDim: number, size = pick.each): number {
  const { by, parts } = pick;
  if (by === 'codes') return pageSlots * codeWords({ parts });
  if (by === 'landmarks') return knownUnits(pick, headDim) * unitWords;
  const vec4s = Math.ceil(headDim / 4);
  const coarse = by === 'levels' ? (2 * vec4s * pageSlots) / coarseSlots : 0;
  return ({ votes: 0, none: 0, bounds: 2 * vec4s, levels: 2 * vec4s, clusters: vec4s + 1 }[by] * (pageSlots / size) + coarse) * unitWords;
}

/** Slots of a coarse run of levels, two pages: of the first of them lies the least of each dimension, of the second the largest. */
export const coarseSlots = 64;

/** Pages that there is room for of what is known, where so many are there or planned: of levels whole coarse runs. */
export const pagesKnown = ({ pick, mostSlots: { length: kvHeads } }: SetPlan, pages: number): number =>
  pick?.by === 'levels' ? Math.ceil(pages / (2 * kvHeads)) * 2 * kvHeads : pages;

/** Layers, by the sizes that they have and are to have, in an order in which what is known never takes more than before and after: where it shrinks first. */
export const shrinkingFirst = (before: readonly (number | undefined)[], after: readonly (number | undefined)[]): number[] =>
  [...before.keys()].sort((a, b) => Number(after[a]! < before[a]!) - Number(after[b]! < before[b]!));

/** The size of a layer that is number `rank` of so many, from those that have the largest on: as near to equal parts as there are. */
export const sizeAt = (sizes: readonly number[], rank: number, layers: number): number => sizes[Math.floor((sizes.length * rank) / layers)];

/** Of each layer the size that it has where what is known takes most: the smallest ones in the layers with the most channels. */
export function costliestSizes(layers: readonly (readonly SetPlan[])[], heads: readonly CacheHeads[]): (number | undefined)[] {
  const choosing = layers.flatMap((sets, layer) => (pickedSet(sets)?.pick.sizes ? [layer] : []));
  const channels = (layer: number) => heads[layer].kvHeads * heads[layer].headDim;
  const order = [...choosing].sort((a, b) => channels(a) - channels(b));
  return layers.map((sets, layer) => {
    const { sizes } = pickedSet(sets)?.pick ?? {};
    return sizes && sizeAt(sizes, order.indexOf(layer), order.length);
  });
}

/** Slots of a head that a token reads at most: the first, the runs, and those behind. How large clusters are only the GPU knows. */
export function readAtMost(pick: PickPlan, slots: number, runs: number, tail: number): number {
  const { by, first, run, lowRank } = pick;
  const besides = lowRank ? outliersOf(lowRank, runsBehind(pick, slots)) : 0;
  return by === 'clusters' ? slots : Math.min(slots, first + (runs + besides) * run + Math.max(0, slots - tail));
}

/** Whether what is known of pages lies in the order of the pages, as not all of them have a frame or coarse runs are of two: 1, or 0 by their frames. */
export const inOrder = ({ frames, pick }: SetPlan): number => (frames || pick?.by === 'levels' || pick?.lowRank ? 1 : 0);

/** What kernels of attention are told of a set. */
export function pickedOf(set: SetPlan, layer: number): KvSet['picked'] {
  if (!set.pick) return undefined;
  const { run, first, of = layer, lag } = set.pick;
  return { consts: { Run: run, First: first }, layer: of, lag };
}

/** What a choice asks of a sequence. */
interface Asked {
  /** Positions at the tick before. */
  since(of: SequenceBuffers): number;
  /** Slots of the head of the layer's set that has most. */
  slots(of: SequenceBuffers): number;
  /** How positions turn keys, and by which numbers, for choices by codes. */
  turn?: Turn;
}

/** The choice of a layer for the next row; none where it takes another's, or there is nothing to choose. */
export function picksOf(set: Picked, format: KvFormat, layer: number, at: PickAt, asked: Asked): Dispatch[] {
  if (!chooses(set, layer) || set.pick.by === 'none') return [];
  const { by, run, each, sizes = [each], first, reuse = 1, alike = 0 } = set.pick;
  const { config: { heads, kvHeads, headDim }, section, scale, query, scratch } = at;
  const group = heads / kvHeads;
  const consts = { HeadVec4s: Math.ceil(headDim / 4), Group: group, First: first, InOrder: inOrder(set) };
  const params = { heads, kv_heads: kvHeads, head_vec4s: consts.HeadVec4s, set_index: 0, room: runsOf(set), scale };
  const own = (name: 'picked' | 'summaries' | 'planes' | 'lists' | 'books') => (of: SequenceBuffers) => of.sets!(layer)[name]!;
  const picked = (of: SequenceBuffers) => of.sets!(layer).chosen ?? of.sets!(layer).picked!;
  const bindings: Dispatch['bindings'] = { query, keys: scratch, state: (of: SequenceBuffers) => of.state, lists: own('lists') };
  // All heads of keys and values have one choice by votes.
  const together = by === 'votes' ? kvHeads : 1;
  const bySlot: Dispatch['grid'] = ({ of }) => [Math.ceil(Math.max(0, asked.slots(of as SequenceBuffers) - first) / 64), kvHeads];
  const scores = (): Dispatch[] => {
    if (by === 'codes') return [coded(set, at, asked, { params, bindings: { ...bindings, summaries: own('summaries'), books: own('books') }, grid: bySlot })];
    if (by !== 'votes') return [];
    return [{
      label: `${section}.votes`,
      kernel: { kernel: 'kv-votes', files: [...format.read, 'kv/where/list', 'state'], consts },
      params,
      bindings: { ...bindings, pages: (of: SequenceBuffers) => of.sets!(layer).pages[0] },
      grid: bySlot,
    }];
  };
  // Of tokens that share a choice the first makes it.
  const isDue = (length: number, of: SequenceBuffers) => (length - 1 - asked.since(of)) % reuse === 0;
  const pickBy = (size: number): Dispatch => ({
    label: `${section}.pick`,
    kernel: {
      kernel: 'kv-pick', files: [`kv/${format.name}`, 'state', 'kv/tick/radix', ...files[by]],
      consts: {
        ...consts, Run: run, Each: size, ...(by === 'clusters' && { MostClusters: mostClusters }), Rows: rowsFor(by, heads, group),
        ...(by === 'landmarks' && shadowConsts(set.pick, { kvHeads, headDim })),
        ...(by === 'levels' && { Known: summaryWords(set.pick, format, headDim, size) / format.unitWords, Coarse: coarseSlots }),
      },
    },
    params: { ...params, chosen_for: together, alike },
    bindings: {
      ...bindings, picked, ...(reads.includes(by) && { summaries: own('summaries') }), ...(by === 'clusters' && { planes: own('planes') }),
      ...(by === 'landmarks' && { books: own('books') }),
    },
    // Of the sizes that a layer may have each has a kernel, of which one is run.
    grid: ({ length, of }) => {
      const { size: own = each } = (of as SequenceBuffers).sets!(layer);
      return [isDue(length, of as SequenceBuffers) && own === size ? kvHeads / together : 0];
    },
  });
  return [...scores(), ...sizes.map(pickBy)];
}

/** Those whose choice itself reads what is known of slots. */
const reads: readonly PickPlan['by'][] = ['bounds', 'levels', 'landmarks', 'clusters'];

/** Scores of all slots by the codes of their keys. */
function coded(
  { pick }: Picked,
  { config: { heads, kvHeads, headDim }, section, angles }: PickAt,
  { turn }: Asked,
  { params, ...work }: Pick<Dispatch, 'params' | 'bindings' | 'grid'>,
): Dispatch {
  const consts = { ...codeConsts(pick, headDim, turn!), Group: heads / kvHeads };
  return {
    label: `${section}.coded`, ...work, kernel: { kernel: 'kv-coded', files: ['state', ...codeFiles], consts },
    params: { ...params, span: pick.span ?? 0 }, bindings: { ...work.bindings, angles: angles! },
  };
}

/** Those of items that are slots. */
const slots = ['kv/pick/shares', 'kv/pick/slots'];
const ranked = 'kv/pick/ranked';
/** Shaders that say what is chosen by. */
const files = {
  bounds: ['kv/pick/upper', 'kv/pick/by-bounds', ranked], levels: ['kv/pick/upper', 'kv/pick/by-levels'],
  landmarks: ['kv/shadow/known', 'kv/pick/shares', 'kv/pick/by-landmarks'],
  votes: [...slots, 'kv/pick/by-votes', ranked], clusters: ['kv/pick/clusters', 'kv/pick/shares', 'kv/pick/by-clusters', ranked],
  codes: [...slots, 'kv/pick/by-codes', ranked], none: [],
};
