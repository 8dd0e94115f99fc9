// How the next token is chosen, as the sampler's kernels (shaders/parts/sampling.wgsl) want it. Knows no device.
import { RequestError } from '../errors.ts';
import { type SamplingOptions } from '../protocol.ts';

/** Tokens per workgroup of a pass over the vocabulary: `SliceTokens` in the shaders. */
const sliceTokens = 2048;

/** The largest vocabulary that the kernels can sum up: see shaders/parts/sampling.wgsl. */
export const mostVocab = 2 ** 20 - 1;

/** What the kernels choose where no logit is finite. */
export const noToken = 0xffffffff;

/** Bytes of the uniform `Sampling`. */
export const samplingBytes = 64;

/** Tokens that the GPU can know to end an answer; those beyond are seen when they are read back. */
const mostEnds = 8;

/** Workgroups of the kernels that read the vocabulary in slices, for a vocabulary of `vocab` tokens. */
export const samplingSlices = (vocab: number): number => Math.ceil(vocab / sliceTokens);

/** Bytes of the sampler's buffers for a vocabulary of `vocab` tokens; all start zeroed. Greedy steps need only `best`. */
export const samplerBytes = (vocab: number) => ({
  /** (slice) rank, index */
  best: 8 * samplingSlices(vocab),
  /** `Scratch` in sampling-bins.wgsl */
  scratch: 32 + 3 * 4 * 256,
  /** (vocab) rank, index */
  narrowed: 8 * vocab,
});

/** The options with their defaults, checked; a RequestError names the first that is out of range. */
export function checkSampling(options: SamplingOptions): Required<Omit<SamplingOptions, 'seed'>> {
  const { temperature = 0, topK = 0, topP = 1, minP = 0, seed = 0 } = options;
  const range = (name: string, value: number, least: number, most: number) => {
    if (!(value >= least && value <= most)) throw new RequestError(`${name} is ${value}; it must be from ${least} to ${most}.`);
  };
  range('temperature', temperature, 0, 100);
  if (temperature > 0 && temperature < 1e-3) throw new RequestError(`temperature is ${temperature}; the least above 0 is 0.001. Use 0 for the most likely token.`);
  if (!Number.isInteger(topK)) throw new RequestError(`topK is ${topK}; it must be a whole number.`);
  range('topK', topK, 0, 2 ** 31);
  range('topP', topP, 0, 1);
  range('minP', minP, 0, 1);
  if (!(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32)) throw new RequestError(`seed is ${seed}; it must be a whole number from 0 to ${2 ** 32 - 1}.`);
  return { temperature, topK, topP, minP };
}

/** The bytes of the uniform `Sampling`. Temperature 0 becomes top-k of 1, so that the sampling kernels are right for it too. */
export function samplingUniform(vocab: number, options: SamplingOptions & { seed: number }, ends: readonly number[] = []): Uint8Array<ArrayBuffer> {
  const { temperature, topK, topP, minP } = checkSampling(options);
  const view = new DataView(new ArrayBuffer(samplingBytes));
  view.setUint32(0, vocab, true);
  view.setUint32(4, temperature === 0 ? 1 : topK, true);
  view.setFloat32(8, temperature === 0 ? 1 : temperature, true);
  view.setFloat32(12, topP, true);
  view.setFloat32(16, minP, true);
  view.setUint32(20, options.seed, true);
  for (let i = 0; i < mostEnds; i++) view.setUint32(32 + 4 * i, ends[i] ?? noToken, true);
  return new Uint8Array(view.buffer);
}
