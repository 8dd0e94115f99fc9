// What the kernels of a tick ask of a layer, and the buffers that they share. A slot's *index* is its place among all slots of its kv head: those of
// a set come first, then the fresh ones, so that indices are in order of position.
import { pageSlots } from '../formats/format.ts';
import { type KvFresh, type KvLayer, type KvPlan, type KvSet, type KvTick, type Plane } from '../policy.ts';

/** The format of fresh slots, of which kernels of a tick know where a slot's words lie. */
type Fresh = KvFresh['format'];

const most = new WeakMap<KvTick, number>();

/** Slots of a head that buffers of indices have room for: as many as any layer may come to have. */
export function mostSlots(kv: KvTick): number {
  const { layers, plan } = kv;
  const found = most.get(kv) ?? Math.max(0, ...layers.map((layer) => Math.max(...plan.layers[layer.layer][0].mostSlots) + pageSlots * ringsOf(layer)));
  most.set(kv, found);
  return found;
}

/** Most slots of the longest head of a set. */
export const longest = (set: KvSet): number => Math.max(...set.counts);

/** Of the last `most` queries those that are kept as they were run. */
export const queriesOf = ({ length, queried }: KvTick, most: number): number => Math.min(most, length - queried);

/** Slots of a head before position `end`, those of the first set and fresh ones, where all heads have as many. */
export const slotsBefore = ({ base }: KvTick, { sets: [set] }: KvLayer, end: number): number => set.counts[0] + end - base;

export const planeOf = (plan: KvPlan, plane: Plane): number => {
  const index = plan.planes.indexOf(plane);
  if (index < 0) throw new Error(`The plan keeps no plane ${plane}; it has ${plan.planes.join(', ') || 'none'}.`);
  return index;
};

/** Pages of a head that its fresh slots go round in. */
export const ringsOf = ({ fresh: { format, pages }, heads: { kvHeads, headDim } }: KvLayer): number =>
  pages.size / (kvHeads * 4 * format.words(headDim));

/** Where a layer's words lie. */
export const slotWords = (format: Fresh, headDim: number): { slot_words: number; unit_words: number } =>
  ({ slot_words: format.words(headDim) / pageSlots, unit_words: format.unitWords });

/** u32 of every index of each kv head, the same buffer for every layer. */
export const indexed = (kv: KvTick, name: string): GPUBuffer =>
  kv.scratch(name, 4 * Math.max(...kv.layers.map(({ heads: { kvHeads } }) => kvHeads)) * mostSlots(kv));

/** Most workgroups of a dimension on every device (`maxComputeWorkgroupsPerDimension`). */
const mostGroups = 65535;

/** A grid of `groups` workgroups or more, in x and z, of which y are `rows`: number `x + z * num_workgroups.x` of a row. */
export function gridOf(groups: number, rows: number): [number, number, number] {
  const folds = Math.max(1, Math.ceil(groups / mostGroups));
  return [Math.ceil(groups / folds), rows, folds];
}

export const groupsOf = (threads: number, each: number): number => Math.ceil(threads / each);
