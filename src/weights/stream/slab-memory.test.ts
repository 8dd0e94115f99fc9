// What worker memory keeps, uploads in parts, and rows read by the CPU: the pieces around the window.
import { describe, expect, it, vi } from 'vitest';
import { fixture } from '../../../test/models/fixture.ts';
import { openModel } from '../../engine/load/opened.ts';
import { readHeader } from '../../gguf/read.ts';
import { formats } from '../../formats/catalogue.ts';
import { sourceReader } from '../store/reader.ts';
import { createRows } from './rows.ts';
import { createSlabMemory } from './slab-memory.ts';
import { type SlabRange } from './slices.ts';
import { bytesSource } from '../source/source.ts';
import { throttled } from './throttle.ts';
import { createUploader } from './uploader.ts';

const bytesOf = (slab: number, offset: number, length: number) => Uint8Array.from({ length }, (_, i) => slab * 50 + offset + i);

/** Slabs of 20 bytes; counts the bytes read. */
function setUp(ranges: SlabRange[], mostBytes: number) {
  const read = { bytes: 0 };
  const reader = {
    readSlab: async (slab: number) => ((read.bytes += 20), bytesOf(slab, 0, 20)),
    readRange: async (slab: number, offset: number, length: number) => ((read.bytes += length), bytesOf(slab, offset, length)),
  };
  return { read, memory: createSlabMemory(reader, [20, 20, 20, 20], ranges, mostBytes) };
}
const halves = [0, 1, 2, 3].flatMap((slab) => [0, 10].map((offset): SlabRange => ({ slab, offset, length: 10, start: 0 })));
const readAll = async (memory: ReturnType<typeof createSlabMemory>) => {
  for (const range of halves) expect((await memory.read(range)).bytes).toEqual(bytesOf(range.slab, range.offset, range.length));
};

describe('worker memory', () => {
  it.each([
    [0, 0],
    [9, 0],
    [10, 10],
    [40, 40],
    [45, 40],
    [79, 70],
    [80, 80],
    [1000, 80],
  ])('of %d bytes keeps %d of 80, and reads the others each time', async (most, kept) => {
    const { memory, read } = setUp(halves, most);
    await readAll(memory);
    expect(read.bytes).toBe(80);
    expect(memory.byteLength).toBe(kept);
    await readAll(memory);
    expect(read.bytes).toBe(160 - kept);
  });

  it('spreads what it keeps over the order of use', async () => {
    const { memory } = setUp(halves, 40);
    await readAll(memory);
    const hits: boolean[] = [];
    for (const range of halves) hits.push((await memory.read(range)).fromMemory);
    expect(hits).toEqual([false, true, false, true, false, true, false, true]);
  });

  it('takes what it wants of a slab that was read for other reasons, and gives parts of what it keeps', async () => {
    const { memory, read } = setUp([{ slab: 2, offset: 10, length: 10, start: 0 }], 10);
    memory.offer(2, bytesOf(2, 0, 20));
    memory.offer(1, bytesOf(1, 0, 20));
    expect(memory.byteLength).toBe(10);
    expect(await memory.read({ slab: 2, offset: 14, length: 4 })).toEqual({ bytes: bytesOf(2, 14, 4), fromMemory: true });
    expect(read.bytes).toBe(0);
  });
});

describe('the uploader', () => {
  it('never has more in flight than twice its part, and queues all bytes in order', async () => {
    const done: (() => void)[] = [];
    const written: number[][] = [];
    const queue = {
      writeBuffer: (_: unknown, offset: number, data: Uint8Array, from: number, length: number) =>
        written.push([offset, ...data.subarray(from, from + length)]),
      submit: () => {},
      onSubmittedWorkDone: () => new Promise<void>((resolve) => done.push(resolve)),
    } as unknown as GPUQueue;
    let reserved = 0;
    let most = 0;
    const uploader = createUploader(queue, 4, (bytes) => {
      most = Math.max(most, (reserved += bytes));
      return () => (reserved -= bytes);
    });
    let queued = false;
    const writing = uploader.write({} as GPUBuffer, 100, Uint8Array.from({ length: 18 }, (_, i) => i)).then(() => (queued = true));
    for (let turn = 0; !queued; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      if (!queued) expect(written).toHaveLength(Math.min(5, 2 + turn));
      done.shift()?.();
    }
    await writing;
    expect(written).toEqual([[100, 0, 1, 2, 3], [104, 4, 5, 6, 7], [108, 8, 9, 10, 11], [112, 12, 13, 14, 15], [116, 16, 17]]);
    expect(most).toBe(8);
    done.forEach((resolve) => resolve());
    await uploader.idle();
    expect(reserved).toBe(0);
  });
});

describe('rows', () => {
  it('are those of the file, times the scale in f32, padded; panels are read once', async () => {
    const path = 'tiny/tiny-llama-k.gguf';
    const source = bytesSource(fixture(path), path);
    const { header, layout, graph } = await openModel(await readHeader(source));
    const memory = createSlabMemory(sourceReader(source, header, layout), layout.slabs.map((slab) => slab.byteLength), [], 0);
    const matrix = layout.sections[0].stacks[0][0];
    const rows = createRows(layout, 0, matrix, memory);
    const ids = [5, 511, 5, 31, 32];
    const found = await rows.read(ids, 1.7, 288);
    const table = header.tensors.get(graph.embed.table)!;
    const format = formats.get(table.type)!;
    const rowBytes = table.byteLength / 512;
    const words = new Uint32Array(format.planeWords.reduce((a, b) => a + b, 0));
    for (const [i, id] of ids.entries()) {
      const expected = new Float32Array(288);
      const view = new DataView((await source.read(table.offset + id * rowBytes, rowBytes)).slice().buffer);
      for (let block = 0; block * format.blockBytes < rowBytes; block++) {
        format.repack(view, block * format.blockBytes, words);
        format.unpack(words, expected.subarray(block * format.blockSize, (block + 1) * format.blockSize));
      }
      expect(found.subarray(i * 288, (i + 1) * 288)).toEqual(expected.map((value) => value * Math.fround(1.7)));
    }
    expect(rows.byteLength).toBe(3 * matrix.panels.panelBytes);
  });
});

describe('a throttled read', () => {
  it('takes its time for every byte, one read after the other', async () => {
    const read = throttled(async ({ length }: { length: number }) => length, 0.5);
    vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] });
    const done: [number, number][] = [];
    for (const length of [40, 60]) void read({ length }).then((found) => done.push([found, performance.now()]));
    await vi.advanceTimersByTimeAsync(100);
    vi.useRealTimers();
    expect(done).toEqual([[40, 20], [60, 50]]);
  });
});
