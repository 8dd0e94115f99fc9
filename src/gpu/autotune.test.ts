import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fakeDevice } from '../../test/fake-device.ts';
import { type Candidate, rank } from './autotune.ts';
import { createKernelCache } from './kernels.ts';
import { createLedger } from './ledger.ts';

let now = 0;
beforeEach(() => {
  now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => void vi.restoreAllMocks());

/** A device on which a kernel takes as many milliseconds as its constant `Ms` says, and a compile `compileMs`; other work takes 5 ms of the `disturbed` submits, and the first `fresh` dispatches 20 ms, as those that are the first to use a buffer. */
function timedDevice(compileMs = 0, disturbed: number[] = [], fresh = 0) {
  const { device, buffers } = fakeDevice();
  let pending = 0;
  let submits = 0;
  const pass = { setPipeline: ({ compute }: GPUComputePipelineDescriptor) => void (pending += compute.constants!.Ms + (fresh-- > 0 ? 20 : 0)), setBindGroup() {}, dispatchWorkgroups() {}, end() {} };
  const { createComputePipelineAsync: compile } = device;
  Object.assign(device, {
    createCommandEncoder: () => ({ beginComputePass: () => pass, finish: () => ({}) }),
    async createComputePipelineAsync(descriptor: GPUComputePipelineDescriptor) {
      now += compileMs;
      if (descriptor.compute.constants!.Ms === 13) throw new Error('bad luck');
      return compile(descriptor);
    },
    createShaderModule: () => ({ getCompilationInfo: async () => ({ messages: [] }) }),
  });
  Object.assign(device.queue, {
    submit: () => void (pending += disturbed.includes(submits++) ? 5 : 0),
    async onSubmittedWorkDone() {
      now += pending;
      pending = 0;
    },
  });
  const at = { buffer: {} as GPUBuffer };
  const dispatches = (value: number) => [{ label: 'a', kernel: { kernel: 'gate', files: ['activate', 'state'], constants: { Ms: value } }, params: { cols: 1, up: 1, input_stride: 1, output_stride: 1 }, bindings: { state: at, input: at, output: at }, grid: () => [1] as [number] }];
  const ranked = async (values: number[], deadline = 1e6, pieces = 2) => {
    const candidates = values.map((value): Candidate<number> => ({ value, dispatches: Array.from({ length: pieces }, () => dispatches(value)).flat() }));
    return (await rank(device, createLedger(device, 1e9), createKernelCache(device), { rows: 1, length: 1 }, candidates, deadline)).map(({ value }) => value);
  };
  const together = async (values: number[][]) => {
    const candidates = values.map((value): Candidate<number[]> => ({ value, together: value.length, dispatches: [...value, ...value].flatMap(dispatches) }));
    return (await rank(device, createLedger(device, 1e9), createKernelCache(device), { rows: 1, length: 1 }, candidates, 1e6)).map(({ value }) => value);
  };
  return { ranked, together, buffers };
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
  });

  it('leaves out what does not compile', async () => {
    expect(await timedDevice().ranked([13, 2, 1])).toEqual([1, 2]);
  });

  it('ends at the deadline with what was measured by then, compiling counted', async () => {
    expect(await timedDevice(100).ranked([5, 4, 3, 2, 1], 350)).toEqual([4, 5]);
    expect(await timedDevice().ranked([5, 4], 0)).toEqual([]);
  });

  it('runs what is slow only a few times', async () => {
    const { ranked } = timedDevice();
    await ranked([5, 4000]);
    expect(now).toBeLessThan(8100); // once to warm up and once to measure
  });
});
