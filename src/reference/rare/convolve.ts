// A causal convolution of every channel for itself, in f64.

export interface Convolution {
  /** (tokens, channels) */
  x: Float32Array;
  channels: number;
  /** (channels, width) */
  weight: Float32Array;
  width: number;
  /** (channels) */
  bias?: Float32Array;
  silu: boolean;
  /** (width - 1, channels): what came before, the oldest first. Default: zeros. */
  before?: Float32Array;
}

/** Returns (tokens, channels), and what a next call takes as `before`. */
export function convolve({ x, channels, weight, width, bias, silu, before }: Convolution): { output: Float32Array; after: Float32Array } {
  const all = new Float32Array((width - 1) * channels + x.length);
  if (before) all.set(before);
  all.set(x, (width - 1) * channels);
  const output = x.map((_, i) => {
    const channel = i % channels;
    let sum = bias ? bias[channel] : 0;
    for (let j = 0; j < width; j++) sum += weight[channel * width + j] * all[i + j * channels];
    return silu ? sum / (1 + Math.exp(-sum)) : sum;
  });
  return { output, after: all.slice(all.length - (width - 1) * channels) };
}
