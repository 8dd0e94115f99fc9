// Where the numbers of a page lie, for who codes them: fields of symbols of a few bits, as (channel, slot). Of formats that keep every number by itself,
// symbols are its bytes; of codes (affine.ts), the codes, and the bytes of their pairs.
import { type AffineFormat, codeWords, groupChannels, keyPairWords } from '../../formats/affine.ts';
import { type KvFormat, type PageFormat, pageSlots, unitsAt, unitsOf } from '../../formats/format.ts';

export interface Field {
  /** Of a symbol. */
  bits: number;
  /** Words that have a bit each of a symbol, `step` words from one to the next; 1: a word has whole symbols. */
  planes: number;
  step: number;
  /** First words of its columns in the page; a column has 32 / bits channels, or 32 where symbols lie in planes. */
  columns: readonly number[];
  /** Slots of a column, and words from one to the next. */
  slots: number;
  slotStep: number;
}

const inWords = (bits: number, columns: readonly number[], slots: number, slotStep: number): Field =>
  ({ bits, planes: 1, step: 0, columns, slots, slotStep });
const from = (first: number, count: number, step = 1): number[] => Array.from({ length: count }, (_, i) => first + i * step);

/** Bytes of keys as (unit, slot, word) and of values as (slot, unit, word). */
function fieldsOfNumbers({ unitWords, scaleUnits }: KvFormat, headDim: number): Field[] {
  const units = unitsOf({ scaleUnits }, headDim);
  return (['keys', 'values'] as const).map((what) => {
    const { first, step } = unitsAt(what, units, 0);
    const columns = from(0, units).flatMap((unit) => from(unitWords * (first + unit * step), unitWords));
    return inWords(8, columns, pageSlots, unitWords * (unitsAt(what, units, 1).first - first));
  });
}

function fieldsOfCodes({ bits, keysBy, factored, consts }: AffineFormat, headDim: number): Field[] {
  const words = codeWords(bits, headDim);
  const pairs = keyPairWords(keysBy, headDim);
  const ofValues = Math.ceil(headDim / consts.ValueChannels);
  const [keyPairs, valueCodes] = [pageSlots * words, pageSlots * words + pairs];
  const valuePairs = valueCodes + pageSlots * words;
  const codes = (first: number, wordStep: number, slotStep: number): Field => bits === 3
    ? { bits, planes: 3, step: wordStep, columns: from(first, words / 3, 3 * wordStep), slots: pageSlots, slotStep }
    : inWords(bits, from(first, words, wordStep), pageSlots, slotStep);
  const ends = factored || keysBy === 'block' ? [inWords(8, [valuePairs + pageSlots * ofValues], 1, 0)] : [];
  return [
    codes(0, pageSlots, 1),
    keysBy === 'channel' ? inWords(8, from(keyPairs, pairs), 1, 0) : inWords(8, from(keyPairs, pairs / pageSlots, pageSlots), pageSlots, 1),
    codes(valueCodes, 1, words),
    inWords(8, from(valuePairs, ofValues), pageSlots, ofValues),
    ...ends,
  ];
}

const isCodes = (format: PageFormat): format is AffineFormat => 'keysBy' in format;
const isNumbers = (format: PageFormat): format is KvFormat => 'unitWords' in format;

/** Undefined for a format whose pages are kept as they are. */
export function fieldsOf(format: PageFormat, headDim: number): Field[] | undefined {
  if (isCodes(format)) return fieldsOfCodes(format, headDim);
  return isNumbers(format) ? fieldsOfNumbers(format, headDim) : undefined;
}

/** Symbols of a column that lie side by side. */
export const channelsOf = ({ bits, planes }: Field): number => (planes > 1 ? groupChannels : 32 / bits);
