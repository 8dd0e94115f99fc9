// Top-k: keeps the k most likely tokens.
import { type SamplerStage, whole } from './stage.ts';

export const topK: SamplerStage = {
  name: 'top-k',
  fields: ({ topK: k = 0 }) => ({ topK: whole('topK', k, 0, 2 ** 31) }),
  asked: () => false,
  dispatches: [],
};
