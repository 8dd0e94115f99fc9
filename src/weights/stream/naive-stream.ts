// The plain way to run weights that do not fit: read, upload, wait, compute, wait. With the slots of the stream; only to
// measure what reading ahead is worth. Tells apart the time of transfer and that of compute.
import { type WeightStream, type StreamOptions } from './stream.ts';

export function createNaiveStream(queue: GPUQueue, { slices, read, upload }: StreamOptions): WeightStream & { readonly computeMs: number } {
  const counters = { storeBytes: 0, memoryBytes: 0, uploadedBytes: 0, transferMs: 0 };
  let computeMs = 0;
  let computing: number | undefined; // since when
  return {
    counters,
    get computeMs() {
      return computeMs;
    },
    begin() {},
    async ready(slice, signal) {
      signal?.throwIfAborted();
      await queue.onSubmittedWorkDone();
      const started = performance.now();
      if (computing !== undefined) computeMs += started - computing;
      for (const range of slices.get(slice)!.ranges) {
        const { bytes, fromMemory } = await read(range);
        await upload(slice, range, bytes);
        counters[fromMemory ? 'memoryBytes' : 'storeBytes'] += range.length;
        counters.uploadedBytes += range.length;
      }
      await queue.onSubmittedWorkDone();
      computing = performance.now();
      counters.transferMs += computing - started;
    },
    submitted() {},
    close: async () => {},
  };
}
