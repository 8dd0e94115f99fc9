// Picking from a set: what it takes of memory, and the dispatches by which a row chooses what it reads (`PickPlan`). Plain data.
import { type Dispatch } from '../gpu/program.ts';
import { type KvSet, type PickAt, type SequenceBuffers } from '../model/operation.ts';
import { type KvFormat, pageSlots } from './formats/format.ts';
import { type PickPlan, type SetPlan } from './policy.ts';

type Picked = SetPlan & { pick: PickPlan };

/** The set of a layer that is picked from, if it has such a one. */
export function pickedSet(sets: readonly SetPlan[]): Picked | undefined {
  const found = sets.find(({ pick }) => pick) as Picked | undefined;
  if (found && (sets.length > 1 || pageSlots % found.pick.each)) throw new Error('A layer picks from its only set, of which parts of pages are known.');
  return found;
}

/** Whether a layer makes a choice of its own. */
export const chooses = ({ pick: { of } }: Picked, layer: number): boolean => of === undefined || of === layer;

const runsOf = ({ mostSlots, pick: { run } }: Picked): number => Math.ceil(Math.max(...mostSlots) / run);

/** u32 words of what a layer's tokens choose: of each kv head a head of 4, and its runs. */
export const pickedWords = (set: Picked): number => set.mostSlots.length * (4 + runsOf(set));

/** u32 words of what is known of the slots of a page. */
export const summaryWords = ({ each }: PickPlan, { unitWords }: KvFormat, headDim: number): number =>
  (pageSlots / each) * 2 * Math.ceil(headDim / 4) * unitWords;

/** Slots of a head that a token reads at most: the first, the runs, and those behind. */
export const readAtMost = ({ first, run }: PickPlan, slots: number, runs: number, tail: number): number =>
  Math.min(slots, first + runs * run + Math.max(0, slots - tail));

/** What kernels of attention are told of a set. */
export function pickedOf(set: SetPlan, layer: number): KvSet['picked'] {
  if (!set.pick) return undefined;
  const { run, first, of = layer } = set.pick;
  return { consts: { Run: run, First: first }, layer: of };
}

/** The choice of a layer for the next row; none where it takes another's. `since`: positions at the tick before. */
export function picksOf(set: Picked, format: KvFormat, layer: number, at: PickAt, since: (of: SequenceBuffers) => number): Dispatch[] {
  const { by, run, each, first, reuse = 1 } = set.pick;
  if (!chooses(set, layer)) return [];
  const { config: { heads, kvHeads, headDim }, section, scale, query, scratch } = at;
  const vec4s = Math.ceil(headDim / 4);
  const own = (name: 'picked' | 'summaries' | 'lists') => (of: SequenceBuffers) => of.sets!(layer)[name]!;
  return [{
    label: `${section}.pick`,
    kernel: {
      kernel: 'kv-pick', files: [`kv/${format.name}`, 'state', `kv/pick/by-${by}`],
      consts: { HeadVec4s: vec4s, Group: heads / kvHeads, Run: run, Each: each, First: first },
    },
    params: { heads, kv_heads: kvHeads, head_vec4s: vec4s, chosen_for: 1, room: runsOf(set), rows: 1, scale, alike: 0 },
    bindings: {
      query, keys: scratch, state: (of: SequenceBuffers) => of.state, lists: own('lists'), picked: own('picked'), summaries: own('summaries'),
    },
    // Of tokens that share a choice the first makes it.
    grid: ({ length, of }) => [(length - 1 - since(of as SequenceBuffers)) % reuse ? 0 : kvHeads],
  }];
}
