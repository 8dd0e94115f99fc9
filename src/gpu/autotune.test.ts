import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fakeDevice } from '../../test/doubles/fake-device.ts';
import { type Candidate, rank } from './autotune.ts';
import { createKernelCache } from './kernels.ts';
import { createLedger } from './ledger.ts';
import { createPassClock } from './pass-clock.ts';
import { type Dispatch } from './program.ts';

let now = 0;
beforeEach(() => {
  now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => void vi.restoreAllMocks());

/** How the CPU learns that work is done: so many milliseconds late, or at the next of ticks that are so far apart. */
interface News {
  late?: number;
  tick?: number;
  /** The device's own timestamps, in steps of 0.1 ms; `broken`: zeros. */
  timestamps?: 'right' | 'broken';
}

/**
 * A device on which a workgroup of a kernel takes as many milliseconds as its constant `Ms` says, and a compile `compileMs`; other work
 * takes 5 ms of the `disturbed` submits, and the first use of each of `fresh` pieces of the work 20 ms, as that of a buffer.
 */
function timedDevice(compileMs = 0, disturbed: number[] = [], fresh = 0, { late = 0, tick = 0, timestamps }: News = {}) {
  const { device, buffers } = fakeDevice();
  let pending = 0;
  let gpuNow = 0;
  let stamps = [0, 0];
  const done = async () => {
    longest = Math.max(longest, pending);
    now += pending + late;
    if (tick) now = Math.floor(now / tick + 1) * tick;
    gpuNow += pending;
    stamps = [gpuNow - pending, gpuNow];
    pending = 0;
  };
  const stampsNow = () => new BigUint64Array(stamps.map((ms) => (timestamps === 'broken' ? 0n : 100_000n * BigInt(Math.floor(ms * 10))))).buffer;
  const { createBuffer } = device;
  if (timestamps) (device.features as Set<string>).add('timestamp-query');
  let submits = 0;
  let longest = 0;
  let ms = 0;
  let piece = '';
  const unused = new Set(Array.from({ length: fresh }, (_, i) => `${i}`));
  const pass = {
    setPipeline: ({ compute }: GPUComputePipelineDescriptor) => void (ms = compute.constants!.Ms),
    setBindGroup: (_: number, { label }: GPUBindGroupDescriptor) => void (piece = label!),
    dispatchWorkgroups: (x: number, y = 1) => void (pending += ms * x * y + (unused.delete(piece) ? 20 : 0)),
    end() {},
  };
  const { createComputePipelineAsync: compile } = device;
  Object.assign(device, {
    createBuffer: (descriptor: GPUBufferDescriptor) =>
      Object.assign(createBuffer.call(device, descriptor), { mapAsync: done, getMappedRange: stampsNow, unmap() {} }),
    createBindGroup: (descriptor: GPUBindGroupDescriptor) => descriptor,
    createQuerySet: () => ({ destroy() {} }),
    createCommandEncoder: () => ({ beginComputePass: () => pass, resolveQuerySet() {}, copyBufferToBuffer() {}, finish: () => ({}) }),
    async createComputePipelineAsync(descriptor: GPUComputePipelineDescriptor) {
      now += compileMs;
      if (descriptor.compute.constants!.Ms === 13) throw new Error('bad luck');
      return compile(descriptor);
    },
    createShaderModule: () => ({ getCompilationInfo: async () => ({ messages: [] }) }),
  });
  Object.assign(device.queue, {
    submit: (commands: unknown[]) => void (pending += commands.length && disturbed.includes(submits++) ? 5 : 0),
    onSubmittedWorkDone: done,
  });
  const dispatches = (value: number, label = 'a', at = { buffer: { label } as GPUBuffer }) => [
    {
      label,
      kernel: { kernel: 'gate', files: ['activate', 'state'], constants: { Ms: value } },
      params: { cols: 1, up: 1, input_stride: 1, output_stride: 1, negative: 0, positive: 0, beta: 0, most: 0 },
      bindings: { state: at, input: at, output: at },
      grid: () => [1] as [number],
    },
  ];
  const ledger = createLedger(device, 1e9);
  const clock = createPassClock(device, ledger);
  const timing = { device, ledger, kernels: createKernelCache(device), clock, now: () => now };
  const ranked = async (values: number[], deadline = 1e6, pieces = 2) => {
    const work = (value: number) => Array.from({ length: pieces }, (_, i) => dispatches(value, `${i}`)).flat();
    const candidates = values.map((value): Candidate<number> => ({ value, dispatches: work(value) }));
    return (await rank(timing, { rows: 1, length: 1 }, candidates, deadline)).map(({ value }) => value);
  };
  const together = async (values: number[][]) => {
    const work = (value: number[]) => [...value, ...value].flatMap((each) => dispatches(each));
    const candidates = values.map((value): Candidate<number[]> => ({ value, together: value.length, dispatches: work(value) }));
    return (await rank(timing, { rows: 1, length: 1 }, candidates, 1e6)).map(({ value }) => value);
  };
  /** Prefill of 256 rows, by so many rows to a workgroup, by a kernel that runs only for more than some. */
  const prefill = async (kernels: { ms: number; rows: number; above?: number }[]) => {
    const candidates = kernels.map((value) => ({
      value,
      dispatches: dispatches(value.ms).map((each): Dispatch => ({
        ...each,
        grid: ({ rows }) => [rows > (value.above ?? 0) ? 1 : 0, Math.ceil(rows / value.rows)],
      })),
    }));
    const timed = await rank(timing, { rows: 256, length: 256 }, candidates, 1e9);
    return { timed: timed.map(({ value, ms }) => [value.ms, Math.round(ms)]), longest };
  };
  /** By which of two ways the work is done, in milliseconds of each of its pieces. */
  const ofPieces = async (software: boolean, ...ways: number[][]) => {
    const candidates = ways.map((value): Candidate<number[]> => ({ value, dispatches: value.flatMap((ms, i) => dispatches(ms, `${i}`)) }));
    return (await rank({ ...timing, software }, { rows: 1, length: 1 }, candidates, 1e6)).map(({ value }) => ways.indexOf(value));
  };
  return { ranked, together, prefill, ofPieces, buffers, clock };
}

describe('rank', () => {
  it('takes dispatches that belong together as one piece of work', async () => {
    const { together } = timedDevice();
    // One of them alone would be the fastest.
    expect(await together([[1, 900], [400, 400]])).toEqual([[400, 400], [1, 900]]);
  });

  it('puts the fastest first, and frees what it made', async () => {
    const { ranked, buffers } = timedDevice();
    expect(await ranked([3, 0.25, 40, 1])).toEqual([0.25, 1, 3, 40]);
    expect(buffers.length).toBe(4);
    expect(buffers.every(({ destroyed }) => destroyed)).toBe(true);
  });

  describe.each<[string, News]>([
    ['8 ms late', { late: 8 }],
    ['at ticks of 16 ms', { tick: 16 }],
    ['8 ms late, with timestamps', { late: 8, timestamps: 'right' }],
    ['at ticks of 100 ms, with timestamps', { tick: 100, timestamps: 'right' }],
    ['8 ms late, with timestamps that are all zeros', { late: 8, timestamps: 'broken' }],
  ])('where the news of the end of work comes %s', (_, news) => {
    it('still puts the fastest first, by how much it is', async () => {
      for (const values of [[0.061, 0.022, 0.028], [0.022, 0.061, 0.028], [40, 0.5, 30]]) {
        expect(await timedDevice(0, [], 0, news).ranked(values), values.join()).toEqual(values.toSorted((a, b) => a - b));
      }
      expect((await timedDevice(0, [], 0, news).ranked([0.061, 0.04], now + 3000))[0]).toBe(0.04); // within the time of all measurements
    });
  });

  it('knows that it can tell nothing where the news comes too late', async () => {
    expect(await timedDevice(0, [], 0, { tick: 100 }).clock.sampleMs()).toBeUndefined();
    expect(await timedDevice(0, [], 0, { tick: 100, timestamps: 'right' }).clock.sampleMs()).toBe(5);
    expect(await timedDevice(0, [], 0, { late: 0.1 }).clock.sampleMs()).toBe(5);
    expect(await timedDevice(0, [], 0, { late: 8 }).clock.sampleMs()).toBeCloseTo(80);
    const { ranked } = timedDevice(0, [], 0, { tick: 100 });
    const begun = now;
    expect(await ranked([0.02])).toEqual([0.02]); // and takes no long samples then
    expect(now - begun).toBeLessThan(1000);
  });

  it('keeps the first candidate where another is hardly faster', async () => {
    expect((await timedDevice().ranked([1, 0.97]))[0]).toBe(1);
    expect((await timedDevice().ranked([1, 0.9]))[0]).toBe(0.9);
  });

  it('measures again what came near, so that other work on the device does not decide', async () => {
    expect(await timedDevice(0, [1, 2, 3]).ranked([10, 12])).toEqual([10, 12]);
    expect(await timedDevice(0, [5, 6, 7]).ranked([12, 10])).toEqual([10, 12]);
  });

  it('does not take the first use of buffers for the time of the first candidates', async () => {
    expect(await timedDevice(0, [], 4).ranked([10, 12], 1e6, 6)).toEqual([10, 12]);
    // Of so many buffers that there is no time to use all of them before.
    expect(await timedDevice(0, [], 14).ranked([10, 12], 1e6, 16)).toEqual([10, 12]);
  });

  it('times all pieces of the work on a GPU, though there is no time to run each by itself before; on processors those that there was time for', async () => {
    const late = () => timedDevice(0, [], 0, { late: 30, timestamps: 'right' });
    const ways = [[...Array<number>(6).fill(0.02), ...Array<number>(10).fill(0.06)], Array<number>(16).fill(0.04)];
    expect(await late().ofPieces(false, ...ways)).toEqual([1, 0]);
    expect(await late().ofPieces(true, ...ways)).toEqual([0, 1]);
  });

  it('leaves out what does not compile', async () => {
    expect(await timedDevice().ranked([13, 2, 1])).toEqual([1, 2]);
  });

  it('ends at the deadline with what was measured by then, compiling counted', async () => {
    expect(await timedDevice(100).ranked([5, 4, 3, 2, 1], 350)).toEqual([4, 5]);
    expect(await timedDevice().ranked([5, 4], 0)).toEqual([]);
  });

  it('times what would keep a slow GPU busy for long on fewer rows, by which it ranks', async () => {
    const { timed, longest } = await timedDevice().prefill([
      { ms: 90, rows: 8 },
      { ms: 0.1, rows: 8 },
      { ms: 20, rows: 64 },
      { ms: 70, rows: 64 },
      { ms: 11, rows: 8 },
    ]);
    expect(timed).toEqual([[0.1, 3], [20, 80], [70, 280], [11, 352], [90, 2736]]); // the first one less its margin
    expect(longest).toBeLessThanOrEqual(200); // 16 rows of the slowest
  });

  it('tries no number of rows that a kernel does not run for', async () => {
    expect((await timedDevice().prefill([{ ms: 1, rows: 8, above: 16 }, { ms: 0.5, rows: 8, above: 64 }])).timed).toEqual([[0.5, 16], [1, 30]]);
  });

  it('runs what is slow only a few times', async () => {
    const { ranked } = timedDevice();
    await ranked([5, 4000]);
    expect(now).toBeLessThan(8100); // once to warm up and once to measure
  });
});
