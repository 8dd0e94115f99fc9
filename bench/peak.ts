// What the device itself can do, by two fixed kernels that the engine does not use: copying and multiply-adding. Engine
// speeds are told as shares of these, taken in the same run, since machines differ and are shared.
import copyWgsl from './copy.wgsl?raw';
import fmaWgsl from './fma.wgsl?raw';

export interface Peak {
  /** Bytes read and written per second. */
  copyBytesPerSecond: number;
  /** A fused multiply-add counts as two. */
  flopsPerSecond: number;
}

const copyBytes = 32 * 2 ** 20;
const rounds = 64;
const workgroups = 512;
const sampleMs = 20;

/** Throws if the kernels' results are wrong: then a speed would mean nothing. */
export async function measurePeak(device: GPUDevice): Promise<Peak> {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const [source, target, results] = [copyBytes, copyBytes, 4 * 64 * workgroups].map((size) => device.createBuffer({ label: 'peak', size, usage }));
  try {
    const pattern = Uint32Array.from({ length: copyBytes / 4 }, (_, i) => Math.imul(i, 2654435761));
    device.queue.writeBuffer(source, 0, pattern);
    const copySeconds = await time(device, copyWgsl, [source, target], {}, 2048);
    const copied = new Uint32Array(await read(device, target));
    if (copied.some((word, i) => word !== pattern[i])) throw new Error('The copy kernel of the benchmark copied wrongly.');
    const fmaSeconds = await time(device, fmaWgsl, [results], { Rounds: rounds }, workgroups);
    const sums = new Float32Array(await read(device, results));
    if (sums.some((sum) => Math.abs(sum - 64) > 1e-3)) throw new Error('The multiply-add kernel of the benchmark computed wrongly.');
    return { copyBytesPerSecond: (2 * copyBytes) / copySeconds, flopsPerSecond: (2 * 4 * 8 * rounds * 64 * workgroups) / fmaSeconds };
  } finally {
    for (const buffer of [source, target, results]) buffer.destroy();
  }
}

/** Seconds of one dispatch: the best of three samples of at least `sampleMs`. */
async function time(device: GPUDevice, code: string, buffers: GPUBuffer[], constants: Record<string, number>, x: number): Promise<number> {
  const pipeline = await device.createComputePipelineAsync({ layout: 'auto', compute: { module: device.createShaderModule({ code }), constants } });
  const bindGroup = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })) });
  const sample = async (repeats: number): Promise<number> => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    for (let i = 0; i < repeats; i++) pass.dispatchWorkgroups(x);
    pass.end();
    const started = performance.now();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    return performance.now() - started;
  };
  await sample(1);
  let repeats = 1;
  let ms = await sample(repeats);
  while (ms < sampleMs) {
    repeats *= 2;
    ms = await sample(repeats);
  }
  return Math.min(ms, await sample(repeats), await sample(repeats)) / repeats / 1000;
}

async function read(device: GPUDevice, buffer: GPUBuffer): Promise<ArrayBuffer> {
  const staging = device.createBuffer({ size: buffer.size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const bytes = staging.getMappedRange().slice(0);
  staging.destroy();
  return bytes;
}
