// Pages of codes of uneven levels at random, for checks of what reads them.
import { floatToHalf } from '../../formats/half.ts';
import { pageSlots } from '../../kv/formats/format.ts';
import { type LevelsFormat } from '../../kv/formats/sealed/levels.ts';
import { type Turn } from '../../kv/policy.ts';
import { type RopeSpec } from '../../model/graph.ts';
import { ropeFrequencies } from '../../model/rope.ts';
import { openLevels, partsOfLevels } from '../../reference/kv/levels.ts';
import { type Held, type PageShape, raggedPages } from './pages.ts';
import { type Random, normals } from './random.ts';

/** How positions turn the keys of such pages in checks, in halves of the whole head, and what kernels are told of it. */
export const turnOf = (headDim: number): { rope: RopeSpec; turned: Turn } => ({
  rope: { dims: headDim, layout: 'halves', base: 10000, scale: 1, magnitude: 1 }, turned: { FirstAngle: 0, RopeDims: headDim, Halves: 1 },
});

const halves = (low: number, high: number): number => (floatToHalf(low) | (floatToHalf(high) << 16)) >>> 0;

/** A page: no two of the numbers that are kept by themselves in one place (of a number of places that 7 does not divide), and each far from what codes give. */
function pageOf(format: LevelsFormat, headDim: number, position: number, table: number, next: Random): Uint32Array {
  const { consts: { KeyOutliers, ValueOutliers } } = format;
  const at = partsOfLevels(format, headDim);
  const page = Uint32Array.from({ length: format.words(headDim) }, () => next() * 2 ** 32);
  const range = () => halves(normals(next, 1, 0.3)[0], 0.5 + next());
  const keepOut = (first: number, count: number, places: number) => {
    const start = Math.floor(next() * places);
    for (let o = 0; o < count; o++) page[first + o] = ((start + 7 * o) % places | (floatToHalf((next() < 0.5 ? -1 : 1) * (4 + 4 * next())) << 16)) >>> 0;
  };
  for (let c = 0; c < at.channels; c++) {
    page[at.keyRanges + c] = range();
    keepOut(at.keyOut + c * KeyOutliers, KeyOutliers, pageSlots);
  }
  for (let slot = 0; slot < pageSlots; slot++) {
    page[at.valueRanges + slot] = range();
    keepOut(at.valueOut + slot * ValueOutliers, ValueOutliers, headDim);
  }
  page[at.position] = position;
  page[at.table] = table;
  return page;
}

/** A set's pages of positions from 0 on and the numbers they hold; a table for each head, the first of which is to lie at word `tablesAt` of the lists. */
export function packLevels(
  { kvHeads, headDim, kv }: PageShape & { kv: LevelsFormat }, slots: number[], tablesAt: number, next: Random,
): { bytes: Uint8Array<ArrayBuffer>; tables: Uint32Array; held: Held } {
  const { pages, pageOf: numberOf } = raggedPages(slots);
  const [words, tableWords] = [kv.words(headDim), kv.headWords!(headDim)];
  const { dims, magnitude, ...rope } = turnOf(headDim).rope;
  const frequencies = ropeFrequencies({ dims, magnitude, ...rope });
  const turning = { dims, halves: true, magnitude, angle: (position: number, pair: number) => position * frequencies[pair] };
  const packed = new Uint32Array(words * pages);
  const tables = new Float32Array(kvHeads * tableWords);
  const most = Math.max(...slots);
  const held = { slots, keys: new Float32Array(most * kvHeads * headDim), values: new Float32Array(most * kvHeads * headDim) };
  slots.forEach((count, head) => {
    const table = normals(next, tableWords);
    tables.set(table, head * tableWords);
    for (let index = 0; index * pageSlots < count; index++) {
      const page = pageOf(kv, headDim, index * pageSlots, tablesAt + head * tableWords, next);
      packed.set(page, numberOf(index, head) * words);
      const opened = openLevels(kv, headDim, page, table, turning);
      for (const what of ['keys', 'values'] as const) {
        for (let slot = index * pageSlots; slot < Math.min(count, (index + 1) * pageSlots); slot++)
          held[what].set(opened[what].subarray((slot % pageSlots) * headDim, (slot % pageSlots + 1) * headDim), (slot * kvHeads + head) * headDim);
      }
    }
  });
  return { bytes: new Uint8Array(packed.buffer), tables: new Uint32Array(tables.buffer), held };
}
