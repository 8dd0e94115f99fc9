// Damages real headers in seeded ways. Each must end quickly, with a Header that fits its file or with a named error.
import { describe, expect, it } from 'vitest';
import { fixture } from '../../test/models/fixture.ts';
import { writeGguf } from '../../test/models/gguf.ts';
import { InvalidFileError, UnsupportedModelError } from '../errors.ts';
import { bytesSource } from '../weights/source/source.ts';
import { type Header } from './header.ts';
import { readHeader } from './read.ts';
import { type ByteSource } from './source.ts';
import { isFull } from '../../test/verified.ts';
import { mulberry32 } from '../random.ts';

const rounds = isFull ? 3000 : 1000;
const files = ['stories260K/stories260K.gguf', 'tiny/tiny-llama-k.gguf', 'tiny/tiny-gemma3.gguf', 'tiny/tiny-phi3.gguf', 'tiny/tiny-gpt-oss.zeroed.gguf'];

const seeds = [
  ...files.map((path) => fixture(path)),
  writeGguf({
    metadata: [
      ['general.alignment', { type: 'u32', value: 64 }],
      ['longs', { type: 'i64', value: [1n, -5n] }],
      ['flags', { type: 'bool', value: [true, false] }],
      ['words', { type: 'string', value: ['one', 'two'] }],
    ],
    tensors: [{ name: 'a', shape: [32, 2], type: 8, offset: 0 }, { name: 'b', shape: [4], type: 0, offset: 128 }],
    dataBytes: 144,
  }),
];

const hugeValues = [0n, 1n, 0xffn, 0x7fffffffn, 0xffffffffn, 2n ** 32n, 2n ** 40n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n];

type Mutation = (bytes: Uint8Array, headerBytes: number, pick: (below: number) => number) => Uint8Array;

const mutations: Record<string, Mutation> = {
  'flips bits': (bytes, headerBytes, pick) => {
    for (let n = 1 + pick(8); n > 0; n--) bytes[pick(headerBytes)] ^= 1 << pick(8);
    return bytes;
  },
  'flips bits at the front': (bytes, _, pick) => {
    bytes[pick(256)] ^= 1 << pick(8);
    return bytes;
  },
  truncates: (bytes, headerBytes, pick) => bytes.subarray(0, pick(pick(2) ? headerBytes : bytes.length)),
  'sets a length, count or size': (bytes, headerBytes, pick) => {
    // A length is found by its shape: a small u64, seven of whose bytes are mostly 0.
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = pick(headerBytes - 8);
    while (at < headerBytes - 8 && view.getUint32(at + 4, true) !== 0) at++;
    view.setBigUint64(at, hugeValues[pick(hugeValues.length)], true);
    return bytes;
  },
  'sets a type number': (bytes, headerBytes, pick) => {
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(pick(headerBytes - 4), pick(48), true);
    return bytes;
  },
  'splices a chunk of another file': (bytes, headerBytes, pick) => {
    const other = seeds[pick(seeds.length)];
    const from = pick(Math.min(other.length, 20_000) - 1);
    bytes.set(other.subarray(from, from + 1 + pick(400)).subarray(0, headerBytes), pick(Math.max(1, headerBytes - 400)));
    return bytes;
  },
  'removes a chunk': (bytes, headerBytes, pick) => {
    const at = pick(headerBytes);
    bytes.copyWithin(at, at + 1 + pick(64));
    return bytes;
  },
  'repeats a chunk': (bytes, headerBytes, pick) => {
    const at = pick(headerBytes);
    bytes.copyWithin(at + 1 + pick(64), at);
    return bytes;
  },
};

/** Notes the largest read; tells the size only if `known`. */
function watched(bytes: Uint8Array, known: boolean): ByteSource & { largest: number } {
  const inner = bytesSource(bytes, 'damaged.gguf');
  const source = {
    ...inner,
    byteLength: known ? bytes.length : undefined,
    largest: 0,
    readUpTo: (offset: number, length: number) => {
      source.largest = Math.max(source.largest, length);
      return inner.readUpTo(offset, length);
    },
  };
  return source;
}

function checkFits(header: Header, fileBytes: number): void {
  for (const tensor of header.tensors.values()) {
    expect(Number.isSafeInteger(tensor.offset + tensor.byteLength)).toBe(true);
    expect(tensor.offset).toBeGreaterThanOrEqual(header.headerBytes);
    if (fileBytes < Infinity) expect(tensor.offset + tensor.byteLength).toBeLessThanOrEqual(fileBytes);
  }
  for (const value of header.metadata.values()) {
    if (typeof value === 'object') expect(value.length).toBeLessThanOrEqual(header.headerBytes);
  }
}

describe(`${rounds} damaged headers`, async () => {
  const headerBytes = await Promise.all(seeds.map(async (bytes) => (await readHeader(bytesSource(bytes, 'seed'))).headerBytes));

  it.each(Object.keys(mutations))('end with a header or a named error when a mutation %s', async (name) => {
    const kinds = Object.keys(mutations);
    const ends = { header: 0, InvalidFileError: 0, UnsupportedModelError: 0 };
    for (let round = kinds.indexOf(name); round < rounds; round += kinds.length) {
      const next = mulberry32(round);
      const pick = (below: number) => Math.floor(next() * below);
      const which = pick(seeds.length);
      const bytes = mutations[name](seeds[which].slice(), headerBytes[which], pick);
      const known = pick(2) === 0;
      const source = watched(bytes, known);
      const start = performance.now();
      try {
        checkFits(await readHeader(source), known ? bytes.length : Infinity);
        ends.header++;
      } catch (error) {
        if (!(error instanceof InvalidFileError) && !(error instanceof UnsupportedModelError))
          throw new Error(`round ${round}: ${String(error)}`, { cause: error });
        expect(error.message.length, `round ${round}: ${error.message}`).toBeLessThan(600);
        ends[error.name]++;
      }
      if (isFull) expect(performance.now() - start, `milliseconds of round ${round}`).toBeLessThan(1000);
      expect(source.largest, `bytes read at once in round ${round}`).toBeLessThanOrEqual(Math.max(2 ** 18, bytes.length));
    }
    expect(ends.InvalidFileError, JSON.stringify(ends)).toBeGreaterThan(0); // the mutations do hit the header
  });
});
