// Codes of a few bits with a scale and a minimum in f16, number by number, and the pages that hold them (src/kv/formats/affine.ts).
import { floatToHalf, halfToFloat } from '../formats/half.ts';
import { type AffineFormat, codeWords, groupChannels } from '../kv/formats/affine.ts';
import { pageSlots } from '../kv/formats/format.ts';

export interface Affine {
  codes: number[];
  /** Bits of f16. */
  scale: number;
  minimum: number;
}

const most = 65504;
const halfOf = (x: number) => floatToHalf(Math.max(-most, Math.min(most, x)));
/** Halves to even. */
const toEven = (x: number) => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));

/** minimum = f16(least), scale = f16((largest - minimum) / (2^bits - 1)), code = (x - minimum) / scale, all to the nearest, halves to even. */
export function affine(numbers: readonly number[], bits: number): Affine {
  const last = 2 ** bits - 1;
  const minimum = halfOf(Math.min(...numbers));
  const above = (x: number) => Math.fround(x - halfToFloat(minimum));
  const range = above(Math.max(...numbers));
  const scale = range > 0 ? halfOf(range / last) : 0;
  const step = halfToFloat(scale);
  return { scale, minimum, codes: numbers.map((x) => (step ? Math.max(0, Math.min(last, toEven(above(x) / step))) : 0)) };
}

/** The words of the codes of one group: those of shaders/kv/affine/codes-2, -3 and -4. */
function words(codes: readonly number[], bits: number): number[] {
  const result = new Array<number>(bits).fill(0);
  codes.forEach((code, c) => {
    if (bits === 3) for (let bit = 0; bit < 3; bit++) result[bit] |= ((code >> bit) & 1) << c;
    else result[Math.floor((c * bits) / 32)] |= code << ((c * bits) % 32);
  });
  return result;
}

const codesIn = (group: ArrayLike<number>, bits: number): number[] =>
  Array.from({ length: groupChannels }, (_, c) =>
    bits === 3
      ? [0, 1, 2].reduce((code, bit) => code | (((group[bit] >>> c) & 1) << bit), 0)
      : (group[Math.floor((c * bits) / 32)] >>> ((c * bits) % 32)) & (2 ** bits - 1),
  );

const pairWord = ({ scale, minimum }: Affine) => scale | (minimum << 16);
const pairIn = (word: number): [number, number] => [halfToFloat(word & 0xffff), halfToFloat(word >>> 16)];

/** Where the parts of a page begin, in words. */
function partsOf({ bits, keysBy }: AffineFormat, headDim: number) {
  const groups = Math.ceil(headDim / groupChannels);
  const own = codeWords(bits, headDim);
  const keyPairs = pageSlots * own;
  const valueCodes = keyPairs + (keysBy === 'channel' ? 4 * Math.ceil(headDim / 4) : groups * pageSlots);
  return { groups, own, keyPairs, valueCodes, valuePairs: valueCodes + pageSlots * own };
}

/** A page of 32 slots of one head; `keys` and `values` are (slot, headDim). */
export function sealPage(format: AffineFormat, headDim: number, keys: ArrayLike<number>, values: ArrayLike<number>): Uint32Array {
  const { bits, keysBy } = format;
  const { groups, own, keyPairs, valueCodes, valuePairs } = partsOf(format, headDim);
  const page = new Uint32Array(format.words(headDim));
  const slots = [...new Array<number>(pageSlots).keys()];
  const channels = (g: number) => Array.from({ length: Math.min(groupChannels, headDim - g * groupChannels) }, (_, c) => g * groupChannels + c);
  const byChannel = Array.from({ length: headDim }, (_, c) => affine(slots.map((slot) => keys[slot * headDim + c]), bits));
  if (keysBy === 'channel') byChannel.forEach((each, c) => (page[keyPairs + c] = pairWord(each)));
  for (const slot of slots) {
    for (let g = 0; g < groups; g++) {
      const ofValues = affine(channels(g).map((c) => values[slot * headDim + c]), bits);
      const ofKeys = affine(channels(g).map((c) => keys[slot * headDim + c]), bits);
      if (keysBy === 'token') page[keyPairs + g * pageSlots + slot] = pairWord(ofKeys);
      const keyCodes = keysBy === 'token' ? ofKeys.codes : channels(g).map((c) => byChannel[c].codes[slot]);
      words(keyCodes, bits).forEach((word, w) => (page[(g * bits + w) * pageSlots + slot] = word));
      words(ofValues.codes, bits).forEach((word, w) => (page[valueCodes + slot * own + g * bits + w] = word));
      page[valuePairs + slot * groups + g] = pairWord(ofValues);
    }
  }
  return page;
}

/** What attention reads of a page: keys and values as (slot, headDim). */
export function openPage(format: AffineFormat, headDim: number, page: Uint32Array): { keys: Float32Array; values: Float32Array } {
  const { bits, keysBy } = format;
  const { groups, own, keyPairs, valueCodes, valuePairs } = partsOf(format, headDim);
  const keys = new Float32Array(pageSlots * headDim);
  const values = new Float32Array(pageSlots * headDim);
  for (let slot = 0; slot < pageSlots; slot++) {
    for (let c = 0; c < headDim; c++) {
      const g = Math.floor(c / groupChannels);
      const group = (at: (w: number) => number) => codesIn(Array.from({ length: bits }, (_, w) => page[at(g * bits + w)]), bits)[c % groupChannels];
      const [keyScale, keyLow] = pairIn(page[keyPairs + (keysBy === 'channel' ? c : g * pageSlots + slot)]);
      const [scale, low] = pairIn(page[valuePairs + slot * groups + g]);
      keys[slot * headDim + c] = group((w) => w * pageSlots + slot) * keyScale + keyLow;
      values[slot * headDim + c] = group((w) => valueCodes + slot * own + w) * scale + low;
    }
  }
  return { keys, values };
}
