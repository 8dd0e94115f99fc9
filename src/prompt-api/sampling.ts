// How tokens are drawn, in the Prompt API's words.
import { shown } from '../errors.ts';
import { type LanguageModelParams, type SamplingMode, type SamplingOptions } from './types.ts';

export interface Sampling {
  temperature: number;
  /** 0: all tokens. */
  topK: number;
}

const modes: Record<SamplingMode, Sampling> = {
  'most-predictable': { temperature: 0, topK: 1 },
  predictable: { temperature: 0.4, topK: 20 },
  balanced: { temperature: 0.8, topK: 40 },
  creative: { temperature: 1, topK: 100 },
  'most-creative': { temperature: 1.3, topK: 0 },
};
/** Of the engine: below the least it takes the most likely token. */
const temperatures = { least: 1e-3, most: 2 };

export const params: LanguageModelParams = {
  defaultTopK: modes.balanced.topK,
  maxTopK: 2 ** 31 - 1,
  defaultTemperature: modes.balanced.temperature,
  maxTemperature: temperatures.most,
};

/** @throws TypeError for a mode beside numbers; RangeError */
export function toSampling({ samplingMode: mode, temperature, topK }: SamplingOptions): Sampling {
  const isNumbers = temperature !== undefined || topK !== undefined;
  if (mode !== undefined && isNumbers) throw new TypeError('There are a samplingMode and topK or temperature; they mean the same. Leave one out.');
  if (mode !== undefined && !Object.hasOwn(modes, mode))
    throw new TypeError(`samplingMode is ${shown(mode)}; it must be one of ${Object.keys(modes).join(', ')}.`);
  const { temperature: usual, topK: most } = modes[mode ?? 'balanced'];
  if (temperature !== undefined && !(temperature >= 0)) throw new RangeError(`temperature is ${shown(temperature)}; it must be 0 or more.`);
  if (topK !== undefined && !(topK >= 1)) throw new RangeError(`topK is ${shown(topK)}; it must be 1 or more.`);
  const warmth = Math.min(temperature ?? usual, temperatures.most);
  return { temperature: warmth < temperatures.least ? 0 : warmth, topK: topK === undefined ? most : Math.min(Math.floor(topK), params.maxTopK) };
}
