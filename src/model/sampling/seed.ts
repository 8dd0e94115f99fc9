// The seed of each of several texts that one request asks for. A random number is hash(position ^ hash(seed)) on the GPU
// (shaders/kernels/sampling/sample.wgsl), so texts whose seeds differ have nothing in common.

/** That of the choice-th text, from 0: the first has the request's own, so that it is the text of a request for one. */
export const choiceSeed = (seed: number, choice: number): number => (choice === 0 ? seed : hash((hash(seed) + choice) >>> 0));

/** PCG's RXS-M-XS output of one step of its generator: a bijection of u32 (O'Neill 2014). As in sample.wgsl. */
function hash(value: number): number {
  const state = (Math.imul(value, 747796405) + 2891336453) >>> 0;
  const word = Math.imul((state >>> ((state >>> 28) + 4)) ^ state, 277803737) >>> 0;
  return ((word >>> 22) ^ word) >>> 0;
}
