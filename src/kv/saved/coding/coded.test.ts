// What is coded comes back bit for bit, whatever the pages hold; what is no code, or a damaged one, is refused.
import { describe, expect, it } from 'vitest';
import { RequestError } from '../../../errors.ts';
import { affineFormats, blockFormats, factoredFormats } from '../../formats/affine.ts';
import { kvFormat } from '../../formats/catalogue.ts';
import { type PageFormat } from '../../formats/format.ts';
import { codingVersion, headerOf, packParts, pageVersion, unpackParts, withHeader } from '../snapshot.ts';
import { sumOf } from '../sum.ts';
import { decodeParts, encodeParts } from './coded.ts';
import { fieldsOf } from './fields.ts';
import { type PageKind, decodePages, encodePages } from './pages.ts';

const now = () => undefined;
/** xorshift of 32 bits, from 0 to 1. */
function random(seed: number): () => number {
  let x = seed;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) / 2 ** 32;
  };
}

const formats: PageFormat[] = [...['f32', 'f16', 'q8'].map(kvFormat), ...affineFormats.values(), ...blockFormats.values(), ...factoredFormats.values()];
const bytesOf = (pages: number, { format, headDim }: PageKind, word: (i: number) => number): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Uint32Array.from({ length: pages * format.words(headDim) }, (_, i) => word(i)).buffer);

describe.each(formats.map((format) => ({ name: format.name, format })))('pages of $name', ({ format }) => {
  it.each([[64, 1, 2], [20, 3, 5]])('of %i numbers and %i heads come back', async (headDim, kvHeads, pages) => {
    const kind = { format, headDim, kvHeads };
    const next = random(headDim);
    const kinds = { few: () => Math.floor(next() * 2 ** 32) & 0x33333333, same: () => 0x3c003c00, edges: (i: number) => (i % 3 ? 0 : 0xffffffff) };
    for (const word of Object.values(kinds)) {
      const bytes = bytesOf(pages, kind, word);
      const coded = await encodePages(bytes, kind, now);
      expect(coded!.byteLength).toBeLessThan(0.9 * bytes.byteLength);
      expect(Buffer.compare(await decodePages(coded!, bytes.byteLength, kind, now), bytes)).toBe(0);
    }
    expect(await encodePages(bytesOf(pages, kind, () => Math.floor(next() * 2 ** 32)), kind, now)).toBeUndefined(); // nothing is gained at random
  });

  it.each([64, 20])('of heads of %i have every word in a field, once', (headDim) => {
    const seen = new Array<number>(format.words(headDim)).fill(0);
    for (const { columns, planes, step, slots, slotStep } of fieldsOf(format, headDim)!)
      for (const column of columns)
        for (let slot = 0; slot < slots; slot++) for (let plane = 0; plane < planes; plane++) seen[column + slot * slotStep + plane * step]++;
    expect(new Set(seen)).toEqual(new Set([1]));
  });
});

it('takes little more than the entropy of codes, and of differences where neighbours are alike', async () => {
  const next = random(7);
  const kind = { format: affineFormats.get('q4c')!, headDim: 64, kvHeads: 1 };
  const codes = [0, 1, 1, 2, 2, 2, 2, 3]; // 1.75 bits
  const word = () => Array.from({ length: 8 }, (_, i) => codes[Math.floor(8 * next())] << (4 * i)).reduce((a, b) => a | b);
  const bytes = bytesOf(64, kind, word);
  const ideal = bytes.byteLength * (1.75 / 4);
  expect((await encodePages(bytes, kind, now))!.byteLength / ideal).toBeLessThan(1.08); // pairs are words of codes here: bytes of 3.5 bits
  const f16 = { format: kvFormat('f16'), headDim: 4, kvHeads: 1 };
  const rising = bytesOf(64, f16, (i) => (i % 256 < 128 ? (i >> 1) % 32 : (i % 128) >> 1) * 0x0101);
  const own = (await encodePages(rising, f16, now))!.byteLength;
  expect(own).toBeLessThan(0.1 * rising.byteLength);
});

const of = { model: 'm', format: 'f16', pages: pageVersion };
const kind = { format: kvFormat('f16'), headDim: 16, kvHeads: 2 };
const next = random(3);
const layers = [bytesOf(4, kind, () => Math.floor(next() * 2 ** 32) & 0x0f0f0f0f), Uint8Array.of(1, 2, 3)];
const plain = packParts({ of, tokens: [1, 2, 3], layers });
const coded = await encodeParts(plain, [kind]);

it('codes what is smaller so, in parts that say it, and leaves others as they are', async () => {
  expect(coded[1].byteLength).toBeLessThan(layers[0].byteLength);
  expect(coded[2]).toBe(layers[1]);
  expect(headerOf(coded[0]).coding).toEqual({ version: codingVersion, parts: [{ bytes: layers[0].byteLength, sum: sumOf(layers[0]) }, null] });
  const back = await decodeParts(coded, [kind]);
  expect(back).toEqual(plain);
  expect(unpackParts(back, of).layers).toEqual(layers);
  expect(await decodeParts(plain, [kind])).toEqual(plain); // as earlier releases have kept it
});

it('refuses what is damaged, cut off, of another kind or of a later version', async () => {
  const withPart = (part: Uint8Array, header = coded[0]) => [withHeader(header, { layers: [part.byteLength, 3] }), part, coded[2]];
  const changed = (at: number) => coded[1].map((byte, i) => (i === at ? byte ^ 0x10 : byte));
  for (let at = 0; at < coded[1].byteLength; at += 23) await expect(decodeParts(withPart(changed(at)), [kind])).rejects.toThrow(RequestError);
  await expect(decodeParts(withPart(coded[1].slice(0, -1)), [kind])).rejects.toThrow(/cannot be decoded/);
  await expect(decodeParts(withPart(Uint8Array.of(...coded[1], 0)), [kind])).rejects.toThrow(/too many|another sum/);
  await expect(decodeParts(withPart(Uint8Array.of(0, 1)), [kind])).rejects.toThrow(RequestError);
  await expect(decodeParts(coded, [undefined])).rejects.toThrow(/other parts than this model keeps/);
  await expect(decodeParts(coded, [{ ...kind, headDim: 20 }])).rejects.toThrow(RequestError);
  await expect(decodeParts(coded.slice(0, 2), [kind])).rejects.toThrow(/other parts/);
  const { coding } = headerOf(coded[0]);
  const told = (other: object) => [withHeader(coded[0], { coding: { ...coding!, ...other } }), ...coded.slice(1)];
  await expect(decodeParts(told({ version: 9 }), [kind])).rejects.toThrow(/coded as of version 9, here it is 1/);
  await expect(decodeParts(told({ parts: [{ bytes: 2 ** 40, sum: 1 }, null] }), [kind])).rejects.toThrow(/1099511627776 bytes of pages are none of these/);
  const roomy = (mostBytes: number) => decodeParts(told({ parts: [{ bytes: layers[0].byteLength, sum: sumOf(layers[0]) }, null] }), [{ ...kind, mostBytes }]);
  await expect(roomy(layers[0].byteLength)).resolves.toEqual(plain);
  await expect(roomy(layers[0].byteLength - 1)).rejects.toThrow(/bytes of pages are none of these/);
  const bytes = random(11);
  for (let i = 0; i < 20; i++)
    await expect(decodeParts(withPart(Uint8Array.from({ length: 200 }, () => 256 * bytes())), [kind])).rejects.toThrow(RequestError);
  expect(() => headerOf(withHeader(coded[0], { coding: { version: 1, parts: [7 as never] } }))).toThrow(RequestError);
});

it('rests between slices', async () => {
  let ms = 0;
  let rests = 0;
  const pause = () => ((ms += 1), ms % 8 ? undefined : Promise.resolve().then(() => void rests++));
  await decodePages(coded[1], layers[0].byteLength, kind, pause);
  expect([ms, rests]).toEqual([2 * 2 * 4 * 4 * 2, 16]); // keys and values, heads, bytes of words, units and their words
});
