// output = (input less its mean, divided by the deviation from it) * weight + bias: Ba, Kiros and Hinton, arXiv 1607.06450.
import { type Op } from '../../graph.ts';
import { type Operation, pad32 } from '../../operation.ts';
import { rmsNorm } from '../../blocks/rms-norm.ts';

export interface LayerNorm extends Op {
  op: 'layer-norm';
  input: string;
  /** Tensors as wide as the model. */
  weight: string;
  bias: string;
  output: string;
}

export const layerNorm = (given: Omit<LayerNorm, 'op'>): LayerNorm => ({ op: 'layer-norm', ...given });

export const operation: Operation<LayerNorm> = {
  name: 'layer-norm',
  vectors: ({ weight, bias }, { dim }) => [weight, bias].map((tensor) => ({ tensor, length: dim })),
  buffers: ({ input, output }, { dim }) => ({ [input]: pad32(dim), [output]: pad32(dim) }),
  dispatches: ({ input, output, weight, bias }, context, place, _mode, section) =>
    [rmsNorm(context, place, { label: `${section}.layer-norm`, input, output, weight, bias, center: true, cols: context.graph.config.dim })],
  costs: {}, // that of the norm is in norm-add
};
