import { beforeAll, expect, it, vi } from 'vitest';
import { createLedger } from './ledger.ts';
import { readInPieces } from './read-in-pieces.ts';

beforeAll(() => {
  vi.stubGlobal('GPUBufferUsage', { MAP_READ: 1, COPY_DST: 8, COPY_SRC: 4 });
  vi.stubGlobal('GPUMapMode', { READ: 1 });
});

/** A device whose buffers are bytes in memory. */
function memoryDevice() {
  const copied: number[] = [];
  const createBuffer = ({ size }: { size: number }) => {
    const bytes = new Uint8Array(size);
    return { bytes, size, destroy() {}, mapAsync: async () => {}, getMappedRange: () => bytes.buffer };
  };
  type Buffer = ReturnType<typeof createBuffer>;
  const device = {
    limits: { maxBufferSize: 1e9 }, createBuffer, pushErrorScope() {}, popErrorScope: async () => null, queue: { submit() {} },
    createCommandEncoder: () => ({
      copyBufferToBuffer(from: Buffer, at: number, to: Buffer, offset: number, size: number) {
        to.bytes.set(from.bytes.subarray(at, at + size), offset);
        copied.push(size);
      },
      finish() {},
    }),
  } as unknown as GPUDevice;
  return { device, copied, createBuffer };
}

it('reads all at once where there is room, else in pieces that the budget has room for', async () => {
  const { device, copied, createBuffer } = memoryDevice();
  const buffer = createBuffer({ size: 1000 });
  buffer.bytes.forEach((_, i) => (buffer.bytes[i] = i * 7));
  const range = { buffer: buffer as unknown as GPUBuffer, offset: 40, byteLength: 900, least: 108 };
  for (const [budget, wanted] of [[2000, [900]], [500, [464, 436]], [100, [96, 96, 96, 96, 96, 96, 96, 96, 96, 36]]] as const) {
    const ledger = createLedger(device, budget);
    copied.length = 0;
    expect([...(await readInPieces(device, ledger, 'test', range))]).toEqual([...buffer.bytes.subarray(40, 940)]);
    expect(copied).toEqual(wanted);
    expect([ledger.peakBytes <= budget, ledger.bytes.staging]).toEqual([true, 0]);
  }
  await expect(readInPieces(device, createLedger(device, 95), 'test', range)).rejects.toMatchObject({ name: 'BudgetError' });
});
