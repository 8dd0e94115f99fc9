// Every format against ggml's own dequantised values (test/fixtures/quant, made by ggml_quantize_chunk), bit for bit.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { formats, loadFormats, typeNames } from './catalogue.ts';
import { wordsPerBlock } from './format.ts';
import { ggmlTypes } from './ggml-types.ts';
import { panelLayout, repackRows, unpackRow } from './panel.ts';

const folder = new URL('../../test/fixtures/quant/', import.meta.url);
const read = (name: string) => new Uint8Array(readFileSync(new URL(name, folder)));
interface TypeFacts { ggml_type: number; block_size: number; bytes_per_block: number; bytes_per_row: number }
const index = JSON.parse(readFileSync(new URL('index.json', folder), 'utf8')) as { rows: number; cols: number; types: Record<string, TypeFacts> };
const { rows, cols } = index;

const bitsOf = (floats: Float32Array) => Array.from(new Uint32Array(floats.buffer, floats.byteOffset, floats.length));

const common = 'F32 F16 BF16 Q4_0 Q4_1 Q5_0 Q8_0 Q4_K Q5_K Q6_K'.split(' ');
const rare = 'IQ1_S IQ1_M IQ2_XXS IQ2_XS IQ2_S IQ3_XXS IQ3_S IQ4_NL IQ4_XS TQ1_0 TQ2_0 Q1_0 Q2_0 Q2_K Q3_K Q5_1 MXFP4 NVFP4'.split(' ');
const first = [...formats.keys()];
await loadFormats(['IQ2_S', 'Q4_K', 'Q9_X', 'toString']);
const second = [...formats.keys()];
await loadFormats(typeNames);

it('reads the 28 types of the README and no other', () => {
  expect([...typeNames].sort()).toEqual([...common, ...rare].sort());
  expect([...formats.keys()].sort()).toEqual([...typeNames].sort());
});

it('has the common types at once, and others when they are asked for', () => {
  expect(first.sort()).toEqual([...common].sort());
  expect(second.sort()).toEqual([...common, 'IQ2_S'].sort());
});

it.each(rare)('brings the shader of %s with it', (name) => {
  const reads = 'fn (group_dot|scales?_of|scale_minimum|scales_minimums)';
  expect(formats.get(name)!.shader).toMatch(new RegExp(`^// ${name}\\. Planes per block of \\d+: [^]*${reads}\\(`, 'm'));
});

it('knows the number, block size and block bytes of every ggml type in the fixtures', () => {
  for (const [name, type] of Object.entries(index.types)) {
    expect(ggmlTypes.get(type.ggml_type)).toEqual({ name, blockSize: type.block_size, blockBytes: type.bytes_per_block });
  }
});

describe.each([...formats.values()])('$name', (format) => {
  const type = index.types[format.name];

  it('states the size that ggml states', () => {
    expect(format.ggmlType).toBe(type.ggml_type);
    expect(format.blockSize % type.block_size).toBe(0);
    expect(format.blockBytes).toBe((format.blockSize / type.block_size) * type.bytes_per_block);
  });

  it('takes at most 4 % more room than in the file', () => {
    expect(wordsPerBlock(format) * 4).toBeLessThanOrEqual(format.blockBytes * 1.04);
  });

  it("unpacks to ggml's values bit for bit", () => {
    const layout = panelLayout(format, rows, cols);
    const packed = new Uint32Array((layout.panels * layout.panelBytes) / 4);
    repackRows(format, layout, read(`${format.name}.bin`), type.bytes_per_row, rows, packed, 0);
    const golden = new Float32Array(read(`${format.name}.f32`).buffer);
    for (let row = 0; row < rows; row++) {
      expect(bitsOf(unpackRow(format, layout, packed, row, cols))).toEqual(bitsOf(golden.subarray(row * cols, (row + 1) * cols)));
    }
  });

  it('turns every bit of a block into a bit of the words, so that nothing is lost', () => {
    const repacked = (block: Uint8Array) => {
      const words = new Uint32Array(wordsPerBlock(format)).fill(0xdeadbeef); // all words must be written
      format.repack(new DataView(block.buffer), 0, words);
      return words;
    };
    const zero = repacked(new Uint8Array(format.blockBytes));
    const seen = new Set<string>();
    for (let bit = 0; bit < format.blockBytes * 8; bit++) {
      const block = new Uint8Array(format.blockBytes);
      block[bit >> 3] = 1 << (bit & 7);
      const changed = repacked(block).map((word, i) => word ^ zero[i]);
      expect(changed.reduce((sum, word) => sum + word.toString(2).replaceAll('0', '').length, 0)).toBe(1);
      seen.add(changed.join());
    }
    expect(seen.size).toBe(format.blockBytes * 8);
  });

  it('places rows past a panel and ragged ends where it finds them again', () => {
    // 37 rows, as few columns as the file allows beyond a whole block of ours: 172 for floats, an odd count of ggml blocks else.
    const ragged = type.block_size === 1 ? 172 : 3 * type.block_size;
    const rowBytes = (ragged / type.block_size) * type.bytes_per_block;
    const source = new Uint8Array(37 * rowBytes);
    const file = read(`${format.name}.bin`);
    for (let i = 0; i < source.length; i++) source[i] = file[i % file.length];
    const layout = panelLayout(format, 37, ragged);
    const packed = new Uint32Array((layout.panels * layout.panelBytes) / 4);
    const head = source.subarray(0, 20 * rowBytes); // in two pieces, as an import does
    repackRows(format, layout, head, rowBytes, 20, packed, 0);
    repackRows(format, layout, source.subarray(20 * rowBytes), rowBytes, 17, packed, 20);

    const line = panelLayout(format, 1, ragged);
    for (const row of [0, 1, 19, 20, 31, 32, 36]) {
      const alone = new Uint32Array(line.panelBytes / 4);
      repackRows(format, line, source.subarray(row * rowBytes, (row + 1) * rowBytes), rowBytes, 1, alone, 0);
      const weights = unpackRow(format, layout, packed, row, ragged);
      expect(weights.length).toBe(ragged);
      expect(bitsOf(weights)).toEqual(bitsOf(unpackRow(format, line, alone, 0, ragged)));
    }
    if (ragged < layout.blocks * format.blockSize) {
      const padding = unpackRow(format, layout, packed, 36, layout.blocks * format.blockSize).subarray(ragged);
      expect(padding.every((weight) => weight === 0)).toBe(true);
    }
  });
});
