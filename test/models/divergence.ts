// How far logits are from golden ones, as distributions over the vocabulary.
import { negativeLogLikelihood } from '../../src/cli/perplexity.ts';

/** Kullback-Leibler divergence of softmax(actual) from softmax(golden), in nats. */
export function divergence(golden: Float32Array, actual: Float32Array): number {
  const logSum = (logits: Float32Array) => negativeLogLikelihood(logits, 0) + logits[0];
  const [a, b] = [logSum(golden), logSum(actual)];
  return golden.reduce((sum, value, i) => sum + Math.exp(value - a) * (value - a - (actual[i] - b)), 0);
}
