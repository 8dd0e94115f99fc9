// Of what was used: what counts, and that it is played once.
import { expect, it, vi } from 'vitest';
import { type OpenedModel } from '../../load/opened.ts';
import { simulate } from '../../../weights/stream/items/simulate.ts';
import { neuronPolicy, usualPolicy } from '../../../weights/stream/items/residence/policies.ts';
import { forecastExperts, ratesByUse } from './experts-forecast.ts';

const hitRateOf = (...given: Parameters<typeof ratesByUse>) => ratesByUse(...given).hitRate;
/** Of two sections, one item each. */
const uses = (items: readonly number[]) => items.flatMap((item) => [[1, item], [2, item]]);
const round = (times: number) => Array.from({ length: times }, () => [0, 1, 2, 3]).flat();

it('is how often items were there once the slots are full: what is used for the first time then is no miss', () => {
  const slow = uses([0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 3, 3, ...round(4)]); // full behind 13 of 30 uses, so not in the first quarter
  expect(hitRateOf(slow, { sections: [1, 2], slots: 8 })).toBe(1);
  expect(hitRateOf(slow, { sections: [1], slots: 4 })).toBe(1);
  expect(hitRateOf(slow, { sections: [1, 2], slots: 2 })).toBeLessThan(0.5);
});

it('tells what is missed in the end where the slots are never full', () => {
  expect(hitRateOf(uses(round(4)), { sections: [1, 2], slots: 100 })).toBe(1);
  expect(hitRateOf(uses([0, 1, 2, 3, 4, 5, 6, 7]), { sections: [1, 2], slots: 100 })).toBe(0);
});

it('tells how often a layer has all that it uses, which is less often than it has each', () => {
  const pairs = Array.from({ length: 60 }, (_, i) => [1, 0, 1 + (i % 4)]); // item 0 is always there, of the four others two are kept
  const { hitRate, complete } = ratesByUse(pairs, { sections: [1], slots: 3 });
  expect(complete).toBeCloseTo(2 * hitRate - 1, 12);
  expect(complete).toBeLessThan(hitRate);
  expect(ratesByUse(pairs, { sections: [1], slots: 5 })).toEqual({ hitRate: 1, complete: 1 });
});

it('is played once for the same uses, sections and slots', () => {
  const all = uses(round(4));
  const played = vi.spyOn(all, 'filter');
  for (let time = 0; time < 3; time++) ratesByUse(all, { sections: [1, 2], slots: 3 });
  expect(played).toHaveBeenCalledTimes(1);
  ratesByUse(all, { sections: [1], slots: 3 });
  ratesByUse(all, { sections: [1, 2], slots: 4 });
  expect(played).toHaveBeenCalledTimes(3);
});

/** Of a layer whose neurons 0 to 9 come and go: those that were on twice of late come again, those that were on once do not. */
const comingAndGoing = Array.from({ length: 200 }, (_, token) => [token % 10, (token + 1) % 10, 10 + ((token * 7) % 40)]);

it('plays neurons by the policy that the engine has for neurons, and experts by that for experts', () => {
  const uses = comingAndGoing.map((items) => [1, ...items]);
  const slots = 6;
  const of = (columns?: unknown) => {
    const pool = { items: Array.from({ length: 50 }, () => []), ...(columns ? { columns } : {}) };
    const opened = { sections: [{}, {}], layout: { sections: [{}, { pool }] } } as unknown as Pick<OpenedModel, 'sections' | 'layout'>;
    return forecastExperts(opened, { groups: [{ sections: [1], slots, slotBytes: 1 }] }, uses)!;
  };
  const counted = (policy: typeof usualPolicy) => {
    // The slots are full in the third step, so that what counts begins behind a quarter.
    const { used, there } = simulate(comingAndGoing, slots, policy(1), 50);
    return there / used;
  };
  expect(counted(neuronPolicy)).not.toBe(counted(usualPolicy));
  expect(of({}).hitRate).toBeCloseTo(counted(neuronPolicy), 12);
  expect(of().hitRate).toBeCloseTo(counted(usualPolicy), 12);
  expect([of({}).of, of().of]).toEqual(['neurons', 'experts']);
});

it('expects of each layer what its own pool is used for, where some are of neurons and some of experts', () => {
  const pool = (items: number, columns?: object) => ({ pool: { items: Array.from({ length: items }, () => []), ...(columns && { columns }) } });
  const opened = {
    sections: [{ pool: { used: 2 } }, { pool: { used: 200 } }], layout: { sections: [pool(8), pool(2048, {})] },
  } as unknown as Pick<OpenedModel, 'sections' | 'layout'>;
  const groups = [{ sections: [0], slots: 4, slotBytes: 1000 }, { sections: [1], slots: 500, slotBytes: 10 }];
  expect(forecastExperts(opened, { groups })).toMatchObject({ used: 202, usedBytes: 2 * 1000 + 200 * 10 });
});
