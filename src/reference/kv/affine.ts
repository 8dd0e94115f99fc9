// Codes of a few bits with a scale and a minimum in f16, number by number, and the pages that hold them (src/kv/formats/affine.ts).
import { floatToHalf, halfToFloat } from '../../formats/half.ts';
import { type AffineFormat, codeWords, groupChannels } from '../../kv/formats/affine.ts';
import { pageSlots } from '../../kv/formats/format.ts';

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

/** The codes of the 32 channels of one group. */
export const codesIn = (group: ArrayLike<number>, bits: number): number[] =>
  Array.from({ length: groupChannels }, (_, c) =>
    bits === 3
      ? [0, 1, 2].reduce((code, bit) => code | (((group[bit] >>> c) & 1) << bit), 0)
      : (group[Math.floor((c * bits) / 32)] >>> ((c * bits) % 32)) & (2 ** bits - 1),
  );

const pairWord = ({ scale, minimum }: Affine) => scale | (minimum << 16);
const pairIn = (word: number): [number, number] => [halfToFloat(word & 0xffff), halfToFloat(word >>> 16)];

/** Where the parts of a page begin, in words. */
function partsOf({ bits, keysBy, consts: { ValueChannels } }: AffineFormat, headDim: number) {
  const groups = Math.ceil(headDim / groupChannels);
  const own = codeWords(bits, headDim);
  const keyPairs = pageSlots * own;
  const valueCodes = keyPairs + (keysBy === 'channel' ? 4 * Math.ceil(headDim / 4) : groups * pageSlots);
  const valueGroups = Math.ceil(headDim / ValueChannels);
  return { groups, own, keyPairs, valueCodes, valueGroups, valuePairs: valueCodes + pageSlots * own };
}

/** What keys, or values, of each channel are multiplied with as they are read. */
const factorsOf = ({ factored }: AffineFormat, factors: ArrayLike<number> = []) => ({
  keys: (c: number) => (factored === 'keys' ? factors[c] : 1), values: (c: number) => (factored === 'values' ? factors[c] : 1),
});

/** A page of 32 slots of one head; `keys` and `values` are (slot, headDim). Where the head's factors lie is not said. */
export function sealPage(
  format: AffineFormat, headDim: number, keys: ArrayLike<number>, values: ArrayLike<number>, factors?: ArrayLike<number>,
): Uint32Array {
  const { bits, keysBy, consts: { ValueChannels } } = format;
  const { groups, own, keyPairs, valueCodes, valueGroups, valuePairs } = partsOf(format, headDim);
  const factor = factorsOf(format, factors);
  const page = new Uint32Array(format.words(headDim));
  const slots = [...new Array<number>(pageSlots).keys()];
  const key = (slot: number, c: number) => keys[slot * headDim + c] / factor.keys(c);
  const value = (slot: number, c: number) => values[slot * headDim + c] / factor.values(c);
  const channels = (g: number, each = groupChannels) => Array.from({ length: Math.min(each, headDim - g * each) }, (_, c) => g * each + c);
  const byChannel = Array.from({ length: headDim }, (_, c) => affine(slots.map((slot) => key(slot, c)), bits));
  if (keysBy === 'channel') byChannel.forEach((each, c) => (page[keyPairs + c] = pairWord(each)));
  for (const slot of slots) {
    const valueCodesOf = Array.from({ length: valueGroups }, (_, g) => {
      const made = affine(channels(g, ValueChannels).map((c) => value(slot, c)), bits);
      page[valuePairs + slot * valueGroups + g] = pairWord(made);
      return made.codes;
    }).flat();
    for (let g = 0; g < groups; g++) {
      const ofKeys = affine(channels(g).map((c) => key(slot, c)), bits);
      if (keysBy === 'token') page[keyPairs + g * pageSlots + slot] = pairWord(ofKeys);
      const keyCodes = keysBy === 'token' ? ofKeys.codes : channels(g).map((c) => byChannel[c].codes[slot]);
      words(keyCodes, bits).forEach((word, w) => (page[(g * bits + w) * pageSlots + slot] = word));
      words(channels(g).map((c) => valueCodesOf[c]), bits).forEach((word, w) => (page[valueCodes + slot * own + g * bits + w] = word));
    }
  }
  return page;
}

/** What attention reads of a page: keys and values as (slot, headDim), and how far two neighbouring codes are apart. */
export function openPage(
  format: AffineFormat, headDim: number, page: Uint32Array, factors?: ArrayLike<number>,
): Record<'keys' | 'values' | 'keySteps' | 'valueSteps', Float32Array> {
  const { bits, keysBy, consts: { ValueChannels } } = format;
  const { own, keyPairs, valueCodes, valueGroups, valuePairs } = partsOf(format, headDim);
  const factor = factorsOf(format, factors);
  const [keys, values, keySteps, valueSteps] = Array.from({ length: 4 }, () => new Float32Array(pageSlots * headDim));
  for (let slot = 0; slot < pageSlots; slot++) {
    for (let c = 0; c < headDim; c++) {
      const g = Math.floor(c / groupChannels);
      const at = slot * headDim + c;
      const code = (place: (w: number) => number) => codesIn(Array.from({ length: bits }, (_, w) => page[place(g * bits + w)]), bits)[c % groupChannels];
      const [keyScale, keyLow] = pairIn(page[keyPairs + (keysBy === 'channel' ? c : g * pageSlots + slot)]);
      const [scale, low] = pairIn(page[valuePairs + slot * valueGroups + Math.floor(c / ValueChannels)]);
      keys[at] = (code((w) => w * pageSlots + slot) * keyScale + keyLow) * factor.keys(c);
      values[at] = (code((w) => valueCodes + slot * own + w) * scale + low) * factor.values(c);
      keySteps[at] = keyScale * factor.keys(c);
      valueSteps[at] = scale * factor.values(c);
    }
  }
  return { keys, values, keySteps, valueSteps };
}
