// The uniform `Sampling` (shaders/parts/sampling.wgsl): what a request asks, as words. Knows no device and no ranges.

/** What kernels choose where no logit is finite. */
export const noToken = 0xffffffff;

/** Tokens that the GPU can know to end an answer; those beyond are seen when they are read back. */
/** Of the ends that are named, those behind so many are not looked for on the GPU. */
export const mostEnds = 8;

/** The words before `ends`, in order, with the values that ask for nothing. */
const words = {
  vocab: ['u32', 0], row: ['u32', 0], seed: ['u32', 0], topK: ['u32', 0], temperature: ['f32', 1], topP: ['f32', 1], minP: ['f32', 0],
  repeat: ['f32', 1], frequency: ['f32', 0], presence: ['f32', 0], last: ['u32', 0], biases: ['u32', 0], top: ['u32', 0],
  typicalP: ['f32', 1], xtcProbability: ['f32', 0], xtcThreshold: ['f32', 0.1],
} as const satisfies Record<string, ['u32' | 'f32', number]>;

export type SamplingFields = Record<keyof typeof words, number>;

const endsAt = 4 * Math.ceil(Object.keys(words).length / 4) * 4;

export const samplingBytes = endsAt + 4 * mostEnds;

/** Byte of the row in the uniform, which is told alone as a sequence gets another place in a step. */
export const rowAt = 4 * Object.keys(words).indexOf('row');

export function packSampling(fields: Partial<SamplingFields>, ends: readonly number[] = []): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(samplingBytes));
  Object.entries(words).forEach(([name, [type, nothing]], i) => {
    const value = fields[name as keyof SamplingFields] ?? nothing;
    if (type === 'u32') view.setUint32(4 * i, value, true);
    else view.setFloat32(4 * i, value, true);
  });
  for (let i = 0; i < mostEnds; i++) view.setUint32(endsAt + 4 * i, ends[i] ?? noToken, true);
  return new Uint8Array(view.buffer);
}
