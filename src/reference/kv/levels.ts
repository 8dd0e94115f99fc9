// What pages of codes of uneven levels hold (src/kv/formats/sealed/levels.ts), number by number.
import { halfToFloat } from '../../formats/half.ts';
import { codeWords, groupChannels } from '../../kv/formats/affine.ts';
import { pageSlots } from '../../kv/formats/format.ts';
import { type LevelsFormat } from '../../kv/formats/sealed/levels.ts';
import { codesIn } from './affine.ts';
import { type Turning, turned } from './kv-codes.ts';

/** Where the parts of a page begin, in words. */
export function partsOfLevels({ bits, consts: { KeyOutliers, ValueOutliers } }: LevelsFormat, headDim: number) {
  const [own, channels] = [codeWords(bits, headDim), 4 * Math.ceil(headDim / 4)];
  const keyRanges = pageSlots * own;
  const keyOut = keyRanges + channels;
  const valueCodes = keyOut + KeyOutliers * channels;
  const valueRanges = valueCodes + pageSlots * own;
  const valueOut = valueRanges + pageSlots;
  const position = valueOut + ValueOutliers * pageSlots;
  return { own, channels, keyRanges, keyOut, valueCodes, valueRanges, valueOut, position, table: position + 1 };
}

const halvesIn = (word: number): [number, number] => [halfToFloat(word & 0xffff), halfToFloat(word >>> 16)];

/**
 * Keys, turned by their positions, and values of a page, (slot, headDim) each. `table`: levels of keys and of values, then keys and values of the first
 * positions as they are, for each of those a key and a value of whole fours.
 */
export function openLevels(
  format: LevelsFormat, headDim: number, page: Uint32Array, table: Float32Array, turning: Turning,
): Record<'keys' | 'values', Float32Array> {
  const { bits, consts: { KeyOutliers, ValueOutliers, Sinks } } = format;
  const at = partsOfLevels(format, headDim);
  const numberOf = (code: number, levels: number, range: number, out: number[], place: number): number => {
    const [middle, half] = halvesIn(range);
    const kept = out.find((word) => (word & 0xffff) === place);
    return kept === undefined ? table[levels + code] * Math.max(half, 1e-4) + middle : halvesIn(kept)[1];
  };
  const codeOf = (c: number, place: (word: number) => number): number =>
    codesIn(Array.from({ length: bits }, (_, w) => page[place(Math.floor(c / groupChannels) * bits + w)]), bits)[c % groupChannels];
  const some = (first: number, count: number) => [...page.subarray(first, first + count)];
  const [keys, values] = [0, 1].map(() => new Float32Array(pageSlots * headDim));
  for (let slot = 0; slot < pageSlots; slot++) {
    const position = page[at.position] + slot;
    const exact = 2 * 2 ** bits + 2 * position * at.channels;
    const key = Array.from({ length: headDim }, (_, c) => numberOf(
      codeOf(c, (w) => w * pageSlots + slot), 0, page[at.keyRanges + c], some(at.keyOut + c * KeyOutliers, KeyOutliers), slot));
    const value = Array.from({ length: headDim }, (_, c) => numberOf(
      codeOf(c, (w) => at.valueCodes + slot * at.own + w), 2 ** bits, page[at.valueRanges + slot], some(at.valueOut + slot * ValueOutliers, ValueOutliers), c));
    const isExact = position < Sinks;
    keys.set(isExact ? table.subarray(exact, exact + headDim) : turned(key, position, turning, 1), slot * headDim);
    values.set(isExact ? table.subarray(exact + at.channels, exact + at.channels + headDim) : value, slot * headDim);
  }
  return { keys, values };
}
