// The device's own peak (src/bench/peak.ts) on Dawn: how much work it takes to measure one, and that wrong results are no peak.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { measurePeak } from '../../../src/bench/peak.ts';
import { type Gpu } from '../../../src/gpu/device.ts';
import { type Ledger } from '../../../src/gpu/ledger.ts';
import { createPassClock } from '../../../src/gpu/pass-clock.ts';
import { adapterFile } from '../../dawn.ts';
import { openDawn } from '../../models/model.ts';

const MiB = 2 ** 20;

/** As on a device on which dispatches take `ms`, by how many workgroups they have: of the many in a sample only one is run. */
const fastClock = (ms: (workgroups: number) => number) => (device: GPUDevice, ledger: Ledger) => {
  const real = createPassClock(device, ledger);
  return {
    ...real,
    async time(encode: (pass: GPUComputePassEncoder) => void) {
      let total = 0;
      await real.time((pass) => {
        const dispatchWorkgroups = (workgroups: number) => {
          if (total === 0) pass.dispatchWorkgroups(workgroups);
          total += ms(workgroups);
        };
        encode({
          setPipeline: pass.setPipeline.bind(pass),
          setBindGroup: pass.setBindGroup.bind(pass),
          dispatchWorkgroups,
        } as unknown as GPUComputePassEncoder);
      });
      return total;
    },
  };
};

describe.skipIf(!adapterFile)("the device's own peak", () => {
  let timed: Gpu;
  let untimed: Gpu;
  beforeAll(async () => {
    timed = await openDawn();
    untimed = await openDawn({ without: ['timestamp-query'] });
  });
  afterAll(() => [timed, untimed].forEach((gpu) => gpu?.device.destroy()));

  it('is measured by timestamps where the device has them, else by the clock, on dispatches of at least a millisecond', { timeout: 60_000 }, async () => {
    const peaks = [await measurePeak(timed.device), await measurePeak(untimed.device)];
    expect(peaks.map(({ by }) => by)).toEqual(['timestamps', 'submit']);
    for (const { copyBytesPerSecond, flopsPerSecond, copiedBytes, fmaMs } of peaks) {
      expect(copyBytesPerSecond).toBeGreaterThan(1e8);
      expect(flopsPerSecond).toBeGreaterThan(1e8);
      expect(copiedBytes).toBeGreaterThanOrEqual(64 * MiB);
      expect(fmaMs).toBeGreaterThanOrEqual(1);
    }
  });

  it('takes 512 MiB on a fast device, as far as bindings and room go, and multiplies until a dispatch is long enough', { timeout: 60_000 }, async () => {
    const { device, maxBindingBytes } = untimed;
    const create = fastClock((workgroups) => (workgroups === 512 ? 0.002 : workgroups === 8192 ? 1.5 : 0.01));
    const { copiedBytes, fmaFlops, fmaMs } = await measurePeak(device, { create });
    expect(copiedBytes).toBe(2 * Math.min(256 * MiB, 2 ** Math.floor(Math.log2(maxBindingBytes))));
    expect(fmaFlops).toBe(2 * 4 * 8 * 8 * 32 * 64 * 8192);
    expect(fmaMs).toBeCloseTo(1.5, 6);
    expect((await measurePeak(device, { create, mostBytes: 100 * MiB })).copiedBytes).toBe(64 * MiB);
  });

  it.each([
    ['copy', 'target_words[i] = source[i];', 'target_words[i] = source[i] + vec4<u32>(u32(i == 1000000u));', /copied wrongly/],
    ['multiply-add', 'results[thread.x] = dot(', 'results[thread.x] = 0.99 * dot(', /computed wrongly/],
    ['multiply-add', 'results[thread.x] = dot(', 'results[thread.x] = sqrt(-f32(rounds)) * dot(', /computed wrongly/],
  ])('is an error where the %s kernel computes wrongly', { timeout: 60_000 }, async (_, from, to, message) => {
    const { device } = untimed;
    const create = device.createShaderModule.bind(device);
    device.createShaderModule = (descriptor) => create({ ...descriptor, code: descriptor.code.replace(from, to) });
    try {
      await expect(measurePeak(device)).rejects.toThrow(message);
    } finally {
      device.createShaderModule = create;
    }
  });
});
