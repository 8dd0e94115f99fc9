// Sealing pages on the GPU: word for word what the reference gives, whatever GPU it is; the reference has the goldens' codes (src/reference/kv/affine.test.ts).
import { describe, expect, it } from 'vitest';
import { floatsFixture } from '../../models/fixture.ts';
import { adapterFile } from '../../dawn.ts';
import { openDawn } from '../../models/model.ts';
import { createKernelCache } from '../../../src/gpu/kernels.ts';
import { createLedger } from '../../../src/gpu/ledger.ts';
import { createProgram } from '../../../src/gpu/program.ts';
import { readBytes } from '../../../src/gpu/read-bytes.ts';
import { normals, random } from '../../../src/gpu/checks/random.ts';
import { packPages, unpackPages } from '../../../src/gpu/checks/pages.ts';
import { type AffineFormat, affineFormats } from '../../../src/kv/formats/affine.ts';
import { kvFormat } from '../../../src/kv/formats/catalogue.ts';
import { addPolicyShaders } from '../../../src/kv/policies/shaders.ts';
import { type KvLayer } from '../../../src/kv/policy.ts';
import { seal } from '../../../src/kv/tick/seal.ts';
import { sealPage } from '../../../src/reference/kv/affine.ts';

addPolicyShaders();

const usage = 0x80 | 0x4 | 0x8; // storage, copy from and to

interface Sealed {
  format: AffineFormat;
  kv: 'f16' | 'f32';
  headDim: number;
  /** (position, kv head, headDim) of positions 32 to 128, in a ring of 3 pages. */
  keys: Float32Array;
  values: Float32Array;
  first: number;
  end: number;
}

const kvHeads = 2;

/** The pages of a set of positions 0 to 128, after `first` to `end` were sealed in it, page by page. */
async function sealed({ format, kv: name, headDim, keys, values, first, end }: Sealed): Promise<{ found: Uint32Array[]; wanted: Uint32Array[] }> {
  const gpu = await openDawn();
  const { device } = gpu;
  const ledger = createLedger(device, Infinity);
  const kv = kvFormat(name);
  const words = 4 * kv.words(headDim);
  const source = ledger.create('kv', 'fresh', 3 * kvHeads * words, usage);
  const shape = { kvHeads, headDim, kv };
  const bytes = packPages(shape, { slots: [96, 96], keys, values }, source.size);
  const ring = new Uint8Array(source.size); // position 32 is in ring 1
  [0, 1, 2].forEach((page) => ring.set(bytes.subarray(page * kvHeads * words, (page + 1) * kvHeads * words), ((page + 1) % 3) * kvHeads * words));
  device.queue.writeBuffer(source, 0, ring);
  const pages = ledger.create('kv', 'set', 4 * 8 * format.words(headDim), usage);
  const lists = ledger.create('kv', 'lists', 4 * 12, usage);
  const order = [[7, 2, 5, 0], [1, 6, 3, 4]];
  device.queue.writeBuffer(lists, 0, Uint32Array.of(4, end, 8, end, ...order.flat()));
  const layer = { heads: { kvHeads, headDim }, sets: [{ pages }], lists, fresh: { format: kv, pages: source } } as unknown as KvLayer;
  const { grid, bindings, ...work } = seal(layer, 0, format, first, end);
  const bound = Object.fromEntries(Object.entries(bindings).map(([key, buffer]) => [key, { buffer: buffer as GPUBuffer }]));
  const program = await createProgram(device, ledger, createKernelCache(device), 'seal', [{ ...work, bindings: bound, grid: () => grid }]);
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  program.encode(pass, { rows: 1, length: 1 });
  pass.end();
  device.queue.submit([encoder.finish()]);
  const all = new Uint32Array(await readBytes(device, ledger, 'read', { buffer: pages, byteLength: pages.size }));
  const held = { keys: unpackPages(shape, 'keys', bytes.buffer, 96), values: unpackPages(shape, 'values', bytes.buffer, 96) }; // as f16 rounds them
  const of = (numbers: Float32Array, head: number, page: number) =>
    Float32Array.from({ length: 32 * headDim }, (_, i) => numbers[(((page - 1) * 32 + Math.floor(i / headDim)) * kvHeads + head) * headDim + (i % headDim)]);
  const found: Uint32Array[] = [];
  const wanted: Uint32Array[] = [];
  for (let head = 0; head < kvHeads; head++) {
    for (let page = Math.floor(first / 32); page < Math.ceil(end / 32); page++) {
      found.push(all.subarray(order[head][page] * format.words(headDim), (order[head][page] + 1) * format.words(headDim)));
      wanted.push(sealPage(format, headDim, of(held.keys, head, page), of(held.values, head, page)));
    }
  }
  ledger.destroyAll();
  device.destroy();
  return { found, wanted };
}

const block = floatsFixture('kv/block.f32');
/** The golden's block in the first page of the first head, and normals elsewhere. */
const withBlock = (label: string): Float32Array => {
  const numbers = normals(random(label), 96 * kvHeads * 64);
  for (let slot = 0; slot < 32; slot++) numbers.set(block.subarray(slot * 64, (slot + 1) * 64), slot * kvHeads * 64);
  return numbers;
};

describe.skipIf(!adapterFile).each([...affineFormats.values()])('$name', (format) => {
  it('has the words of the reference for the block of the goldens and for others', async () => {
    const { found, wanted } = await sealed({ format, kv: 'f32', headDim: 64, keys: withBlock('keys'), values: withBlock('values'), first: 32, end: 96 });
    expect(found).toEqual(wanted);
  });

  it('seals f16 of heads that are no whole groups, of sizes from tiny to the largest', async () => {
    const headDim = 36;
    const numbers = (label: string) => normals(random(label), 96 * kvHeads * headDim).map((x, i) => x * 10 ** (((i % headDim) % 9) - 5));
    const { found, wanted } = await sealed({ format, kv: 'f16', headDim, keys: numbers('keys'), values: numbers('values'), first: 32, end: 128 });
    expect(found).toEqual(wanted);
  });
});
