import { describe, expect, it } from 'vitest';
import { type Attention, attention } from './attend.ts';

const wave = (length: number, seed: number) => Float32Array.from({ length }, (_, i) => Math.sin(seed + i * 1.7));
// 3 tokens from position 4 on, 4 query heads on 2 key/value heads of 2 dimensions
const sizes = { heads: 4, kvHeads: 2, headDim: 2, position: 4, scale: 0.7 };
const base: Attention = { ...sizes, queries: wave(3 * 4 * 2, 1), keys: wave(7 * 2 * 2, 2), values: wave(7 * 2 * 2, 3) };
const close = (found: Float32Array, expected: ArrayLike<number>) => {
  expect(found.length).toBe(expected.length);
  found.forEach((value, i) => expect(value).toBeCloseTo(expected[i], 6));
};

describe('attention', () => {
  it('returns the value where one position is seen, to each head that of its group', () => {
    const values = Float32Array.of(1, 2, 3, 4);
    const found = attention({ ...base, queries: base.queries.subarray(0, 8), keys: base.keys.subarray(0, 4), values, position: 0 });
    expect([...found]).toEqual([1, 2, 1, 2, 3, 4, 3, 4]);
  });

  it('averages values by the softmax of the scores', () => {
    // scores ln 1 and ln 3: weights 1/4 and 3/4
    const found = attention({
      queries: Float32Array.of(1),
      keys: Float32Array.of(0, 2 * Math.log(3)),
      values: Float32Array.of(8, 16),
      heads: 1,
      kvHeads: 1,
      headDim: 1,
      position: 1,
      scale: 0.5,
    });
    expect(found[0]).toBeCloseTo(14, 5);
  });

  it('does not see later positions', () => {
    const keys = base.keys.slice();
    const values = base.values.slice();
    keys.fill(99, 6 * 4);
    values.fill(99, 6 * 4);
    const changed = attention({ ...base, keys, values });
    const found = attention(base);
    expect(changed.subarray(0, 16)).toEqual(found.subarray(0, 16));
    expect(changed.subarray(16)).not.toEqual(found.subarray(16));
  });

  it('sees the last positions of a window and no others', () => {
    const windowed = attention({ ...base, window: 2 });
    // token 1 stands at position 5: the same as a cache of positions 4 and 5 alone
    const alone = attention({
      ...base,
      queries: base.queries.subarray(8, 16),
      keys: base.keys.subarray(16, 24),
      values: base.values.subarray(16, 24),
      position: 1,
    });
    close(windowed.subarray(8, 16), alone);
    close(attention({ ...base, window: 7 }), attention(base));
    expect(attention({ ...base, window: 6 }).subarray(16)).not.toEqual(attention(base).subarray(16));
  });

  it('lets a sink take its share of the softmax', () => {
    const queries = new Float32Array(8); // all scores are 0
    const found = attention({ ...base, queries, values: new Float32Array(28).fill(1), sinks: Float32Array.of(Math.log(5), 0, -Infinity, 1000) });
    [0.5, 0.5, 5 / 6, 5 / 6, 1, 1, 0, 0].forEach((value, i) => expect(found[i]).toBeCloseTo(value, 6));
  });

  it('caps scores softly', () => {
    // Scores 1000 and 2000 both become the cap: equal weights.
    const one = {
      queries: Float32Array.of(1000),
      keys: Float32Array.of(1, 2),
      values: Float32Array.of(2, 4),
      heads: 1,
      kvHeads: 1,
      headDim: 1,
      position: 1,
      scale: 1,
    };
    expect(attention({ ...one, softcap: 2 })[0]).toBeCloseTo(3, 6);
    expect(attention(one)[0]).toBe(4);
  });
});
