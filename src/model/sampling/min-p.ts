// Min-p: drops tokens less likely than a share of the most likely one.
import { type SamplerStage, within } from './stage.ts';

export const minP: SamplerStage = {
  name: 'min-p',
  fields: ({ minP: p = 0 }) => ({ minP: within('minP', p, 0, 1) }),
  asked: () => false,
  dispatches: [],
};
