import { describe, expect, it } from 'vitest';
import { fixture } from '../../test/models/fixture.ts';
import { join, number, text, writeGguf, type GgufParts } from '../../test/models/gguf.ts';
import { InvalidFileError, UnsupportedModelError } from '../errors.ts';
import { bytesSource } from '../weights/source/source.ts';
import { readHeader } from './read.ts';
import { type ByteSource } from './source.ts';
import { isFull } from '../../test/verified.ts';

const read = (bytes: Uint8Array) => readHeader(bytesSource(bytes, 'test.gguf'));
const readParts = (parts: GgufParts) => read(writeGguf(parts));

/** A source of unknown size, as the network is, that notes what was asked of it. */
function networkLike(bytes: Uint8Array): ByteSource & { asked: number[] } {
  const inner = bytesSource(bytes, 'network.gguf');
  const asked: number[] = [];
  return {
    ...inner,
    byteLength: undefined,
    asked,
    readUpTo: (offset, length) => {
      asked.push(length);
      return inner.readUpTo(offset, length);
    },
  };
}

const f32 = 0;
const tensor = (name: string, offset: number | bigint, shape: readonly (number | bigint)[] = [8], type = f32) => ({ name, shape, type, offset });

describe('sound files', () => {
  it('reads stories260K: metadata, tokens and tensors', async () => {
    const bytes = fixture('stories260K/stories260K.gguf');
    const header = await read(bytes);
    expect(header.version).toBe(3);
    expect(header.metadata.get('general.architecture')).toBe('llama');
    expect(header.metadata.get('llama.feed_forward_length')).toBe(172);
    expect(header.metadata.get('tokenizer.ggml.tokens')).toHaveLength(512);
    expect((header.metadata.get('tokenizer.ggml.tokens') as string[])[1]).toBe('<s>');
    expect(header.metadata.get('tokenizer.ggml.scores')).toBeInstanceOf(Float32Array);
    expect(header.tensors.size).toBe(47);
    expect(header.tensors.get('blk.0.ffn_down.weight')).toMatchObject({ type: 'F32', shape: [172, 64], byteLength: 172 * 64 * 4 });
    expect(header.fileBytes).toBe(bytes.length);
    const norm = header.tensors.get('output_norm.weight')!;
    const values = new Float32Array(bytes.buffer.slice(norm.offset, norm.offset + norm.byteLength));
    expect(values.every((value) => value > 0 && value < 30)).toBe(true); // the offset is right, to the byte
  });

  it('reads every value type, 64-bit integers exactly', async () => {
    const { metadata } = await readParts({
      metadata: [
        ['u8', { type: 'u8', value: 255 }],
        ['i8', { type: 'i8', value: -128 }],
        ['u16', { type: 'u16', value: 65535 }],
        ['i16', { type: 'i16', value: -2 }],
        ['u32', { type: 'u32', value: 4294967295 }],
        ['i32', { type: 'i32', value: -3 }],
        ['f32', { type: 'f32', value: 0.5 }],
        ['f64', { type: 'f64', value: 0.1 }],
        ['bool', { type: 'bool', value: true }],
        ['string', { type: 'string', value: 'grüße, 世界, a text longer than the fast path' }],
        ['safe', { type: 'u64', value: 2 ** 53 - 1 }],
        ['unsafe', { type: 'u64', value: 2n ** 53n }],
        ['negative', { type: 'i64', value: -(2n ** 53n) + 1n }],
        ['least', { type: 'i64', value: -(2n ** 63n) }],
        ['longs', { type: 'u64', value: [1n, 2n ** 60n] }],
        ['bools', { type: 'bool', value: [true, false] }],
        ['floats', { type: 'f32', value: [1, -2] }],
        ['strings', { type: 'string', value: ['a', '', '▁é'] }],
        ['none', { type: 'string', value: [] }],
      ],
    });
    expect(Object.fromEntries(metadata)).toEqual({
      u8: 255, i8: -128, u16: 65535, i16: -2, u32: 4294967295, i32: -3, f32: 0.5, f64: 0.1, bool: true,
      string: 'grüße, 世界, a text longer than the fast path', safe: 2 ** 53 - 1, unsafe: 2n ** 53n, negative: -(2 ** 53) + 1, least: -(2n ** 63n),
      longs: [1, 2n ** 60n], bools: [true, false], floats: new Float32Array([1, -2]), strings: ['a', '', '▁é'], none: [],
    });
  });

  it('reads version 2 as version 3', async () => {
    expect((await readParts({ version: 2, metadata: [['a', { type: 'u8', value: 1 }]] })).version).toBe(2);
  });

  it('takes tokens that are no valid UTF-8 for data', async () => {
    const { metadata } = await readParts({ metadata: [['tokens', { type: 'string', value: [new Uint8Array([0xff]), new Uint8Array([0xe2, 0x96])] }]] });
    expect(metadata.get('tokens')).toHaveLength(2);
  });

  it('keeps a byte order mark, which is a token of many vocabularies', async () => {
    const { metadata } = await readParts({ metadata: [['tokens', { type: 'string', value: ['\ufeff', '\ufeffusing', 'x\ufeff'] }]] });
    expect(metadata.get('tokens')).toEqual(['\ufeff', '\ufeffusing', 'x\ufeff']);
  });

  it('keeps to the alignment that the file asks for', async () => {
    const header = await readParts({
      metadata: [['general.alignment', { type: 'u32', value: 256 }]],
      tensors: [tensor('a', 0), tensor('b', 256)],
      dataBytes: 288,
    });
    expect([...header.tensors.values()].map(({ offset }) => offset)).toEqual([256, 512]);
    expect(header.fileBytes).toBe(544);
  });

  it('reads 262,144 tokens in no long time', async () => {
    const tokens = Array.from({ length: 262144 }, (_, i) => `▁token${i}`);
    const source = networkLike(writeGguf({ metadata: [['tokens', { type: 'string', value: tokens }]] }));
    const start = process.cpuUsage(); // other tests run beside this one
    const { metadata } = await readHeader(source);
    if (isFull) expect(process.cpuUsage(start).user / 1000).toBeLessThan(1000);
    expect(metadata.get('tokens')).toEqual(tokens);
  });

  it('reads no more than twice the header, or 256 KiB', async () => {
    const source = networkLike(fixture('tiny/tiny-llama-f16.gguf'));
    await readHeader(source);
    expect(source.asked).toEqual([256 * 1024]);

    const large = writeGguf({ metadata: [['text', { type: 'string', value: 'x'.repeat(900_000) }]], tensors: [tensor('a', 0, [2 ** 22])], dataBytes: 2 ** 24 });
    const far = networkLike(large);
    await readHeader(far);
    expect(far.asked).toEqual([2 ** 18, 2 ** 18, 2 ** 19]);
  });

  it('stops when asked to', async () => {
    await expect(readHeader(bytesSource(fixture('stories260K/stories260K.gguf'), 's'), { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
  });
});

describe('unsound files', () => {
  const huge = 2n ** 63n;
  const damaged: [title: string, parts: GgufParts, message: RegExp][] = [
    [
      'a pointer of Git LFS',
      { magic: 'version https://git-lfs.github.com/spec/v1\noid sha256:0000\nsize 1054240\n' },
      /pointer of Git LFS.*fetch the file itself/,
    ],
    ['a checkpoint', { magic: 'PK\u0003\u0004' }, /begins with "PK\.\.", not with "GGUF"\. It is a zip archive, or a checkpoint of PyTorch/],
    ['another magic number', { magic: 'GGML' }, /not a GGUF: it begins with "GGML"/],
    ['a web page', { magic: '<!DO' }, /looks like a web page/],
    [
      'more pairs than the file can hold',
      { claimedPairs: 1000, metadata: [['a', { type: 'u8', value: 1 }]] },
      /metadata count.* 1000 key-value pairs.* at most \d+ bytes follow/,
    ],
    ['an absurd number of pairs', { claimedPairs: huge }, /9223372036854775808 key-value pairs; at most 65536/],
    ['an absurd number of tensors', { claimedTensors: huge }, /9223372036854775808 tensors; at most 65536/],
    ['an absurd length of a key', { claimedPairs: 1, metadata: [[' '.repeat(70_000), { type: 'u8', value: 1 }]] }, /key 1 of 1.* has 70000 characters/],
    [
      'an absurd length of a string',
      { metadata: [['a', { type: 'raw', number: 8, bytes: number('u64', huge) }]] },
      /the value of a .*9223372036854775808 bytes of text/,
    ],
    [
      'an absurd length of an array',
      { metadata: [['a', { type: 'raw', number: 9, bytes: join([number('u32', 6), number('u64', huge)]) }]] },
      /the value of a .*9223372036854775808 elements/,
    ],
    [
      'an array longer than the file',
      { metadata: [['a', { type: 'raw', number: 9, bytes: join([number('u32', 8), number('u64', 1000)]) }]] },
      /1000 elements, at least 8000 bytes, but at most 0 bytes follow/,
    ],
    ['an unknown value type', { metadata: [['a', { type: 'raw', number: 13, bytes: new Uint8Array(8) }]] }, /value type 13/],
    ['a boolean of 2', { metadata: [['a', { type: 'raw', number: 7, bytes: new Uint8Array([2]) }]] }, /boolean with the value 2/],
    [
      'a key twice',
      {
        metadata: [
          ['a', { type: 'u8', value: 1 }],
          ['a', { type: 'u8', value: 2 }],
        ],
      },
      /metadata key 2 of 2 .* is "a" a second time/,
    ],
    ['an empty key', { metadata: [['', { type: 'u8', value: 1 }]] }, /has 0 characters/],
    ['an alignment of 48', { metadata: [['general.alignment', { type: 'u32', value: 48 }]] }, /alignment is 48; needed is a power of two/],
    ['an alignment of 0', { metadata: [['general.alignment', { type: 'u32', value: 0 }]] }, /alignment is 0;/],
    ['an alignment in words', { metadata: [['general.alignment', { type: 'string', value: 'much' }]] }, /alignment is much;/],
    ['a tensor name twice', { tensors: [tensor('a', 0), tensor('a', 32)], dataBytes: 64 }, /two tensors named "a"/],
    ['a tensor without a name', { tensors: [tensor('', 0)], dataBytes: 32 }, /name of 0 characters/],
    ['a long tensor name', { tensors: [tensor('x'.repeat(65), 0)], dataBytes: 32 }, /name of 65 characters/],
    ['five dimensions', { tensors: [tensor('a', 0, [2, 2, 2, 2, 2])], dataBytes: 128 }, /tensor "a" .* has 5 dimensions/],
    ['a dimension of 0', { tensors: [tensor('a', 0, [8, 0])] }, /dimension of size 0/],
    ['a product past 2^53', { tensors: [tensor('a', 0, [2 ** 32, 2 ** 32])] }, /shape 4294967296 x 4294967296, more than 2\^53/],
    ['a product past every float', { tensors: [tensor('a', 0, [2n ** 63n, 2n ** 63n, 2n ** 63n, 2n ** 63n])] }, /more than 2\^53/],
    ['rows that are no multiple of the block', { tensors: [tensor('a', 0, [48], 2)], dataBytes: 64 }, /rows of 48 weights; Q4_0 needs a multiple of 32/],
    ['a misaligned tensor', { tensors: [tensor('a', 16)], dataBytes: 64 }, /begins at byte 16 .* multiple of the file's alignment 32/],
    ['overlapping tensors', { tensors: [tensor('b', 32), tensor('a', 0, [16])], dataBytes: 64 }, /tensor "b" begins at byte \d+, inside tensor "a"/],
    ['a tensor past the end', { tensors: [tensor('a', 32)], dataBytes: 63 }, /tensor "a" ends at byte \d+, but the file has \d+ bytes/],
    ['an offset past 2^53', { tensors: [tensor('a', 2n ** 60n)] }, /begins at byte 1152921504606846976 of the tensor data, past 2\^53/],
  ];
  it.each(damaged)('refuses %s', async (_, parts, message) => {
    const bytes = writeGguf(parts);
    await expect(read(bytes)).rejects.toThrow(message);
    await expect(read(bytes)).rejects.toBeInstanceOf(InvalidFileError);
  });

  const unsupported: [title: string, parts: GgufParts, message: RegExp][] = [
    ['version 1', { version: 1 }, /version 1; windrow reads versions 2 and 3/],
    ['version 4', { version: 4 }, /version 4/],
    ['big-endian files', { version: 3 << 24 }, /big-endian/],
    ['an unknown tensor type', { tensors: [tensor('a', 0, [32], 99)], dataBytes: 64 }, /tensor "a" has type number 99/],
    ['arrays of arrays', { metadata: [['a', { type: 'raw', number: 9, bytes: join([number('u32', 9), number('u64', 1)]) }]] }, /array of arrays/],
  ];
  it.each(unsupported)('refuses %s as unsupported', async (_, parts, message) => {
    const bytes = writeGguf(parts);
    await expect(read(bytes)).rejects.toThrow(message);
    await expect(read(bytes)).rejects.toBeInstanceOf(UnsupportedModelError);
  });

  it('names what was being read when a file ends early, wherever it ends', async () => {
    const whole = writeGguf({
      metadata: [['name', { type: 'string', value: 'abc' }], ['tokens', { type: 'string', value: ['a', 'b'] }], ['scores', { type: 'f32', value: [1, 2] }]],
      tensors: [tensor('weight', 0)],
      dataBytes: 32,
    });
    const whats = new Set<string>();
    for (let length = 0; length < whole.length - 32; length++) {
      for (const source of [bytesSource(whole.slice(0, length), 'cut'), networkLike(whole.slice(0, length))]) {
        const error = (await readHeader(source).catch((caught: unknown) => caught)) as Error;
        if (length > whole.length - 64 && !(error instanceof Error)) continue; // only padding and weights are missing
        expect(error, `cut to ${length}`).toBeInstanceOf(InvalidFileError);
        const what = /the magic number|the version|the \w+ count|metadata key \d|value of \w+|tensor \d|tensor "\w+"/.exec(error.message)?.[0];
        whats.add(what ?? error.message);
      }
    }
    expect([...whats].sort()).toEqual([
      'metadata key 1',
      'metadata key 2',
      'metadata key 3',
      'tensor "weight"',
      'tensor 1',
      'the magic number',
      'the metadata count',
      'the tensor count',
      'the version',
      'value of name',
      'value of scores',
      'value of tokens',
    ]);
  });

  it('refuses a claim of 100 MB from the network without asking for 100 MB', async () => {
    const claim = join([writeGguf({ claimedPairs: 1 }), text('a'), number('u32', 8), number('u64', 100_000_000), new Uint8Array(1000)]);
    const source = networkLike(claim);
    await expect(readHeader(source)).rejects.toThrow(/ends after \d+ bytes, inside the value of a/);
    expect(Math.max(...source.asked)).toBeLessThanOrEqual(2 ** 18);
  });
});
