// Pages of keys and values as the kernels keep them (src/kv/formats/format.ts), one after the other as (slot / 32, kv head).
// Packs and unpacks (slot, kv head, head_dim) for checks.
import { type KvFormat, pageSlots, pageWords, unitsAt, unitsOf } from '../../kv/formats/format.ts';

export interface PageShape {
  kvHeads: number;
  headDim: number;
  kv: KvFormat;
}

/** Where the words of a head's units lie, unit by unit. */
function placesOf({ kvHeads, headDim, kv }: PageShape, what: 'keys' | 'values', slot: number, head: number): number[] {
  const units = unitsOf(kv, headDim);
  const page = Math.floor(slot / pageSlots) * kvHeads + head;
  const { first, step } = unitsAt(what, units, slot % pageSlots);
  return Array.from({ length: units }, (_, unit) => page * pageWords(kv, headDim) + (first + unit * step) * kv.unitWords);
}

export interface Held {
  /** (slots, kvHeads, headDim) */
  keys: Float32Array;
  values: Float32Array;
  /** (kvHeads) How many of them each head has. */
  slots: number[];
}

/** The bytes of pages that hold these; what an earlier, longer text may have left stands at all other slots. */
export function packPages(shape: PageShape, held: Held, bytes: number): Uint8Array<ArrayBuffer> {
  const { kvHeads, headDim, kv } = shape;
  const packed = new Uint32Array(bytes / 4);
  const capacity = pageSlots * Math.floor(packed.length / (kvHeads * pageWords(kv, headDim)));
  for (const [what, filler] of [['keys', 50], ['values', -30]] as const) {
    for (let slot = 0; slot < capacity; slot++) {
      for (let head = 0; head < kvHeads; head++) {
        const start = (slot * kvHeads + head) * headDim;
        const left = Float32Array.from({ length: headDim }, (_, d) => filler * (1 + head * headDim + d));
        const words = kv.encode(slot < held.slots[head] ? held[what].slice(start, start + headDim) : left);
        placesOf(shape, what, slot, head).forEach((place, unit) => packed.set(words.subarray(unit * kv.unitWords, (unit + 1) * kv.unitWords), place));
      }
    }
  }
  return new Uint8Array(packed.buffer);
}

/** (slots, kvHeads, headDim) */
export function unpackPages(shape: PageShape, what: 'keys' | 'values', bytes: ArrayBuffer, slots: number): Float32Array {
  const { kvHeads, headDim, kv } = shape;
  const all = new Uint32Array(bytes);
  const numbers = new Float32Array(slots * kvHeads * headDim);
  for (let index = 0; index < slots * kvHeads; index++) {
    const words = placesOf(shape, what, Math.floor(index / kvHeads), index % kvHeads).flatMap((place) => [...all.subarray(place, place + kv.unitWords)]);
    numbers.set(kv.decode(Uint32Array.from(words), headDim), index * headDim);
  }
  return numbers;
}

/** The numbers that pages hold for these, (heads, headDim). */
export function stored({ kv, headDim }: Pick<PageShape, 'kv' | 'headDim'>, numbers: Float32Array): Float32Array {
  const kept = new Float32Array(numbers.length);
  for (let start = 0; start < numbers.length; start += headDim) kept.set(kv.decode(kv.encode(numbers.slice(start, start + headDim)), headDim), start);
  return kept;
}
