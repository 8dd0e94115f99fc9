import { describe, expect, it } from 'vitest';
import { type RopeSpec } from './graph.ts';
import { angleEntries, angleTable, ropeFrequencies } from './rope.ts';

const spec: RopeSpec = { dims: 16, layout: 'pairs', base: 10000, scale: 1, magnitude: 1 };
const yarn = { originalContext: 2048, betaFast: 32, betaSlow: 1, extFactor: 1 };
const close = (found: Float64Array, expected: number[]) => {
  expect(found.length).toBe(expected.length);
  expected.forEach((value, i) => expect(Math.abs(found[i] / value - 1)).toBeLessThan(1e-12));
};

describe('ropeFrequencies', () => {
  it('falls from 1 by the same ratio, each divided by its factor, all by linear scaling', () => {
    close(ropeFrequencies({ ...spec, dims: 8 }), [1, 0.1, 0.01, 0.001]);
    close(ropeFrequencies({ ...spec, dims: 8, scale: 0.25 }, Float32Array.of(1, 1, 4, 8)), [0.25, 0.025, 0.000625, 0.00003125]);
  });

  it('keeps fast pairs, stretches slow ones and blends between, as YaRN does', () => {
    // Pairs to 2 are kept, from 6 on divided by 4, pair 4 is half way: 0.01 * (1 / 4 + 1) / 2. Others by a Python computation.
    close(ropeFrequencies({ ...spec, scale: 1 / 4, yarn }), [
      1, 0.31622776601683794, 0.1, 0.02569350598886808, 0.00625, 0.001383496476323666, 0.00025, 7.905694150420948e-5,
    ]);
    close(
      ropeFrequencies({ ...spec, base: 150000, scale: 1 / 32, yarn: { ...yarn, originalContext: 4096 } }),
      [
        1, 0.22541800020287084, 0.050813274815461475, 0.0077554660575303615, 0.0009144544011878624, 1.818833668168956e-5, 4.09997848180298e-6,
        9.242089502428302e-7,
      ],
    );
  });
});

describe('angleTable', () => {
  it('gives cosine and sine of every position by the addition theorem', () => {
    const rope = { ...spec, magnitude: 1.2 };
    const positions = 70000;
    const table = angleTable(rope, positions);
    const frequencies = ropeFrequencies(rope);
    expect(table.length).toBe(2 * angleEntries(rope, positions));
    let off = 0;
    for (const position of [0, 1, 255, 256, 257, 511, 4097, 65535, 65536, 69999]) {
      frequencies.forEach((frequency, pair) => {
        const low = 2 * ((position & 255) * 8 + pair);
        const high = 2 * ((256 + (position >> 8)) * 8 + pair);
        const cos = table[low] * table[high] - table[low + 1] * table[high + 1];
        const sin = table[low + 1] * table[high] + table[low] * table[high + 1];
        off = Math.max(off, Math.abs(cos - 1.2 * Math.cos(position * frequency)), Math.abs(sin - 1.2 * Math.sin(position * frequency)));
      });
    }
    expect(off).toBeLessThan(2.5e-7); // four roundings to f32 of numbers up to 1.2
  });
});
