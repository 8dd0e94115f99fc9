// The order in which items give way, against looking at all of them each time; and how much is looked at.
import { describe, expect, it } from 'vitest';
import { mulberry32 } from '../../../../random.ts';
import { simulate } from '../simulate.ts';
import { betterOf } from './better-of.ts';
import { hotSet } from './hot-set.ts';
import { leastRecent } from './least-recent.ts';
import { createOrder, orderOf } from './order.ts';
import { simplePolicies, usualPolicy } from './policies.ts';
import { type Policy } from './residence.ts';

const count = 24;

describe('the order in which items give way', () => {
  const both = [leastRecent, hotSet(16, 64)];
  const policies = [...simplePolicies(4, 80), ...both, betterOf(both), betterOf([...both].reverse()), usualPolicy(1)];
  it.each(policies)('is that of looking at all of them: $name', (policy) => {
    const residence = policy.create(count);
    const order = orderOf(residence);
    const held = new Map<number, number>();
    const random = mulberry32(3);
    const draw = () => Math.floor(60 * random() ** 2);
    for (let time = 0; time < 600; time++) {
      const ids = new Set([draw(), draw(), draw()]);
      for (const id of ids) residence.use(id, time);
      for (const id of ids) {
        if (held.has(id)) continue;
        if (held.size === count) {
          const open = [...held].filter(([each]) => !ids.has(each));
          const least = open.reduce((a, b) => {
            const [first, second] = [residence.worth(a[0]), residence.worth(b[0])];
            return second < first || (second === first && b[1] < a[1]) ? b : a;
          });
          expect(order.take(ids), `at ${time}`).toBe(least[0]);
          held.delete(least[0]);
        }
        order.add(id, (7 * id) % 61);
        held.set(id, (7 * id) % 61);
      }
      if (time % 5 === 4) {
        const [gone] = held.keys();
        held.delete(gone);
        order.delete(gone);
      }
      expect(order.size).toBe(held.size);
    }
  });

  it('is empty where all are to be kept, and keeps them', () => {
    const order = createOrder({ worth: (id) => id });
    for (const id of [3, 1, 2]) order.add(id, 0);
    expect(order.take(new Set([1, 2, 3]))).toBeUndefined();
    expect([order.take(new Set([1])), order.take(), order.take(), order.take()]).toEqual([2, 1, 3, undefined]);
  });
});

it('looks at few items for each use, however many slots there are', () => {
  const random = mulberry32(5);
  const draw = (step: number) => 250 * (step % 12) + Math.floor(250 * random() ** 1.5);
  const trace = Array.from({ length: 900 }, (_, step) => [...new Set(Array.from({ length: 8 }, () => draw(step)))]);
  const uses = trace.flat().length;
  let looked = 0;
  const counted = ({ name, create }: Policy): Policy => ({
    name,
    create(slots) {
      const residence = create(slots);
      return { ...residence, worth: (id) => (looked++, residence.worth(id)) };
    },
  });
  for (const slots of [300, 1500]) {
    looked = 0;
    const hits = simulate(trace, slots, betterOf([leastRecent, hotSet(32 * 12, 256 * 12)].map(counted)));
    expect(uses - hits.there).toBeGreaterThan(slots); // some had to go
    expect(looked / uses).toBeLessThan(20);
  }
});
