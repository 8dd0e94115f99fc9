// A GPU device for tests in Node: Dawn (npm `webgpu`) on lavapipe, SwiftShader or whatever VK_ICD_FILENAMES names.
// And `runShader`, one dispatch from bytes to bytes. No part of the product.
import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { create, globals } from 'webgpu';

const softwareAdapters = ['/usr/share/vulkan/icd.d/lvp_icd.json', '/usr/lib/chromium/vk_swiftshader_icd.json'];

/** The Vulkan driver file the tests will use, or undefined if there is none: then skip, visibly. */
export const adapterFile: string | undefined = process.env.VK_ICD_FILENAMES ?? softwareAdapters.find((file) => existsSync(file));

/** Of a run on one software adapter after the other it is the second. */
export const isSwiftShader = adapterFile?.includes('swiftshader') ?? false;

let instance: GPU | undefined; // Dawn crashes once this is garbage-collected while devices are alive

/** Dawn's `navigator.gpu`, on the adapter of `adapterFile`. */
export function dawn(): GPU {
  if (adapterFile === undefined) throw new Error(`No Vulkan driver: VK_ICD_FILENAMES is not set and none of ${softwareAdapters.join(', ')} exists.`);
  if (instance) return instance;
  process.env.VK_ICD_FILENAMES = adapterFile;
  if (process.env.XDG_RUNTIME_DIR === undefined) {
    process.env.XDG_RUNTIME_DIR = join(tmpdir(), `windrow-${userInfo().username}`);
    mkdirSync(process.env.XDG_RUNTIME_DIR, { recursive: true, mode: 0o700 });
  }
  // Dawn polls by setImmediate in a busy loop, which takes a core from a software adapter; a timer yields.
  globalThis.setImmediate = ((f: (...args: unknown[]) => void, ...args: unknown[]) => setTimeout(f, 1, ...args)) as unknown as typeof setImmediate;
  Object.assign(globalThis, globals);
  return (instance = create(['enable-dawn-features=allow_unsafe_apis'])); // subgroup matrices, where there are any
}

/** A device with all of the adapter's limits and, where there, subgroups, shader-f16 and timestamp-query. */
export async function openDevice(): Promise<GPUDevice> {
  const adapter = await dawn().requestAdapter();
  if (!adapter) throw new Error(`Dawn finds no adapter with VK_ICD_FILENAMES=${adapterFile}.`);
  const requiredLimits: Record<string, number> = {};
  for (const name in adapter.limits) {
    const limit = adapter.limits[name as keyof GPUSupportedLimits];
    if (typeof limit === 'number') requiredLimits[name] = limit;
  }
  const wanted: GPUFeatureName[] = ['subgroups', 'shader-f16', 'timestamp-query'];
  return adapter.requestDevice({ requiredLimits, requiredFeatures: wanted.filter((name) => adapter.features.has(name)) });
}

export interface ShaderRun {
  code: string;
  /** By binding number in group 0: bytes that go in, or the size of a zeroed buffer whose bytes come back in `outputs`; undefined for a number left out. */
  buffers: ({ uniform: ArrayBufferView } | { storage: ArrayBufferView } | { output: number } | undefined)[];
  workgroups: [x: number, y?: number, z?: number];
  constants?: Record<string, number>;
  /** Dispatches in the one submit; more than 1 to measure. Default 1. */
  repeat?: number;
}

/** The bytes of every `output`, in the order of bindings, and the milliseconds from submit to done. Throws on any validation error. */
export async function runShader(device: GPUDevice, run: ShaderRun): Promise<{ outputs: ArrayBuffer[]; milliseconds: number }> {
  device.pushErrorScope('validation');
  device.pushErrorScope('out-of-memory');
  const owned: GPUBuffer[] = [];
  const buffer = (size: number, usage: number) => {
    const made = device.createBuffer({ size: Math.max(16, Math.ceil(size / 4) * 4), usage });
    owned.push(made);
    return made;
  };
  try {
    const { pipeline, problem } = await compile(device, run);
    const bound = run.buffers.flatMap((entry, binding) => (entry ? { entry, binding } : []));
    const inputs = bound.map(({ entry }) => {
      if ('output' in entry) return buffer(entry.output, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC);
      const bytes = 'uniform' in entry ? entry.uniform : entry.storage;
      const made = buffer(bytes.byteLength, GPUBufferUsage.COPY_DST | ('uniform' in entry ? GPUBufferUsage.UNIFORM : GPUBufferUsage.STORAGE));
      device.queue.writeBuffer(made, 0, bytes as Uint8Array<ArrayBuffer>);
      return made;
    });
    const outputs = inputs.filter((_, i) => 'output' in bound[i].entry);
    const copies = outputs.map((from) => buffer(from.size, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST));
    const encoder = device.createCommandEncoder();
    if (pipeline) {
      const entries = inputs.map((each, i) => ({ binding: bound[i].binding, resource: { buffer: each } }));
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
      for (let i = 0; i < (run.repeat ?? 1); i++) pass.dispatchWorkgroups(...run.workgroups);
      pass.end();
    }
    await device.queue.onSubmittedWorkDone();
    const start = performance.now();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    const milliseconds = performance.now() - start;
    const after = device.createCommandEncoder();
    outputs.forEach((from, i) => after.copyBufferToBuffer(from, 0, copies[i], 0, from.size));
    device.queue.submit([after.finish()]);
    const memory = await device.popErrorScope();
    const validation = await device.popErrorScope();
    if (problem || memory || validation) throw new Error([problem, memory?.message, validation?.message].filter(Boolean).join('\n'));
    await Promise.all(copies.map((copy) => copy.mapAsync(GPUMapMode.READ)));
    const sizes = bound.flatMap(({ entry }) => ('output' in entry ? [entry.output] : []));
    return { outputs: copies.map((copy, i) => copy.getMappedRange().slice(0, sizes[i])), milliseconds };
  } finally {
    for (const each of owned) each.destroy();
  }
}

/** The pipeline, or what the compiler says about the code: each message with its line, column and source line. */
async function compile(device: GPUDevice, { code, constants }: ShaderRun): Promise<{ pipeline?: GPUComputePipeline; problem?: string }> {
  const module = device.createShaderModule({ code });
  const { messages } = await module.getCompilationInfo();
  const errors = messages.filter(({ type }) => type === 'error');
  if (errors.length > 0) {
    const lines = code.split('\n');
    return { problem: errors.map((error) => `shader ${error.lineNum}:${error.linePos}: ${error.message}\n  ${lines[error.lineNum - 1] ?? ''}`).join('\n') };
  }
  return { pipeline: device.createComputePipeline({ layout: 'auto', compute: { module, entryPoint: 'main', constants } }) };
}
