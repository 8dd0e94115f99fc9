import { expect, it } from 'vitest';
import { RequestError } from '../../errors.ts';
import { checkSums, headStart, joined, packParts, packSnapshot, pageVersion, splitParts, unpackParts, unpackSnapshot } from './snapshot.ts';

const of = { model: 'abc', format: 'f16', pages: pageVersion };
const snapshot = { of, tokens: [1, 2, 3], layers: [Uint8Array.of(1, 2, 3, 4), Uint8Array.of(5, 6, 7, 8, 9)] };

it('gives back what was packed', () => {
  const packed = packSnapshot(snapshot);
  const shifted = new Uint8Array(packed.length + 3);
  shifted.set(packed, 3);
  expect(unpackSnapshot(packed, of)).toEqual(snapshot);
  expect(unpackSnapshot(shifted.subarray(3), of)).toEqual(snapshot);
});

it.each([['model', 'def'], ['format', 'q8'], ['pages', 2]] as const)('is refused for another %s, with both', (name, value) => {
  expect(() => unpackSnapshot(packSnapshot(snapshot), { ...of, [name]: value })).toThrow(new RegExp(`its ${name} is ${of[name]}, here it is ${value}`));
});

it('is refused where its keys were turned otherwise', () => {
  expect(() => unpackSnapshot(packSnapshot(snapshot), { ...of, angles: 'long' })).toThrow('its angles is undefined, here it is long');
  expect(unpackSnapshot(packSnapshot({ ...snapshot, of: { ...of, angles: 'long' } }), { ...of, angles: 'long' }).tokens).toEqual([1, 2, 3]);
});

it('is refused for another plan with what both were planned for, and not for another room of the same plan', () => {
  const shaped = { ...of, policy: 'streaming(slots=48)', plan: 'a1', room: 'a context of 512 tokens, 4.0 MiB for a conversation' };
  const packed = packSnapshot({ ...snapshot, of: shaped });
  const room = 'a context of 1024 tokens, 8.0 MiB for a conversation';
  expect(() => unpackSnapshot(packed, { ...shaped, plan: 'b2', room })).toThrow(
    'is of another plan of streaming(slots=48): it was planned for a context of 512 tokens, 4.0 MiB for a conversation; here for a context of 1024 tokens, ' +
    '8.0 MiB for a conversation. Load the model with what it was saved with, or run the conversation again from its text.',
  );
  expect(() => unpackSnapshot(packed, { ...shaped, plan: 'b2' })).toThrow('here for the same, but by another release or other measures of heads. Run the');
  expect(unpackSnapshot(packed, { ...shaped, room }).tokens).toEqual([1, 2, 3]);
});

it('is refused where it is cut off, longer, or something else', () => {
  const packed = packSnapshot(snapshot);
  for (let end = 0; end < packed.length; end++) expect(() => unpackSnapshot(packed.subarray(0, end), of)).toThrow(RequestError);
  expect(() => unpackSnapshot(Uint8Array.of(...packed, 0), of)).toThrow(RequestError);
  for (const header of ['{}', 'null', '[', '{"of":{},"tokens":[-1],"layers":[]}']) {
    const wrong = packed.slice();
    wrong.set(new TextEncoder().encode(header.padEnd(60)), 21);
    expect(() => unpackSnapshot(wrong, of)).toThrow(RequestError);
  }
});

it('is refused where any bit of it is another one', async () => {
  const parts = packParts({ ...snapshot, tokens: [1, 2, 345], layers: [...snapshot.layers, new Uint8Array(0)] });
  const read = async (found: readonly Uint8Array[]) => {
    const { layers } = unpackParts(found, of);
    await checkSums(found[0], layers);
    return layers;
  };
  expect(await read(parts)).toHaveLength(3);
  for (const [i, part] of parts.entries()) {
    for (let bit = 0; bit < 8 * part.byteLength; bit++) {
      const flipped = part.slice();
      flipped[bit >> 3] ^= 1 << (bit & 7);
      const found = parts.with(i, flipped);
      await expect(read(found), `bit ${bit} of part ${i}`).rejects.toThrow(RequestError);
      await expect((async () => read(splitParts(joined(found))))(), `bit ${bit} of part ${i}, in one piece`).rejects.toThrow(RequestError);
    }
  }
  await expect(checkSums(parts[0], [parts[2], parts[1], parts[3]])).rejects.toThrow('Part 1 of 3 of the saved sequence has another sum');
});

it('is read as it was saved before there were sums', async () => {
  const json = new TextEncoder().encode(JSON.stringify({ of, tokens: [1, 2, 3], layers: [4, 5] }));
  const first = packSnapshot(snapshot).slice(0, headStart + json.length);
  new DataView(first.buffer).setUint32(headStart - 4, json.length, true);
  first.set(json, headStart);
  expect(unpackParts([first, ...snapshot.layers], of)).toEqual(snapshot);
  await checkSums(first, snapshot.layers);
  expect(unpackSnapshot(joined([first, ...snapshot.layers]), of)).toEqual(snapshot);
});
