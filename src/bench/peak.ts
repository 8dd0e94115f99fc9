// What the device itself can do, by two fixed kernels that the engine does not use: copying and multiply-adding. Engine
// speeds are told as shares of these, taken in the same run, since machines differ and are shared.
import { kernelSource } from '../gpu/kernels.ts';
import { createLedger } from '../gpu/ledger.ts';
import { type PassClock, createPassClock } from '../gpu/pass-clock.ts';
import { type DevicePeak } from '../protocol.ts';

export interface Peak extends DevicePeak {
  /** Bytes that a copy reads and writes in all: more than caches hold, where the device is fast and has room. */
  copiedBytes: number;
  /** FLOPs of a dispatch of multiply-adds, and its milliseconds. */
  fmaFlops: number;
  fmaMs: number;
  by: PassClock['by'];
}

const MiB = 2 ** 20;
const leastCopy = 32 * MiB;
const mostCopy = 256 * MiB;
/** A larger copy is not taken if it would last longer: software is slow, and so are its pages. */
const longestCopy = 0.05;
/** A shorter dispatch of multiply-adds measures its launch. */
const shortestFma = 0.001;
const pieceBytes = 16 * MiB;
const shortestSampleMs = 30;
/** Where the news of the end comes late, as in some browsers. */
const longestSampleMs = 300;
const samples = 4;

/** `mostBytes`: of both buffers of a copy, 64 MiB at least. Throws if the kernels' results are wrong: then a speed would mean nothing. */
export async function measurePeak(device: GPUDevice, { mostBytes = 2 * mostCopy, create = createPassClock } = {}): Promise<Peak> {
  const clock = create(device, createLedger(device, Infinity));
  try {
    const found = { ...(await measureCopy(device, clock, mostBytes)), ...(await measureFma(device, clock)) };
    return { ...found, by: clock.by };
  } finally {
    clock.destroy();
  }
}

/** Of a small copy first: its speed tells how large a one takes no longer than it may. */
async function measureCopy(device: GPUDevice, clock: PassClock, mostBytes: number) {
  const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
  const most = Math.min(Math.max(mostBytes / 2, leastCopy), mostCopy, maxBufferSize, maxStorageBufferBindingSize);
  const small = Math.min(leastCopy, most);
  const seconds = await copySeconds(device, clock, small);
  if (seconds === undefined)
    throw new Error(
      `The GPU has no room for the two buffers of ${small / MiB} MiB with which the benchmark measures copying. Unload the model or choose a smaller budget.`,
    );
  const result = (byteLength: number, each: number) => ({ copyBytesPerSecond: (2 * byteLength) / each, copiedBytes: 2 * byteLength });
  for (let byteLength = 2 ** Math.floor(Math.log2(most)); byteLength > small; byteLength /= 2) {
    if ((seconds * byteLength) / small > longestCopy) continue;
    const larger = await copySeconds(device, clock, byteLength);
    if (larger !== undefined) return result(byteLength, larger);
  }
  return result(small, seconds);
}

/** Undefined where the GPU has no room for twice `byteLength`. */
async function copySeconds(device: GPUDevice, clock: PassClock, byteLength: number): Promise<number | undefined> {
  device.pushErrorScope('out-of-memory');
  const [source, target] = ['source', 'target'].map((name) =>
    device.createBuffer({ label: `peak.${name}`, size: byteLength, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST }),
  );
  try {
    if (await device.popErrorScope()) return undefined;
    const piece = new Uint32Array(pieceBytes / 4);
    for (let offset = 0; offset < byteLength; offset += pieceBytes) {
      for (let i = 0; i < piece.length; i++) piece[i] = wordAt(offset / 4 + i);
      device.queue.writeBuffer(source, offset, piece);
    }
    // Large GPUs need more workgroups than suit software.
    const counts = [2048, 16384].map((count) => Math.min(count, byteLength / 16 / 64));
    const times: number[] = [];
    for (const count of counts) times.push(await time(device, clock, kernelSource({ kernel: 'peak-copy' }), [source, target], count));
    for (let offset = 0; offset < byteLength; offset += pieceBytes) {
      const copied = new Uint32Array(await read(device, target, offset, pieceBytes));
      if (copied.some((word, i) => word !== wordAt(offset / 4 + i))) throw new Error('The copy kernel of the benchmark copied wrongly.');
    }
    return Math.min(...times);
  } finally {
    source.destroy();
    target.destroy();
  }
}

const wordAt = (index: number): number => Math.imul(index, 2654435761) >>> 0;

/** With more threads, and more rounds, until a dispatch is long enough. */
async function measureFma(device: GPUDevice, clock: PassClock) {
  const parameters = device.createBuffer({ label: 'peak.rounds', size: 4, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
  const measure = async (rounds: number, workgroups: number) => {
    const results = device.createBuffer({ label: 'peak.results', size: 4 * 64 * workgroups, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC });
    try {
      device.queue.writeBuffer(parameters, 0, Uint32Array.of(rounds));
      const seconds = await time(device, clock, kernelSource({ kernel: 'peak-fma' }), [results, parameters], workgroups);
      const sums = new Float32Array(await read(device, results, 0, results.size));
      if (sums.some((sum) => !(Math.abs(sum - 64) <= 1e-3))) throw new Error('The multiply-add kernel of the benchmark computed wrongly.');
      return { seconds, flops: 2 * 4 * 8 * 8 * rounds * 64 * workgroups };
    } finally {
      results.destroy();
    }
  };
  try {
    let rounds = 8;
    let found = await measure(rounds, 512);
    while (found.seconds < shortestFma && rounds < 2 ** 16) {
      rounds *= 4;
      found = await measure(rounds, 8192);
    }
    const { flops, seconds } = found;
    return { flopsPerSecond: flops / seconds, fmaFlops: flops, fmaMs: 1000 * seconds };
  } finally {
    parameters.destroy();
  }
}

/** Seconds of one dispatch: the best of some samples. */
async function time(device: GPUDevice, clock: PassClock, code: string, buffers: GPUBuffer[], workgroups: number): Promise<number> {
  const pipeline = await device.createComputePipelineAsync({ layout: 'auto', compute: { module: device.createShaderModule({ code }) } });
  const bindGroup = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  const sample = (repeats: number): Promise<number> => clock.time((pass) => {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    for (let i = 0; i < repeats; i++) pass.dispatchWorkgroups(workgroups);
  });
  const sampleMs = Math.max(shortestSampleMs, (await clock.sampleMs()) ?? longestSampleMs);
  await sample(1);
  let repeats = 1;
  let ms = await sample(repeats);
  while (ms < sampleMs && repeats < 2 ** 16) {
    repeats = Math.ceil(repeats * Math.min(8, (1.3 * sampleMs) / Math.max(ms, 0.01)));
    ms = await sample(repeats);
  }
  if (!(ms > 0)) throw new Error(`The device's ${clock.by === 'timestamps' ? 'timestamps do' : 'clock does'} not advance: no speed can be told.`);
  for (let i = 1; i < samples; i++) ms = Math.min(ms, await sample(repeats));
  return ms / repeats / 1000;
}

async function read(device: GPUDevice, buffer: GPUBuffer, offset: number, byteLength: number): Promise<ArrayBuffer> {
  const staging = device.createBuffer({ label: 'peak.readback', size: byteLength, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, offset, staging, 0, byteLength);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const bytes = staging.getMappedRange().slice(0);
  staging.destroy();
  return bytes;
}
