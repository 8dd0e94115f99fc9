// Slots of several texts as pages of one: where each comes to lie, and keys as if they had been turned there.
import { describe, expect, it } from 'vitest';
import { kvFormat } from '../formats/catalogue.ts';
import { pageSlots, unitsAt, unitsOf } from '../formats/format.ts';
import { composePages, type KeyTurn } from './composed.ts';

const heads = { kvHeads: 2, headDim: 8 };
const keyOf = (text: number, slot: number, head: number) => Float32Array.from({ length: 8 }, (_, d) => Math.sin(1 + d + 10 * text + 3 * slot + 7 * head));
const valueOf = (...at: [number, number, number]) => keyOf(...at).map((x) => -x);

describe.each(['f32', 'f16', 'q8'])('pages of %s', (name) => {
  const format = kvFormat(name);
  const units = unitsOf(format, heads.headDim);
  const pageWords = format.words(heads.headDim);
  /** Where words of a key or a value lie in its page. */
  const placesOf = (what: 'keys' | 'values', slot: number) => {
    const { first, step } = unitsAt(what, units, slot);
    const { unitWords } = format;
    return Array.from({ length: units * unitWords }, (_, i) => unitWords * (first + step * Math.floor(i / unitWords)) + (i % unitWords));
  };
  function pagesOf(text: number, slots: number): Uint8Array {
    const words = new Uint32Array(Math.ceil(slots / pageSlots) * heads.kvHeads * pageWords);
    for (let slot = 0; slot < slots; slot++)
      for (let head = 0; head < heads.kvHeads; head++)
        for (const [what, of] of [['keys', keyOf], ['values', valueOf]] as const) {
          const at = (Math.floor(slot / pageSlots) * heads.kvHeads + head) * pageWords;
          const encoded = format.encode(of(text, slot, head));
          placesOf(what, slot % pageSlots).forEach((place, i) => (words[at + place] = encoded[i]));
        }
    return new Uint8Array(words.buffer);
  }
  const read = (pages: Uint8Array, page: number, what: 'keys' | 'values', slot: number) => {
    const words = new Uint32Array(pages.buffer);
    return format.decode(Uint32Array.from(placesOf(what, slot % pageSlots), (place) => words[page * pageWords + place]), heads.headDim);
  };

  it.each([false, true])('hold each piece where it belongs, keys turned on by positions (halves: %s)', async (halves) => {
    const turn: KeyTurn = { frequencies: Float64Array.of(1, 0.3, 0.05), halves };
    const pieces = [{ pages: pagesOf(0, 40), first: 0, count: 5, by: 0 }, { pages: pagesOf(1, 70), first: 5, count: 65, by: 31 }];
    const how = { format, heads, turn, pause: () => undefined };
    const [together, apart] = [await composePages(how, pieces), await composePages(how, pieces, true, 3)];
    expect([together.byteLength, apart.byteLength]).toEqual([3, 3].map((pages) => 4 * pages * heads.kvHeads * pageWords));
    const unaligned = new Uint8Array(pieces[1].pages.byteLength + 1);
    unaligned.set(pieces[1].pages, 1);
    expect(await composePages(how, [pieces[0], { ...pieces[1], pages: unaligned.subarray(1) }])).toEqual(together);
    const near = format.rounding * 2 + 1e-6;
    for (let to = 0; to < 70; to++)
      for (let head = 0; head < heads.kvHeads; head++) {
        const [text, slot, by] = to < 5 ? [0, to, 0] : [1, to, 31]; // the second from its slot 5 on
        const key = keyOf(text, slot, head);
        const wanted = Float32Array.from(key);
        turn.frequencies.forEach((each, i) => {
          const [a, b] = halves ? [i, i + 3] : [2 * i, 2 * i + 1];
          [wanted[a], wanted[b]] = [key[a] * Math.cos(by * each) - key[b] * Math.sin(by * each), key[a] * Math.sin(by * each) + key[b] * Math.cos(by * each)];
        });
        for (const [pages, page, at] of [
          [together, Math.floor(to / pageSlots) * heads.kvHeads + head, to], [apart, head * 3 + Math.floor((to + 3) / pageSlots), to + 3],
        ] as const) {
          read(pages, page, 'keys', at).forEach((x, d) => expect(Math.abs(x - wanted[d])).toBeLessThan(2 * near));
          expect(read(pages, page, 'values', at)).toEqual(format.decode(format.encode(valueOf(text, slot, head)), heads.headDim));
        }
      }
  });
});
