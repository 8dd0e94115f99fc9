// Pages of fresh slots' formats as numbers, for what computes with them on the processor.
import { type KvFormat, pageSlots } from '../formats/format.ts';

/** Of a page: what attention reads of its keys, as (4 dimensions, slot, 4), and of its values, as (slot, headDim padded to whole fours). */
export interface PageNumbers {
  keys: Float32Array;
  values: Float32Array;
}

export const createPageNumbers = (headDim: number): PageNumbers => {
  const length = pageSlots * 4 * Math.ceil(headDim / 4);
  return { keys: new Float32Array(length), values: new Float32Array(length) };
};

const keyWords = (format: KvFormat, headDim: number): number => format.words(headDim) / 2;

export function readKeys(format: KvFormat, headDim: number, page: Uint8Array, { keys }: Pick<PageNumbers, 'keys'>): void {
  const words = new Uint32Array(page.buffer, page.byteOffset, keyWords(format, headDim));
  format.unpack(words, keys);
  if (!format.scaleUnits) return;
  const scales = new Float32Array(page.buffer, page.byteOffset + 4 * keys.length / 4 * format.unitWords, pageSlots);
  for (let unit = 0, at = 0; at < keys.length; unit++) for (const end = at + 4; at < end; at++) keys[at] *= scales[unit % pageSlots];
}

/** Keys of single slots of one head's pages, one after the other: gives what has the key of a slot of a page as numbers, (headDim padded to whole fours). */
export function createKeyReader(format: KvFormat, headDim: number): (page: Uint32Array, slot: number) => Float32Array {
  const units = Math.ceil(headDim / 4);
  const { unitWords } = format;
  const words = new Uint32Array(units * unitWords);
  const key = new Float32Array(4 * units);
  const scale = new Float32Array(1);
  const scaleWord = new Uint32Array(scale.buffer);
  return (page, slot) => {
    for (let unit = 0, at = 0; unit < units; unit++)
      for (let from = (unit * pageSlots + slot) * unitWords, end = from + unitWords; from < end;) words[at++] = page[from++];
    format.unpack(words, key);
    if (!format.scaleUnits) return key;
    scaleWord[0] = page[units * pageSlots * unitWords + slot];
    for (let i = 0; i < key.length; i++) key[i] *= scale[0];
    return key;
  };
}

/** The value of one slot, into `into`, which has room for whole fours. */
export function readValue(format: KvFormat, headDim: number, page: Uint8Array, slot: number, into: Float32Array): void {
  const half = keyWords(format, headDim);
  const each = half / pageSlots;
  const words = new Uint32Array(page.buffer, page.byteOffset + 4 * (half + slot * each), each);
  format.unpack(words, into);
  if (!format.scaleUnits) return;
  const scale = new Float32Array(words.buffer, words.byteOffset, each)[each - format.unitWords];
  for (let i = 0; i < into.length; i++) into[i] *= scale;
}

export function readValues(format: KvFormat, headDim: number, page: Uint8Array, { values }: Pick<PageNumbers, 'values'>): void {
  const before = keyWords(format, headDim);
  const words = new Uint32Array(page.buffer, page.byteOffset + 4 * before, before);
  const each = values.length / pageSlots;
  if (!format.scaleUnits) return format.unpack(words, values);
  const scales = new Float32Array(words.buffer, words.byteOffset, words.length);
  const slotWords = words.length / pageSlots;
  for (let slot = 0; slot < pageSlots; slot++) {
    const own = values.subarray(slot * each, (slot + 1) * each);
    format.unpack(words.subarray(slot * slotWords, (slot + 1) * slotWords), own);
    const scale = scales[(slot + 1) * slotWords - format.unitWords];
    for (let i = 0; i < each; i++) own[i] *= scale;
  }
}
