import { describe, expect, it } from 'vitest';
import { RequestError } from '../errors.ts';
import { checkSampling, samplingUniform } from './sampling.ts';

describe('sampling options', () => {
  it('default to the most likely token of all', () => {
    expect(checkSampling({})).toEqual({ temperature: 0, topK: 0, topP: 1, minP: 0 });
  });

  it('become the words of the uniform, temperature 0 as a top-k of 1', () => {
    const words = new Uint32Array(samplingUniform(512, { temperature: 0.5, topK: 40, topP: 0.25, minP: 0.125, seed: 7 }, [2, 5]).buffer);
    const none = 0xffffffff;
    expect([...words]).toEqual([512, 40, 0x3f000000, 0x3e800000, 0x3e000000, 7, 0, 0, 2, 5, none, none, none, none, none, none]);
    expect([...new Uint32Array(samplingUniform(512, { seed: 0, topK: 40 }).buffer)].slice(0, 3)).toEqual([512, 1, 0x3f800000]);
  });

  it('are refused by name outside their range', () => {
    for (const options of [{ temperature: -1 }, { temperature: NaN }, { temperature: 1e-9 }, { topK: 1.5 }, { topK: -1 }, { topP: 1.1 }, { minP: 2 }, { seed: -1 }, { seed: 0.5 }, { seed: 2 ** 32 }]) {
      expect(() => checkSampling(options)).toThrow(RequestError);
      expect(() => checkSampling(options)).toThrow(Object.keys(options)[0]);
    }
  });
});
