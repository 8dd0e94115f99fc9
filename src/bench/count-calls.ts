// Counts the WebGPU calls made between two moments, by wrapping the methods of their classes.
export interface Counts {
  dispatches: number;
  submits: number;
  passes: number;
  writeBuffers: number;
  /** Buffers, bind groups, layouts, pipelines, modules and query sets. */
  creations: number;
}

export function countCalls(): { read(): Counts; reset(): void } {
  const counts: Counts = { dispatches: 0, submits: 0, passes: 0, writeBuffers: 0, creations: 0 };
  const wrap = (prototype: object, method: string, name: keyof Counts) => {
    const target = prototype as Record<string, (...args: unknown[]) => unknown>;
    const original = target[method];
    target[method] = function (this: unknown, ...args) {
      counts[name]++;
      return original.apply(this, args);
    };
  };
  for (const method of [
    'createBuffer',
    'createBindGroup',
    'createBindGroupLayout',
    'createPipelineLayout',
    'createComputePipeline',
    'createComputePipelineAsync',
    'createShaderModule',
    'createQuerySet',
    'createTexture',
    'createSampler',
  ]) {
    wrap(GPUDevice.prototype, method, 'creations');
  }
  wrap(GPUQueue.prototype, 'submit', 'submits');
  wrap(GPUQueue.prototype, 'writeBuffer', 'writeBuffers');
  wrap(GPUCommandEncoder.prototype, 'beginComputePass', 'passes');
  wrap(GPUComputePassEncoder.prototype, 'dispatchWorkgroups', 'dispatches');
  return {
    read: () => ({ ...counts }),
    reset: () => {
      for (const name of Object.keys(counts) as (keyof Counts)[]) counts[name] = 0;
    },
  };
}
