// Pages of keys and values as the kernels keep them (src/kv/formats), one after the other as (slot / 32, kv head), or where a list
// says. Packs and unpacks (slot, kv head, head_dim) for checks.
import { type AffineFormat, affineFormats } from '../../kv/formats/affine.ts';
import { type KvFormat, type PageFormat, pageSlots, unitsAt, unitsOf } from '../../kv/formats/format.ts';
import { openPage, sealPage } from '../../reference/kv/affine.ts';

export interface PageShape {
  kvHeads: number;
  headDim: number;
  kv: PageFormat;
}

export interface Held {
  /** (slots, kvHeads, headDim) */
  keys: Float32Array;
  values: Float32Array;
  /** (kvHeads) How many of them each head has. */
  slots: number[];
}

/** Keys and values of the 32 slots of a page, (slot, headDim) each. */
interface PageNumbers {
  keys: Float32Array;
  values: Float32Array;
}

const isAffine = (format: PageFormat): format is AffineFormat => affineFormats.has(format.name);

/** Where the words of a head's units lie in a page, unit by unit. */
function placesOf(format: KvFormat, headDim: number, what: 'keys' | 'values', slot: number): number[] {
  const units = unitsOf(format, headDim);
  const { first, step } = unitsAt(what, units, slot);
  return Array.from({ length: units }, (_, unit) => (first + unit * step) * format.unitWords);
}

function packPage({ headDim, kv }: PageShape, numbers: PageNumbers): Uint32Array {
  if (isAffine(kv)) return sealPage(kv, headDim, numbers.keys, numbers.values);
  const format = kv as KvFormat;
  const page = new Uint32Array(format.words(headDim));
  for (const what of ['keys', 'values'] as const) {
    for (let slot = 0; slot < pageSlots; slot++) {
      const words = format.encode(numbers[what].slice(slot * headDim, (slot + 1) * headDim));
      placesOf(format, headDim, what, slot).forEach((place, unit) => page.set(words.subarray(unit * format.unitWords, (unit + 1) * format.unitWords), place));
    }
  }
  return page;
}

function unpackPage({ headDim, kv }: PageShape, page: Uint32Array): PageNumbers {
  if (isAffine(kv)) return openPage(kv, headDim, page);
  const format = kv as KvFormat;
  const unpack = (what: 'keys' | 'values'): Float32Array => {
    const numbers = new Float32Array(pageSlots * headDim);
    for (let slot = 0; slot < pageSlots; slot++) {
      const words = placesOf(format, headDim, what, slot).flatMap((place) => [...page.subarray(place, place + format.unitWords)]);
      numbers.set(format.decode(Uint32Array.from(words), headDim), slot * headDim);
    }
    return numbers;
  };
  return { keys: unpack('keys'), values: unpack('values') };
}

/** The number of the page that the slots of a head from 32 * index on have. */
export type PageOf = (index: number, head: number) => number;

const direct = ({ kvHeads }: PageShape): PageOf => (index, head) => index * kvHeads + head;

/** The bytes of pages that hold these; what an earlier, longer text may have left stands at all other slots. */
export function packPages(shape: PageShape, held: Held, bytes: number, pageOf: PageOf = direct(shape)): Uint8Array<ArrayBuffer> {
  const { kvHeads, headDim, kv } = shape;
  const words = kv.words(headDim);
  const packed = new Uint32Array(bytes / 4);
  for (let head = 0; head < kvHeads; head++) {
    for (let index = 0; pageOf(index, head) * words + words <= packed.length && index * pageSlots < packed.length; index++) {
      const numbers = (what: 'keys' | 'values') =>
        Float32Array.from({ length: pageSlots * headDim }, (_, i) => {
          const [slot, d] = [index * pageSlots + Math.floor(i / headDim), i % headDim];
          if (slot < held.slots[head]) return held[what][(slot * kvHeads + head) * headDim + d];
          return isAffine(kv) ? (what === 'keys' ? 3 : -3) : (what === 'keys' ? 50 : -30) * (1 + head * headDim + d);
        });
      packed.set(packPage(shape, { keys: numbers('keys'), values: numbers('values') }), pageOf(index, head) * words);
    }
  }
  return new Uint8Array(packed.buffer);
}

/** (slots, kvHeads, headDim): what pages hold. */
export function unpackPages(shape: PageShape, what: 'keys' | 'values', bytes: ArrayBufferLike, slots: number, pageOf: PageOf = direct(shape)): Float32Array {
  const { kvHeads, headDim, kv } = shape;
  const all = new Uint32Array(bytes);
  const words = kv.words(headDim);
  const numbers = new Float32Array(slots * kvHeads * headDim);
  for (let head = 0; head < kvHeads; head++) {
    for (let index = 0; index * pageSlots < slots; index++) {
      const page = pageOf(index, head);
      if ((page + 1) * words > all.length) continue;
      const found = unpackPage(shape, all.subarray(page * words, (page + 1) * words))[what];
      for (let slot = 0; slot < Math.min(pageSlots, slots - index * pageSlots); slot++)
        numbers.set(found.subarray(slot * headDim, (slot + 1) * headDim), ((index * pageSlots + slot) * kvHeads + head) * headDim);
    }
  }
  return numbers;
}

/** The numbers that pages hold for these, (heads, headDim). */
export function stored({ kv, headDim }: { kv: KvFormat; headDim: number }, numbers: Float32Array): Float32Array {
  const kept = new Float32Array(numbers.length);
  for (let start = 0; start < numbers.length; start += headDim) kept.set(kv.decode(kv.encode(numbers.slice(start, start + headDim)), headDim), start);
  return kept;
}

/** Of each head the number of its first page, and of all pages, if each head has as many as its slots need: the last head's come first. */
export function raggedPages(slots: readonly number[]): { pageOf: PageOf; pages: number } {
  const own = slots.map((count) => Math.ceil(count / pageSlots));
  const pages = own.reduce((a, b) => a + b, 0);
  const first = own.map((_, head) => own.slice(head + 1).reduce((a, b) => a + b, 0));
  return { pages, pageOf: (index, head) => (index < own[head] ? first[head] + own[head] - 1 - index : pages) };
}
