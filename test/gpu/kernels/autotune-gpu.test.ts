// Which of several kernels is the fastest, measured on Dawn where the CPU hears late of work that is done, as in some browsers.
import { describe, expect, it } from 'vitest';
import { rank } from '../../../src/gpu/autotune.ts';
import { type DeviceOptions } from '../../../src/gpu/device.ts';
import { createKernelCache } from '../../../src/gpu/kernels.ts';
import { createLedger } from '../../../src/gpu/ledger.ts';
import { createPassClock } from '../../../src/gpu/pass-clock.ts';
import { type Dispatch } from '../../../src/gpu/program.ts';
import { adapterFile } from '../../dawn.ts';
import { openDawn } from '../../models/model.ts';

const shaders = { gate: `struct Params { rounds : u32, }
@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(1) var<storage, read_write> output : array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id : vec3u) {
  var sum = 0.5;
  for (var i = 0u; i < params.rounds; i++) { sum = fract(sum * 1.7 + 0.1); }
  output[id.x] = sum;
}` };
const few = 40;
const many = 12 * few; // so much more work that a busy machine does not hide it

const late = (ms: number) => (done: number) => done + ms;
const tick = (ms: number) => (done: number) => Math.ceil(done / ms) * ms;

describe.skipIf(!adapterFile).each<[string, (done: number) => number, DeviceOptions]>([
  ['8 ms late', late(8), { without: ['timestamp-query'] }],
  ['8 ms late, with timestamps', late(8), {}],
  ['at ticks of 100 ms, with timestamps', tick(100), {}],
])('where the news of the end of work comes %s', (_, told, options) => {
  // It measures for real, which a machine busy with other tests may spoil once.
  it('the faster of two kernels is chosen, whichever is tried first', { retry: 2 }, async ({ skip }) => {
    const { device } = await openDawn(options);
    if (!options.without && !device.features.has('timestamp-query')) skip('the adapter has no timestamp-query');
    const slowly = async (done: Promise<undefined>): Promise<undefined> => {
      await done;
      const now = performance.now();
      await new Promise((resolve) => setTimeout(resolve, told(now) - now));
      return undefined;
    };
    const { queue } = device;
    const { onSubmittedWorkDone } = queue;
    queue.onSubmittedWorkDone = () => slowly(onSubmittedWorkDone.call(queue) as Promise<undefined>);
    const { createBuffer } = device;
    device.createBuffer = (descriptor) => {
      const buffer = createBuffer.call(device, descriptor);
      const { mapAsync } = buffer;
      buffer.mapAsync = (mode) => slowly(mapAsync.call(buffer, mode) as Promise<undefined>);
      return buffer;
    };
    const ledger = createLedger(device, 2 ** 20);
    const clock = createPassClock(device, ledger);
    const output = { buffer: ledger.create('activations', 'output', 4 * 64 * 64, GPUBufferUsage.STORAGE) };
    const timing = { device, ledger, clock, kernels: createKernelCache(device, shaders), now: () => 0 };
    const candidates = (rounds: number[]) =>
      rounds.map((value) => ({
        value,
        dispatches: [{ label: 'spin', kernel: { kernel: 'gate' }, params: { rounds: value }, bindings: { output }, grid: () => [64] } as Dispatch],
      }));
    for (const rounds of [[many, few], [few, many]]) {
      const ranked = await rank(timing, { rows: 1, length: 1 }, candidates(rounds), 10_000);
      console.log(`by ${clock.by}: ${ranked.map(({ value, ms }) => `${value} rounds ${ms.toFixed(4)} ms`).join(', ')}`);
      expect(ranked.map(({ value }) => value)).toEqual([few, many]);
    }
    expect(clock.by).toBe(options.without ? 'submit' : 'timestamps');
    clock.destroy();
    device.destroy();
  });
});
