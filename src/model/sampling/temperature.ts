// Temperature: divides the logits of the tokens that the other stages kept. At 0 the most likely token is taken.
import { RequestError } from '../../errors.ts';
import { type SamplerStage, within } from './stage.ts';

/** The least above 0 that the kernels compute with. */
export const leastTemperature = 1e-3;

export const temperature: SamplerStage = {
  name: 'temperature',
  fields({ temperature: t = 0 }) {
    within('temperature', t, 0, 100);
    if (t > 0 && t < leastTemperature)
      throw new RequestError(`temperature is ${t}; the least above 0 is ${leastTemperature}. Use 0 for the most likely token.`);
    return t === 0 ? { temperature: 1, topK: 1 } : { temperature: t }; // so that drawing is right for 0 too
  },
  asked: () => false,
  dispatches: [],
};
