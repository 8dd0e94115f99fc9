// Makes the rest of `qkv` for attention to latents (MLA, DeepSeek-V2, arXiv 2405.04434), whose heads are [rotated; latent] and share one key: the
// rotated parts of the queries, and a key and a value of the normed latent. Queries have their latent parts already.
import { type Op } from '../../graph.ts';
import { type Operation, pad32 } from '../../operation.ts';

export interface Latent extends Op {
  op: 'latent';
  /** Buffer of a row's latent, and behind it the part of its key that is rotated. */
  input: string;
  norm: string;
  latentDim: number;
  rotatedDim: number;
  /** Buffer of the rotated parts of all queries, and the column that they begin at. */
  queries: string;
  first: number;
  heads: number;
  output: string;
}

export const latent = (given: Omit<Latent, 'op'>): Latent => ({ op: 'latent', ...given });

export const operation: Operation<Latent> = {
  name: 'latent',
  vectors: ({ norm, latentDim }) => [{ tensor: norm, length: latentDim }],
  buffers: ({ input, latentDim, rotatedDim, queries, first, heads, output }) => ({
    [input]: pad32(latentDim + rotatedDim), [queries]: pad32(first + heads * rotatedDim), [output]: pad32((heads + 2) * (latentDim + rotatedDim)),
  }),
  dispatches(op, { activations: { buffers, strides }, graph: { config } }, { vectors, vectorOffset }, _mode, section) {
    const { input, norm, latentDim, rotatedDim, queries, first, heads, output } = op;
    return [
      {
        label: `${section}.latent`,
        kernel: { kernel: 'latent' },
        params: {
          heads, latent_dim: latentDim, rotated_dim: rotatedDim, stride: strides[input], query_stride: strides[queries], first,
          output_stride: strides[output], weight: vectorOffset(norm), eps: config.eps,
        },
        bindings: { vectors, input: buffers[input], queries: buffers[queries], output: buffers[output] },
        grid: ({ rows }) => [rows],
      },
    ];
  },
  costs: {
    latent({ params = {} }, { rows }) {
      const { heads, latent_dim: latentDim, rotated_dim: rotatedDim } = params;
      return { bytes: 4 * rows * (3 * (latentDim + rotatedDim) + 2 * heads * rotatedDim), flops: 4 * rows * latentDim };
    },
  },
};
