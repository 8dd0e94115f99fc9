// Policies of residence on traces: one that was recorded of a trained mixture, and made-up ones, beside what is possible.
import { describe, expect, it } from 'vitest';
import { fixture } from '../../../../../test/models/fixture.ts';
import { record } from '../../../../../test/verified.ts';
import { type Hits, type Trace, belady, simulate, skewedTrace } from '../simulate.ts';
import { simplePolicies, usualPolicy } from './policies.ts';
import { type Policy } from './residence.ts';

/** (105 tokens, 4 layers, 2) of 8 experts, by llama.cpp: a step for each layer of each token. */
function recorded(): number[][] {
  const bytes = fixture('sparse/stories-smallthinker.experts.u8');
  return Array.from({ length: bytes.length / 2 }, (_, step) => [0, 1].map((k) => 8 * (step % 4) + bytes[2 * step + k]));
}

const missed = ({ used, there }: Hits): number => 1 - there / used;
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

/** What the policy that is used misses, the best of the simple ones, and the least that is possible, after a quarter of the trace. */
function compare(trace: Trace, slots: number, perToken: number) {
  const from = Math.floor(trace.length / 4);
  const play = (policy: Policy) => missed(simulate(trace, slots, policy, from));
  const simple = simplePolicies(perToken, from).map((policy) => ({ name: policy.name, missed: play(policy) }));
  const best = simple.reduce((a, b) => (b.missed < a.missed ? b : a));
  return { usual: play(usualPolicy(perToken)), best, least: missed(belady(trace, slots, from)) };
}

describe('residence', () => {
  it.each([8, 13, 16, 22, 28])('misses with %i slots of 32 no more than the best simple policy on the recorded trace, within 10 %%', (slots) => {
    const { usual, best, least } = compare(recorded(), slots, 4);
    expect(usual).toBeLessThan(1.1 * best.missed);
    expect(usual).toBeGreaterThan(least);
    record({
      point: `experts missed of the recorded trace with ${slots} slots of 32`,
      command: 'npx vitest run src/weights/stream/items/residence',
      value: `${percent(usual)}; ${percent(best.missed)} by ${best.name}; Belady ${percent(least)}`,
    });
  });

  it.each([
    { skew: 0, kept: 0.25 },
    { skew: 1, kept: 0.1 },
  ])('misses no more than them, within 10 %%, where a router has skew $skew and keeps $kept of its choice', ({ skew, kept }) => {
    const trace = skewedTrace({ items: 64, used: 4, steps: 600, skew, kept, seed: 3 });
    for (const slots of [8, 16, 32]) {
      const { usual, best, least } = compare(trace, slots, 1);
      expect(usual, `${slots} slots; the best is ${best.name}`).toBeLessThan(1.1 * best.missed);
      expect(usual).toBeGreaterThan(least);
    }
  });

  it('plays a trace through as it is written', () => {
    const trace = [[0, 1], [1, 2], [0], [2, 1]];
    const [leastRecent] = simplePolicies(1, 0);
    expect(simulate(trace, 2, leastRecent)).toEqual({ used: 7, there: 2 }); // 1 at once; then 2 gives way to 0, or 1 does
    expect(simulate(trace, 3, leastRecent)).toEqual({ used: 7, there: 4 });
    expect(belady(trace, 2)).toEqual({ used: 7, there: 3 });
    expect(belady(trace, 3)).toEqual({ used: 7, there: 4 });
    expect(simulate(trace, 1, leastRecent).there).toBeLessThan(3);
  });
});
