// Top-p: keeps the most likely tokens until their probabilities, at temperature 1, reach p.
import { type SamplerStage, within } from './stage.ts';

export const topP: SamplerStage = {
  name: 'top-p',
  fields: ({ topP: p = 1 }) => ({ topP: within('topP', p, 0, 1) }),
  asked: () => false,
  dispatches: [],
};
