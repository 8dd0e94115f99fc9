import { describe, expect, it } from 'vitest';
import { candidates, draw, excludesAt, greedy, hash, noToken, uniform } from './sampler.ts';

const all = { temperature: 1, topK: 0, topP: 1, minP: 0 };
const log = (...shares: number[]) => Float32Array.from(shares, Math.log);

describe('candidates', () => {
  it('keeps the lower index of equal logits', () => {
    expect(candidates(Float32Array.of(1, 2, 2, 2, 0), { ...all, topK: 2 })).toEqual({ ids: [1, 2], probabilities: [0.5, 0.5] });
  });

  it('keeps the shortest prefix that reaches top-p, at least one', () => {
    const logits = log(0.1, 0.5, 0.4 - 1e-3, 1e-3);
    expect(candidates(logits, { ...all, topP: 0.45 }).ids).toEqual([1]);
    expect(candidates(logits, { ...all, topP: 0.55 }).ids).toEqual([1, 2]);
    expect(candidates(logits, { ...all, topP: 0.95 }).ids).toEqual([0, 1, 2]);
    expect(candidates(logits, { ...all, topP: 0 }).ids).toEqual([1]);
    expect(candidates(Float32Array.of(3, 3, 3, 3), { ...all, topP: 0.5 }).ids).toEqual([0, 1]);
  });

  it('takes top-p of what top-k left, and temperature after every filter', () => {
    const logits = log(0.4, 0.3, 0.2, 0.1);
    expect(candidates(logits, { ...all, topK: 2, topP: 0.56 }).ids).toEqual([0]); // 0.4 of 0.7
    const { ids, probabilities } = candidates(logits, { ...all, minP: 0.6, temperature: 0.5 });
    expect(ids).toEqual([0, 1]);
    expect(probabilities[0]).toBeCloseTo(16 / 25, 6);
  });

  it('keeps what lies closest to the mean information until it passes typical-p, of what top-k left', () => {
    // The values of llama.cpp's own test of typical-p (tests/test-sampling.cpp).
    expect(candidates(log(0.97, 0.01, 0.01, 0.01), { ...all, typicalP: 0.5 }).ids).toEqual([0]);
    expect(candidates(log(0.4, 0.2, 0.2, 0.2), { ...all, typicalP: 0.5 }).ids).toEqual([1, 2, 3]);
    const logits = log(0.5, 0.3, 0.15, 0.05); // the mean information is that of a probability of 0.319
    expect(candidates(logits, { ...all, typicalP: 0.2 }).ids).toEqual([1]);
    expect(candidates(logits, { ...all, typicalP: 0.7 }).ids).toEqual([0, 1]);
    expect(candidates(logits, { ...all, topK: 1, typicalP: 0.2 }).ids).toEqual([0]);
    expect(candidates(logits, { ...all, typicalP: 0.7, topP: 0.6 }).ids).toEqual([0]); // 0.5 of 0.8
    expect(candidates(Float32Array.of(1, 1, 1, 1), { ...all, typicalP: 0.5 }).ids).toEqual([0, 1, 2]); // the sum has to pass p
  });

  it('leaves out tokens whose logits are not finite, and has no token if there is nothing else', () => {
    expect(candidates(Float32Array.of(-Infinity, 1, NaN, Infinity), all)).toEqual({ ids: [1], probabilities: [1] });
    for (const value of [-Infinity, Infinity, NaN]) expect(draw(candidates(Float32Array.of(value, value), all), 1, 2)).toBe(noToken);
  });
});

describe('greedy', () => {
  it('takes the lowest index of the highest finite logit, and no token if none is finite', () => {
    expect(greedy(Float32Array.of(1, 3, 3))).toBe(1);
    expect(greedy(Float32Array.of(NaN, -7, Infinity))).toBe(1);
    expect(greedy(Float32Array.of(NaN, -Infinity))).toBe(noToken);
  });
});

describe('draw', () => {
  it('hashes as PCG does', () => {
    expect([0, 1, 0xffffffff].map(hash)).toEqual([129708002, 2831084092, 3861530882]); // by Python's integers
    expect(new Set(Array.from({ length: 65536 }, (_, i) => hash(i))).size).toBe(65536);
  });

  it('depends on seed and position and takes every candidate as often as it is likely', () => {
    const spread = { ids: [3, 5, 9], probabilities: [0.2, 0.5, 0.3] };
    const counts = new Map<number, number>();
    for (let position = 0; position < 10000; position++) {
      const id = draw(spread, 42, position);
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    spread.ids.forEach((id, i) => expect(Math.abs(counts.get(id)! / 10000 - spread.probabilities[i])).toBeLessThan(0.02));
    expect(uniform(1, 7)).not.toBe(uniform(2, 7));
    expect(uniform(1, 7)).toBe(uniform(1, 7));
  });
});

describe('XTC', () => {
  const logits = Float32Array.from([0.4, 0.3, 0.2, 0.06, 0.04], Math.log);
  const all = { temperature: 1, topK: 0, topP: 1, minP: 0, xtcProbability: 0.3 };

  it('keeps, of the tokens that reach the threshold, the least likely one, and all others', () => {
    const kept = (xtcThreshold: number, filters: object = {}) => candidates(logits, { ...all, ...filters, xtcThreshold }, true).ids;
    expect([0.5, 0.39, 0.25, 0.1, 0.05, 0].map((threshold) => kept(threshold))).toEqual([
      [0, 1, 2, 3, 4], [0, 1, 2, 3, 4], [1, 2, 3, 4], [2, 3, 4], [3, 4], [4],
    ]);
    expect(kept(0.25, { topK: 3 })).toEqual([1, 2]); // shares are those of what is left: 0.44, 0.33, 0.22
    expect(kept(0.2, { topK: 3 })).toEqual([2]);
  });

  it('happens as often as it is asked for, whatever is drawn', () => {
    const u = Array.from({ length: 10000 }, (_, position) => ({ happens: excludesAt(all, 42, position), drawn: uniform(42, position) }));
    const share = (of: typeof u) => of.filter(({ happens }) => happens).length / of.length;
    expect(Math.abs(share(u) - 0.3)).toBeLessThan(0.015);
    for (const quarter of [0, 1, 2, 3]) expect(Math.abs(share(u.filter(({ drawn }) => Math.floor(4 * drawn) === quarter)) - 0.3)).toBeLessThan(0.03);
    expect([0, 1].map((xtcProbability) => share(u.map((_, i) => ({ happens: excludesAt({ ...all, xtcProbability }, 1, i), drawn: 0 }))))).toEqual([0, 1]);
  });
});
