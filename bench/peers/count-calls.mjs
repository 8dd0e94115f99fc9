// Counts the WebGPU calls of an engine by wrapping the methods of Dawn's classes. Counting costs host time: no timings with it.
const methods = {
  GPUQueue: ['submit', 'writeBuffer'],
  GPUDevice: ['createBuffer', 'createBindGroup', 'createCommandEncoder', 'createComputePipeline', 'createComputePipelineAsync'],
  GPUCommandEncoder: ['beginComputePass', 'copyBufferToBuffer', 'clearBuffer'],
  GPUComputePassEncoder: ['setPipeline', 'setBindGroup', 'dispatchWorkgroups', 'dispatchWorkgroupsIndirect'],
  GPUBuffer: ['mapAsync'],
};

/** Wraps the classes in `globals` and returns the live counters by method. */
export function countCalls(globals) {
  const counts = {};
  for (const [name, list] of Object.entries(methods)) {
    const { prototype } = globals[name];
    for (const method of list) {
      const original = prototype[method];
      if (!original) continue;
      counts[method] = 0;
      prototype[method] = function (...args) {
        counts[method]++;
        return original.apply(this, args);
      };
    }
  }
  return counts;
}

/** Calls per step between two readings, without those that were not made. */
export const perStep = (before, after, steps) =>
  Object.fromEntries(Object.keys(after).map((name) => [name, Math.round((100 * (after[name] - before[name])) / steps) / 100]).filter(([, count]) => count));
