import { describe, expect, it } from 'vitest';
import { RequestError } from '../../errors.ts';
import { type SamplingOptions } from '../../protocol.ts';
import { bias } from './bias.ts';
import { mask } from './mask.ts';
import { penalties } from './penalties.ts';
import { samplingFields } from './sampler.ts';
import { choiceSeed } from './seed.ts';
import { typical } from './typical.ts';
import { packSampling } from './uniform.ts';

describe('sampling options', () => {
  it('default to the most likely token of all, with nothing changed', () => {
    expect(packSampling(samplingFields({}))).toEqual(packSampling({ topK: 1, last: 64 }));
  });

  it('become the words of the uniform, temperature 0 as a top-k of 1', () => {
    const options = {
      temperature: 0.5,
      topK: 40,
      topP: 0.25,
      minP: 0.125,
      seed: 7,
      repeatPenalty: 2,
      frequencyPenalty: 0.5,
      presencePenalty: -1,
      penaltyLast: -1,
      logitBias: { 3: 1, 4: 2 },
      logprobs: 5,
      typicalP: 0.5,
      xtcProbability: 0.5,
      xtcThreshold: 0.25,
    };
    const words = new Uint32Array(packSampling({ ...samplingFields(options), vocab: 512 }, [2, 5]).buffer);
    const none = 0xffffffff;
    expect([...words]).toEqual([
      512,
      0,
      7,
      40,
      0x3f000000,
      0x3e800000,
      0x3e000000,
      0x40000000,
      0x3f000000,
      0xbf800000,
      none,
      2,
      5,
      0x3f000000,
      0x3f000000,
      0x3e800000,
      2,
      5,
      none,
      none,
      none,
      none,
      none,
      none,
    ]);
    expect([...new Uint32Array(packSampling(samplingFields({ topK: 40 })).buffer)].slice(3, 5)).toEqual([1, 0x3f800000]);
  });

  it('are refused by name outside their range', () => {
    const wrong: SamplingOptions[] = [
      { temperature: -1 },
      { temperature: NaN },
      { temperature: 1e-9 },
      { topK: 1.5 },
      { topK: -1 },
      { topP: 1.1 },
      { minP: 2 },
      { typicalP: 1.1 },
      { typicalP: NaN },
      { seed: -1 },
      { seed: 0.5 },
      { seed: 2 ** 32 },
      { repeatPenalty: 0 },
      { repeatPenalty: 11 },
      { frequencyPenalty: 3 },
      { presencePenalty: NaN },
      { penaltyLast: -2 },
      { penaltyLast: 0.5 },
      { logitBias: { 5: 101 } },
      { logitBias: { x: 1 } as never },
      { logitBias: Object.fromEntries(Array.from({ length: 1025 }, (_, i) => [i, 1])) },
      { logprobs: 21 },
      { logprobs: -1 },
    ];
    for (const options of wrong) {
      expect(() => samplingFields(options), JSON.stringify(options)).toThrow(RequestError);
      expect(() => samplingFields(options)).toThrow(Object.keys(options)[0]);
    }
  });
});

describe('stages', () => {
  it('run only where a request asks for something', () => {
    const asks = (options: SamplingOptions) => penalties.asked({ seed: 0, ...options });
    expect(
      [{}, { repeatPenalty: 1 }, { repeatPenalty: 1.1, penaltyLast: 0 }, { repeatPenalty: 1.1 }, { frequencyPenalty: 0.1 }, { presencePenalty: -0.1 }].map(
        asks,
      ),
    ).toEqual([false, false, false, true, true, true]);
    expect([undefined, {}, { 1: 1 }].map((logitBias) => bias.asked({ seed: 0, logitBias: logitBias as Record<number, number> }))).toEqual([false, false, true]);
  });

  it('typical-p has no part in a greedy request', () => {
    const asks = (options: SamplingOptions) => typical.asked({ seed: 0, ...options });
    expect([{}, { typicalP: 0.5 }, { temperature: 1 }, { temperature: 1, typicalP: 1 }, { temperature: 1, typicalP: 0.5 }].map(asks)).toEqual([
      false,
      false,
      false,
      false,
      true,
    ]);
  });

  it('a bias for a token that is none is refused', () => {
    expect(() => bias.start!({ seed: 0, logitBias: { 512: 1 } }, 512)).toThrow('logitBias names the token 512; the vocabulary has 512.');
  });

  it('a mask of another size, or that allows nothing, is refused, at the token that it is for', () => {
    const start = (words: number[], vocab: number) => () => mask.start!({ seed: 0, mask: Uint32Array.from(words) }, vocab);
    expect(start([1], 33)).toThrow('The mask has 1 words; a vocabulary of 33 tokens needs 2.');
    expect(start([0, 0], 33)).toThrow('The mask allows none of the 33 tokens');
    expect(start([0, 2], 33)).toThrow('allows none'); // a bit beyond the vocabulary
    expect(start([0, 1], 33)).not.toThrow();
    expect(start([0x80000000], 32)).not.toThrow();
    const before = mask.before!({ seed: 0, mask: (chosen) => Uint32Array.of(chosen.length ? 0 : 4) }, 20)!;
    expect(before([])).toEqual({ buffer: 'mask', bytes: Uint8Array.of(4, 0, 0, 0) });
    expect(() => before([2])).toThrow('The mask of token 2 of the answer allows none of the 20 tokens');
    expect(() => before([2])).toThrow(RequestError);
  });
});

describe('the seed of a choice', () => {
  it('is the request\'s own for the first, and another for each of the others, always the same', () => {
    for (const seed of [0, 1, 7, 2 ** 32 - 1]) {
      const seeds = Array.from({ length: 1000 }, (_, choice) => choiceSeed(seed, choice));
      expect(seeds[0]).toBe(seed);
      expect(new Set(seeds).size).toBe(1000);
      expect(seeds).toEqual(Array.from({ length: 1000 }, (_, choice) => choiceSeed(seed, choice)));
      expect(seeds.every((each) => Number.isInteger(each) && each >= 0 && each < 2 ** 32)).toBe(true);
    }
    expect(choiceSeed(1, 1)).not.toBe(choiceSeed(2, 1));
  });
});
