import { beforeEach, describe, expect, it, vi } from 'vitest';
import { type Step } from '../../../gpu/program.ts';
import { type KernelChoice } from '../../../model/choices/kernel-choice.ts';
import { tuneChunk } from './tune-chunk.ts';
import { chunkToPlan } from './tuning.ts';
import { type TimedTarget } from './tune.ts';
import { type AdapterNotes } from './tuning.ts';

let msPerRow: Record<number, number> = {};
const measured: number[] = [];
let sampleMs: number | undefined = 5;
vi.mock('../../../gpu/autotune.ts', () => ({
  async rank(_timing: unknown, { rows }: Step) {
    measured.push(rows);
    return rows in msPerRow ? [{ value: rows, ms: msPerRow[rows] * rows }] : [];
  },
}));
beforeEach(() => void measured.splice(0));

const choice = { chunk: 256 } as KernelChoice;
const empty = (): AdapterNotes => ({ kernels: '', decode: {}, prefill: {}, few: {}, checks: {} });
const target = (chunk: number) =>
  ({
    gpu: { device: { queue: { writeBuffer() {} } } },
    clock: { sampleMs: async () => sampleMs },
    now: () => 0,
    begin: async () => true,
    activations: { state: {} },
    sequence: { state: {} },
    chunk,
    products: 'a, b',
    record: () => ['a', undefined, 'b', 'a'].map((kind) => ({ kind, grid: () => [1] })),
  }) as unknown as TimedTarget;
async function choose(times: Record<number, number>, most = 512, notes = empty()): Promise<number> {
  msPerRow = times;
  return (await tuneChunk(target(most), choice, notes, 60_000)).choice.chunk;
}

describe('the length of a step', () => {
  it('is the one with the least time for a row, long ones where others are hardly faster', async () => {
    expect(await choose({ 64: 0.04, 128: 0.03, 256: 0.02, 512: 0.018 })).toBe(512);
    expect(await choose({ 64: 0.02, 128: 0.0199, 256: 0.0199, 512: 0.0201 })).toBe(512);
    expect(await choose({ 64: 0.02, 128: 0.01, 256: 0.02, 512: 0.02 })).toBe(128);
  });

  it('is never more than there is room for', async () => {
    expect(await choose({ 64: 0.04, 128: 0.03, 256: 0.02, 512: 0.01 }, 128)).toBe(128);
    expect(measured).toEqual([64, 128]);
  });

  it('keeps the GPU from the page for 100 ms at most, where that can be', async () => {
    expect(await choose({ 64: 0.4, 128: 0.35, 256: 0.3, 512: 0.2 })).toBe(256);
    expect(measured).toEqual([64, 128, 256]);
    expect(await choose({ 64: 3, 128: 3 })).toBe(64);
  });

  it('is the usual one where no time is left to compare, if that takes no more than 100 ms', async () => {
    expect(await choose({ 64: 0.1 })).toBe(256);
    expect(await choose({ 64: 0.7 })).toBe(128);
    expect(await choose({ 64: 5 })).toBe(64);
    expect(await choose({ 64: 0.2, 128: 0.1 })).toBe(128);
  });

  it('is the shortest where nothing could be timed, and measured at another load', async () => {
    const notes = empty();
    expect(await choose({}, 512, notes)).toBe(64);
    expect(notes.chunks).toBeUndefined();
    expect(await choose({}, 512, notes)).toBe(64);
    expect(await choose({}, 512, notes)).toBe(64);
    expect(notes.chunks).toEqual({ 'a, b': { chunk: 64, of: 512 } });
  });

  it('is the usual one where the clock tells nothing, unless even the shortest is seen to be slow', async () => {
    sampleMs = undefined;
    const notes = empty();
    expect(await choose({ 64: 0, 128: 0, 256: 0, 512: 0 }, 512, notes)).toBe(256);
    expect(measured).toEqual([64]);
    expect(notes.chunks).toEqual({ 'a, b': { chunk: 256, of: 512 } });
    expect(await choose({ 64: 100 / 64, 128: 0 })).toBe(64);
    sampleMs = 5;
  });

  it('is noted for so much room and less, and then planned with', async () => {
    const notes = empty();
    expect(chunkToPlan(notes, 'a, b')).toBe(512);
    await choose({ 64: 0.04, 128: 0.03 }, 128, notes);
    expect(await choose({ 64: 0.03, 128: 0.04 }, 128, notes)).toBe(128);
    expect(chunkToPlan(notes, 'a, b')).toBe(512);
    expect(await choose({ 64: 0.04, 128: 0.03, 256: 0.02, 512: 0.03 }, 512, notes)).toBe(256);
    measured.splice(0);
    expect(await choose({}, 256, notes)).toBe(256);
    expect(measured).toEqual([]);
    expect([chunkToPlan(notes, 'a, b'), chunkToPlan(notes, 'others')]).toEqual([256, 512]);
  });
});
