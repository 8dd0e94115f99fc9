// The slots of several texts, run apart, as pages of one: values as they are, keys turned on by as many positions as they come to lie further back. Made by
// the CPU of pages that were saved; knows no GPU and no text.
import { type RopeSpec } from '../../model/graph.ts';
import { ropeFrequencies } from '../../model/rope.ts';
import { type KvFormat, pageSlots, unitsAt, unitsOf } from '../formats/format.ts';
import { type KvHeads } from '../segment.ts';
import { type Pause, wordsOf } from './coding/pages.ts';

/** How positions turn the keys of a layer; undefined where they do not. */
export interface KeyTurn {
  /** Radians per position of each pair. */
  frequencies: Float64Array;
  /** A pair is (i, i + dims / 2), else (2i, 2i + 1). */
  halves: boolean;
}

export const keyTurn = (rope: RopeSpec, factors?: Float32Array): KeyTurn => ({ frequencies: ropeFrequencies(rope, factors), halves: rope.layout === 'halves' });

/** Slots of a saved text. */
export interface Piece {
  /** As (slot / 32, kv head). */
  pages: Uint8Array;
  first: number;
  count: number;
  /** Positions that its keys are turned on by. */
  by: number;
}

export interface Composing {
  format: KvFormat;
  heads: KvHeads;
  turn?: KeyTurn;
  pause: Pause;
}

/** What turning by so many positions is, of each pair: cosine, sine. */
const turning = ({ frequencies }: KeyTurn, by: number): [number, number][] => Array.from(frequencies, (each) => [Math.cos(by * each), Math.sin(by * each)]);

function turnKey(key: Float32Array, { halves, frequencies: { length } }: KeyTurn, by: readonly [number, number][]): void {
  by.forEach(([cos, sin], i) => {
    const [a, b] = halves ? [i, i + length] : [2 * i, 2 * i + 1];
    const [x, y] = [key[a], key[b]];
    key[a] = x * cos - y * sin;
    key[b] = x * sin + y * cos;
  });
}

/** The pieces one behind the other, from slot `begin` on, in whole pages as (slot / 32, kv head), or as (kv head, slot / 32) with `byHead`. */
export async function composePages({ format, heads: { kvHeads, headDim }, turn, pause }: Composing, pieces: readonly Piece[], byHead = false, begin = 0) {
  const pageWords = format.words(headDim);
  const total = pieces.reduce((sum, { count }) => sum + count, begin);
  const pages = Math.ceil(total / pageSlots);
  const target = new Uint32Array(pages * kvHeads * pageWords);
  const pageOf = (slot: number, head: number): number => {
    const page = Math.floor(slot / pageSlots);
    return pageWords * (byHead ? head * pages + page : page * kvHeads + head);
  };
  const units = unitsOf(format, headDim);
  const { unitWords } = format;
  const key = new Uint32Array(units * unitWords);
  let to = begin;
  for (const { pages: bytes, first, count, by } of pieces) {
    const source = wordsOf(bytes);
    const turns = turn && by ? turning(turn, by) : undefined;
    for (let i = 0; i < count; i++, to++) {
      for (let head = 0; head < kvHeads; head++) {
        const from = pageWords * (Math.floor((first + i) / pageSlots) * kvHeads + head);
        const at = pageOf(to, head);
        const [ofKey, ofValue] = (['keys', 'values'] as const).map((what) => unitWords * unitsAt(what, units, (first + i) % pageSlots).first);
        const [toKey, toValue] = (['keys', 'values'] as const).map((what) => unitWords * unitsAt(what, units, to % pageSlots).first);
        target.set(source.subarray(from + ofValue, from + ofValue + units * unitWords), at + toValue);
        eachWord(units, unitWords, (word, offset) => (key[word] = source[from + ofKey + offset]));
        let words = key;
        if (turns) {
          const numbers = format.decode(key, headDim);
          turnKey(numbers, turn!, turns);
          words = format.encode(numbers) as typeof key;
        }
        eachWord(units, unitWords, (word, offset) => (target[at + toKey + offset] = words[word]));
      }
      await pause();
    }
  }
  return new Uint8Array(target.buffer);
}

/** The words of a key, and where they lie behind its first one: units are a slot of each of the page apart. */
function eachWord(units: number, unitWords: number, of: (word: number, offset: number) => void): void {
  for (let unit = 0; unit < units; unit++) for (let word = 0; word < unitWords; word++) of(unit * unitWords + word, unit * pageSlots * unitWords + word);
}
