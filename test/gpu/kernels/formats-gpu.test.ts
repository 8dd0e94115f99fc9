// shaders/formats/*.wgsl on Dawn against ggml's values: every type's group_load and group_dot, at awkward sizes, with subnormal scales.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formats, loadFormats, typeNames } from '../../../src/formats/catalogue.ts';
import { type Format } from '../../../src/formats/format.ts';
import { panelLayout, repackRows, unpackRow } from '../../../src/formats/panel.ts';
import { kernelSource } from '../../../src/gpu/kernels.ts';
import { weightFiles } from '../../../src/model/blocks/products.ts';
import { adapterFile, openDevice, runShader } from '../../dawn.ts';
import { record } from '../../verified.ts';

const root = new URL('../../../', import.meta.url);
const text = (path: string) => readFileSync(new URL(path, root), 'utf8');
const read = (name: string) => new Uint8Array(readFileSync(new URL(`test/fixtures/quant/${name}`, root)));
const index = JSON.parse(text('test/fixtures/quant/index.json')) as {
  rows: number;
  cols: number;
  types: Record<string, { block_size: number; bytes_per_block: number; bytes_per_row: number }>;
};

await loadFormats(typeNames);

/** Where a block of ggml's has f16 numbers. */
const halfScales: Record<string, number[]> = {
  F16: [0],
  Q4_0: [0],
  Q4_1: [0, 2],
  Q5_0: [0],
  Q5_1: [0, 2],
  Q8_0: [0],
  Q2_K: [80, 82],
  Q3_K: [108],
  Q4_K: [0, 2],
  Q5_K: [0, 2],
  Q6_K: [208],
  IQ4_NL: [0],
  IQ4_XS: [0],
  IQ1_S: [0],
  IQ1_M: [48], // and at the next three 16 bits, four bits each
  IQ2_XXS: [0],
  IQ2_XS: [0],
  IQ2_S: [0],
  IQ3_XXS: [0],
  IQ3_S: [0],
  TQ1_0: [52],
  TQ2_0: [64],
  Q1_0: [0],
  Q2_0: [0],
};

function setHalf(view: DataView, format: string, at: number, half: number): void {
  if (format !== 'IQ1_M') view.setUint16(at, half, true);
  else for (let i = 0; i < 4; i++) view.setUint16(at + 2 * i, (view.getUint16(at + 2 * i, true) & 0xfff) | (((half >> (4 * i)) & 15) << 12), true);
}

// One thread per row: all weights of the row by group_load, and its dot product with x by group_dot.
const body = `
struct Params { rows : u32, blocks : u32, groups : u32, panel_words : u32 }
@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> x : array<vec4<f32>>; // (groups, 8)
@group(0) @binding(3) var<storage, read_write> loaded : array<vec4<f32>>; // (rows, groups, 8)
@group(0) @binding(4) var<storage, read_write> sums : array<f32>; // (rows)

@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id : vec3<u32>) {
  if (id.x >= params.rows) { return; }
  let row = Row((id.x / PanelRows) * params.panel_words, id.x % PanelRows, params.blocks);
  var sum = 0.0;
  for (var group = 0u; group < params.groups; group++) {
    var xs : Group;
    var w : Group;
    for (var i = 0u; i < 8u; i++) { xs[i] = x[group * 8u + i]; }
    let one = vec4<f32>(1.0);
    let x_sum = vec2<f32>(dot(xs[0] + xs[1] + xs[2] + xs[3], one), dot(xs[4] + xs[5] + xs[6] + xs[7], one));
    sum += group_dot(row, group, &xs, x_sum);
    group_load(row, group, &w);
    for (var i = 0u; i < 8u; i++) { loaded[(id.x * params.groups + group) * 8u + i] = w[i]; }
  }
  sums[id.x] = sum;
}`;

let device: GPUDevice;

/** What the GPU reads from `packed`: all weights, padded columns included, and the products of the rows with x. */
async function onGpu(format: Format, rows: number, cols: number, packed: Uint32Array, x: Float32Array) {
  const layout = panelLayout(format, rows, cols);
  const groups = Math.ceil(cols / 32);
  const padded = new Float32Array(groups * 32);
  padded.set(x);
  const { outputs } = await runShader(device, {
    code: kernelSource({ kernel: 'body', files: weightFiles(format, false) }, { body }),
    buffers: [
      { uniform: new Uint32Array([rows, layout.blocks, groups, layout.panelBytes / 4]) },
      { storage: packed },
      { storage: padded },
      { output: rows * groups * 128 },
      { output: rows * 4 },
      ...(format.grid ? [undefined, undefined, undefined, { storage: format.grid }] : []), // bound as 8
    ],
    workgroups: [Math.ceil(rows / 32)],
  });
  return { width: groups * 32, loaded: new Float32Array(outputs[0]), sums: new Float32Array(outputs[1]) };
}

function pack(format: Format, rows: number, cols: number, source: Uint8Array): Uint32Array {
  const layout = panelLayout(format, rows, cols);
  const packed = new Uint32Array((layout.panels * layout.panelBytes) / 4);
  repackRows(format, layout, source, source.length / rows, rows, packed, 0);
  return packed;
}

/** The distance between neighbouring f32 at `value`. */
const ulp = (value: number) => 2 ** (Math.max(Math.floor(Math.log2(Math.abs(value) || 2 ** -126)), -126) - 23);

/** Largest errors so far: of a weight, in ulp of the block's largest; of a sum, as a share of sum |w x|. */
const worst = { ulp: 0, sum: 0 };

function expectWeights(actual: Float32Array, expected: Float32Array, block: number): void {
  for (let start = 0; start < expected.length; start += block) {
    const part = expected.subarray(start, start + block);
    const tolerance = 2 * ulp(part.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0));
    part.forEach((weight, i) => {
      worst.ulp = Math.max(worst.ulp, (2 * Math.abs(actual[start + i] - weight)) / tolerance);
      if (!(Math.abs(actual[start + i] - weight) <= tolerance)) expect.fail(`weight ${start + i} is ${actual[start + i]}, not ${weight} (within ${tolerance})`);
    });
  }
}

/** Every sum within 1e-5 of sum |w x|. */
function expectSums(sums: Float32Array, rowsOf: (row: number) => Float32Array, x: Float32Array, golden?: Float32Array): void {
  sums.forEach((sum, row) => {
    let exact = 0;
    let size = 0;
    rowsOf(row).forEach((weight, i) => {
      exact += weight * x[i];
      size += Math.abs(weight * x[i]);
    });
    const target = golden?.[row] ?? exact;
    if (size > 0) worst.sum = Math.max(worst.sum, Math.abs(sum - target) / size);
    if (!(Math.abs(sum - target) <= 1e-5 * size)) expect.fail(`row ${row} sums to ${sum}, not ${target} (sum of magnitudes ${size})`);
  });
}

describe.skipIf(adapterFile === undefined)(`on ${adapterFile ?? 'no Vulkan driver: skipped'}`, () => {
  afterAll(() =>
    record({
      point: `${formats.size} weight types on the GPU: largest error of a weight (limit 2 ulp) and of a sum (limit 1e-5 of sum |w x|)`,
      command: 'npx vitest run --project gpu test/gpu/kernels/formats-gpu.test.ts',
      value: worst,
    }),
  );
  beforeAll(async () => {
    device = await openDevice();
  }, 60_000);

  describe.each([...formats.values()])('$name', (format) => {
    const type = index.types[format.name];

    it("loads ggml's weights and sums ggml's products", async () => {
      const { rows, cols } = index;
      const golden = new Float32Array(read(`${format.name}.f32`).buffer);
      const x = new Float32Array(read('x.f32').buffer);
      const { loaded, sums } = await onGpu(format, rows, cols, pack(format, rows, cols, read(`${format.name}.bin`)), x);
      expectWeights(loaded, golden, Math.max(32, type.block_size));
      expectSums(sums, (row) => golden.subarray(row * cols, (row + 1) * cols), x, new Float32Array(read(`${format.name}.y.f32`).buffer));
    });

    it('reads 67 rows that end inside a block, and zeros behind them', async () => {
      const cols = type.block_size === 1 ? 172 : 3 * type.block_size;
      const rows = 67;
      const file = read(`${format.name}.bin`);
      const source = new Uint8Array(rows * (cols / type.block_size) * type.bytes_per_block);
      for (let i = 0; i < source.length; i++) source[i] = file[i % file.length];
      const packed = pack(format, rows, cols, source);
      const layout = panelLayout(format, rows, cols);
      const x = Float32Array.from({ length: cols }, (_, i) => Math.sin(i + 1));
      const { width, loaded, sums } = await onGpu(format, rows, cols, packed, x);
      const weights = (row: number) => unpackRow(format, layout, packed, row, cols);
      for (let row = 0; row < rows; row++) {
        const line = new Float32Array(width);
        line.set(weights(row));
        expectWeights(loaded.subarray(row * width, (row + 1) * width), line, 32);
      }
      expectSums(sums, weights, x);
    });

    if (!(format.name in halfScales)) return;
    it('keeps scales and weights that are f16 subnormals', async () => {
      const cols = Math.max(512, 2 * format.blockSize);
      const rows = 3;
      const source = new Uint8Array((rows * cols * type.bytes_per_block) / type.block_size);
      const view = new DataView(source.buffer);
      for (let i = 0; i < source.length; i++) source[i] = (i * 151 + 89) & 0xff;
      const subnormals = [0x0001, 0x8001, 0x0002, 0x00ff, 0x0200, 0x83ff, 0x03ff];
      let count = 0;
      for (let block = 0; block < source.length; block += type.bytes_per_block) {
        for (const offset of halfScales[format.name]) setHalf(view, format.name, block + offset, subnormals[count++ % subnormals.length]);
      }
      const packed = pack(format, rows, cols, source);
      const layout = panelLayout(format, rows, cols);
      const x = Float32Array.from({ length: cols }, (_, i) => Math.cos(i));
      const weights = (row: number) => unpackRow(format, layout, packed, row, cols);
      const { loaded, sums } = await onGpu(format, rows, cols, packed, x);
      for (let row = 0; row < rows; row++) {
        expect(weights(row).filter((weight) => weight !== 0).length).toBeGreaterThan(cols / 2);
        expectWeights(loaded.subarray(row * cols, (row + 1) * cols), weights(row), Math.max(32, type.block_size));
      }
      expectSums(sums, weights, x);
    });
  });

  it('keeps MXFP4 weights whose scale alone is an f32 subnormal, and the largest scale', async () => {
    const format = formats.get('MXFP4')!;
    const exponents = [0, 1, 2, 3, 60, 127, 200, 252]; // of 8 rows; 12 * 2^(252 - 128) is the last below infinity
    const source = new Uint8Array(8 * 4 * 17).map((_, i) => (i % 17 === 0 ? exponents[Math.floor(i / 68)] : (i * 151 + 89) & 0xff));
    const packed = pack(format, 8, 128, source);
    const x = new Float32Array(128).fill(2 ** 20); // so that the products are normal
    const { loaded, sums } = await onGpu(format, 8, 128, packed, x);
    const weights = (row: number) => unpackRow(format, panelLayout(format, 8, 128), packed, row, 128);
    const smallest = 2 ** -126; // a GPU may flush what is below
    for (let row = 0; row < 8; row++) {
      weights(row).forEach((weight, i) => {
        if (Math.abs(weight) >= smallest) expect(loaded[row * 128 + i]).toBe(weight);
        else expect(Math.abs(loaded[row * 128 + i] - weight)).toBeLessThan(smallest);
      });
    }
    expect(weights(0).some((weight) => Math.abs(weight) >= smallest)).toBe(true);
    expectSums(sums.subarray(0, 7), weights, x); // the last overflows
  });
});
