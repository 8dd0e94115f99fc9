// Dispatches by which pages are sealed in codes of levels (kv-levels.wgsl, kv-table.wgsl), and the levels themselves.
import { type LevelsFormat } from '../formats/sealed/levels.ts';
import { pageSlots } from '../formats/format.ts';
import { type KvLayer, type KvTick } from '../policy.ts';
import { sourceOf } from './seal.ts';

const formatOf = ({ sets: [{ format }] }: KvLayer): LevelsFormat => format as LevelsFormat;

/** Numbers of the keys, or of the values, of a page of all heads. */
const numbersOf = ({ kvHeads, headDim }: KvLayer['heads']): number => kvHeads * pageSlots * headDim;

/** Bytes of scratch of `findLevels`, and of the buffer by which it reads. */
export const levelsBytes = (layers: readonly KvLayer['heads'][], bits: number): number =>
  layers.reduce((sum, heads) => sum + 2 * 8 * numbersOf(heads) + 8 * 2 ** bits, 0);

function sealed(kv: KvTick, layer: KvLayer, first: number, end: number, shares?: { buffer: GPUBuffer; first: number }): void {
  const { heads: { kvHeads, headDim }, sets: [set], lists, fresh, turn } = layer;
  const { page, consts } = formatOf(layer);
  kv.dispatch({
    label: `kv.${layer.layer}.levels`,
    kernel: {
      kernel: 'kv-levels',
      files: [
        ...page, 'kv/affine/round', 'kv/levels/turn', 'kv/levels/unturned', `kv/levels/into-${shares ? 'shares' : 'codes'}`, ...sourceOf(fresh),
        'kv/from/in-order', 'kv/where/list',
      ],
      consts: { ...consts, ...turn, HeadVec4s: Math.ceil(headDim / 4) },
    },
    params: { kv_heads: kvHeads, head_dim: headDim, set_index: 0, first, end, page_slots: pageSlots, first_share: shares?.first ?? 0 },
    bindings: { source: fresh.pages, pages: set.pages, lists, angles: kv.angles!, ...(shares && { shares: shares.buffer }) },
    grid: [(end - first) / pageSlots, kvHeads],
  });
}

/** Seals the positions from `first` to `end`, whole pages, of every layer; counts are to be those after it. */
export const sealLevels = (kv: KvTick, first: number, end: number): void => kv.layers.forEach((layer) => sealed(kv, layer, first, end));

/** Finds the levels of each layer by its first page, once: waits for the GPU. */
export async function findLevels(kv: KvTick): Promise<void> {
  const firsts = kv.layers.map((_, i) => kv.layers.slice(0, i).reduce((sum, { heads }) => sum + 2 * numbersOf(heads), 0));
  const bytes = 4 * kv.layers.reduce((sum, { heads }) => sum + 2 * numbersOf(heads), 0);
  const buffer = kv.scratch('shares', bytes);
  kv.layers.forEach((layer, i) => sealed(kv, layer, 0, pageSlots, { buffer, first: firsts[i] }));
  const shares = new Float32Array(await kv.read(buffer, bytes));
  const found = kv.layers.flatMap((layer, i) => {
    const count = numbersOf(layer.heads);
    return [0, 1].map((part) => levelsOf(shares.subarray(firsts[i] + part * count, firsts[i] + (part + 1) * count), formatOf(layer).bits));
  });
  const levels = kv.scratch('levels', 4 * found.reduce((sum, { length }) => sum + length, 0));
  kv.write(levels, new Uint32Array(Float32Array.from(found.flatMap((each) => [...each])).buffer));
  kv.layers.forEach((layer, i) => {
    const { heads: { kvHeads, headDim }, fresh, lists } = layer;
    const { consts: { Sinks }, bits } = formatOf(layer);
    kv.dispatch({
      label: `kv.${layer.layer}.table`,
      kernel: {
        kernel: 'kv-table', files: [...sourceOf(fresh), 'kv/where/before-list'], consts: { Sinks, Levels: 2 ** bits, HeadVec4s: Math.ceil(headDim / 4) },
      },
      params: { kv_heads: kvHeads, set_index: 0, first_level: 2 * i * 2 ** bits },
      bindings: { levels, source: fresh.pages, lists },
      grid: [kvHeads],
    });
  });
}

/** 2^bits levels of numbers from -1 to 1, those above left out: k-means of one dimension, begun at quantiles, 20 rounds; ascending. */
export function levelsOf(numbers: Float32Array, bits: number): number[] {
  const sorted = Float64Array.from(numbers.filter((x) => x <= 1)).sort();
  const count = 2 ** bits;
  let levels = Array.from({ length: count }, (_, i) => sorted[Math.floor(((i + 0.5) / count) * sorted.length)] ?? 0);
  for (let round = 0; round < 20; round++) {
    const sums = levels.map(() => ({ total: 0, count: 0 }));
    let nearest = 0;
    for (const x of sorted) {
      while (nearest + 1 < count && x > (levels[nearest] + levels[nearest + 1]) / 2) nearest++;
      sums[nearest].total += x;
      sums[nearest].count++;
    }
    levels = levels.map((level, i) => (sums[i].count ? sums[i].total / sums[i].count : level));
  }
  return levels;
}
