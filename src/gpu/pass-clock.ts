// How long compute passes take on the GPU: by its own timestamps where the device has them, else by the CPU's clock from submit
// to done, less the wait for that news, which in some browsers comes only at their next tick.
import { type Ledger } from './ledger.ts';
import { waitOf } from './stopwatch.ts';

/** A longer wait hides what is measured: samples that are long beside it would keep the GPU from the page. */
const longestWaitMs = 20;
/** Samples are at least this long, so that the cost of a submit and the clock's step (0.1 ms in Chrome) do not matter ... */
const shortestSampleMs = 5;
/** ... and so many times the wait, which varies, but no longer than this. */
const waitsPerSample = 10;
const longestSampleMs = 200;
/** Timestamps that are still at 0 after so long are none. */
const patienceMs = 150;

export interface PassClock {
  readonly by: 'timestamps' | 'submit';
  /** Milliseconds of GPU time that a pass should take to be measured well; undefined if none would do, as the news of its end comes too late. */
  sampleMs(): Promise<number | undefined>;
  /** Milliseconds, at least 0. */
  time(encode: (pass: GPUComputePassEncoder) => void): Promise<number>;
  destroy(): void;
}

export function createPassClock(device: GPUDevice, ledger: Ledger, now: () => number = () => performance.now()): PassClock {
  let stamps = device.features.has('timestamp-query') ? createStamps(device, ledger) : undefined;
  let waiting: Promise<number> | undefined;
  const wait = () => (waiting ??= waitOf(device.queue, now));
  const timeSubmit = async (encode: (pass: GPUComputePassEncoder) => void): Promise<number> => {
    const waitMs = await wait();
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    encode(pass);
    pass.end();
    const commands = encoder.finish();
    const started = now();
    device.queue.submit([commands]);
    await device.queue.onSubmittedWorkDone();
    return Math.max(0, now() - started - waitMs);
  };
  return {
    get by() {
      return stamps ? 'timestamps' : 'submit';
    },
    async sampleMs() {
      if (stamps) return shortestSampleMs;
      const waitMs = await wait();
      return waitMs > longestWaitMs ? undefined : Math.min(longestSampleMs, Math.max(shortestSampleMs, waitsPerSample * waitMs));
    },
    async time(encode) {
      if (!stamps) return timeSubmit(encode);
      const started = now();
      const ms = await stamps.time(encode);
      const passed = now() - started;
      if (ms >= 0 && ms <= passed + 1 && !(ms === 0 && passed > patienceMs)) return ms;
      // Some drivers give zeros, or what is left of another pass.
      stamps.destroy();
      stamps = undefined;
      return timeSubmit(encode);
    },
    destroy() {
      stamps?.destroy();
      stamps = undefined;
    },
  };
}

function createStamps(device: GPUDevice, ledger: Ledger) {
  const querySet = device.createQuerySet({ type: 'timestamp', count: 2 });
  const resolved = ledger.create('staging', 'clock.resolved', 16, GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC);
  const staging = ledger.create('staging', 'clock.readback', 16, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
  return {
    async time(encode: (pass: GPUComputePassEncoder) => void): Promise<number> {
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass({ timestampWrites: { querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 } });
      encode(pass);
      pass.end();
      encoder.resolveQuerySet(querySet, 0, 2, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, 16);
      device.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ);
      const [start, end] = new BigUint64Array(staging.getMappedRange());
      const ms = Number(end - start) / 1e6; // BigInt differences may be negative
      staging.unmap();
      return ms;
    },
    destroy() {
      querySet.destroy();
      ledger.destroy(resolved);
      ledger.destroy(staging);
    },
  };
}
