// Checks of what queries pay to slots.
import { type KvFormat } from '../../../kv/formats/format.ts';
import { type Into, observe } from '../../../kv/tick/observe.ts';
import { type Observed, type Rhythm, active, mean, normalised, probabilities, summed } from '../../../reference/kv/kv-observe.ts';
import { overdue, rank as ranked } from '../../../reference/kv/kv-rank.ts';
import { type Case, type Check, type Outcome } from '../check.ts';
import { kvs } from '../heads.ts';
import { type Given, type Scene, bits, byIndex, floats, nameOf, planesOf, play, sceneOf, scenes } from './scene.ts';

function observedOf(scene: Scene, queries: number): Observed {
  const { given: { heads, kvHeads, headDim, set, length, base, since, softcap }, slots, scale } = scene;
  const first = queries ? Math.max(0, length - queries) : since;
  return {
    queries: scene.last.subarray((first - scene.firstKept) * heads * headDim), first, heads, kvHeads, headDim, scale, softcap,
    slots: slots.map((count, head) =>
      Array.from({ length: count }, (_, index) => ({
        position: index < set[head] ? -1 : base + index - set[head],
        key: scene.keys.subarray((index * kvHeads + head) * headDim, (index * kvHeads + head + 1) * headDim),
      }))),
  };
}

const isNew = ({ given: { set, base, since } }: Scene, head: number, index: number): boolean => index >= set[head] && base + index - set[head] >= since;

/** The middle of the widest gap between shares that are neither large nor small, so that no rounding decides what is active. */
function clearAlpha(p: number[][][]): number {
  const all = p.flat(2).filter((share) => share > 0.005 && share < 0.3).sort((a, b) => a - b);
  const gap = all.map((share, i) => (i ? share - all[i - 1] : 0));
  const widest = gap.indexOf(Math.max(...gap));
  return widest > 0 ? (all[widest] + all[widest - 1]) / 2 : 0.01;
}

/** The order that scores give, as what is kept of any number. */
const orderOf = (rows: number[][]): number[] => rows.flatMap((row) => Array.from({ length: row.length + 1 }, (_, keep) => ranked(row, keep)).flat());

function observeCase(given: Given, into: Into, queries: number, kv: KvFormat): Case {
  const scene = sceneOf(`observe ${into}`, given, kv);
  return {
    name: `${nameOf(given)}, ${queries || 'all new'} queries`,
    run: async (bench): Promise<Outcome> => {
      const of = observedOf(scene, queries);
      const p = probabilities(of);
      const alpha = clearAlpha(p);
      // What the planes say of older slots: positions that were, and sums.
      const rhythms = scene.planes.map((row, head) => row.map((words, index): Rhythm | undefined => {
        const last = Math.floor(scene.next() * Math.max(1, given.since));
        words.splice(0, 3, last, last >> 1, bits(last / 100));
        return isNew(scene, head, index) ? undefined : { last, longest: last >> 1 };
      }));
      return play(bench, scene, (tick, layer) => {
        const scores = observe(tick, layer, { into, queries, alpha });
        return async ({ words }) => {
          const found = byIndex(tick, await words(scores), scene.slots);
          if (into === 'active') {
            const expected = active(of, alpha, rhythms, p);
            const planed = await planesOf(scene, layer, words);
            return {
              found: [...planed.flat().flatMap(([last, longest]) => [last, longest]), ...orderOf(found)],
              expected: [
                ...expected.flat().flatMap(({ last, longest }) => [last, longest]),
                ...orderOf(expected.map((row) => row.map((each) => overdue(each, given.length)))),
              ],
            };
          }
          const paid = { mean, normalised, sum: summed }[into](of, p);
          const before = (head: number, index: number) => (into === 'sum' ? (rhythms[head][index]?.last ?? 0) / 100 : 0);
          const expected = paid.flatMap((row, head) => row.map((share, index) => share + before(head, index)));
          const numbers = found.map((row) => [...floats(Uint32Array.from(row))]).flat();
          if (into !== 'sum') return { found: numbers, expected };
          const planed = (await planesOf(scene, layer, words)).flat().map(([, , acc]) => floats(Uint32Array.of(acc))[0]);
          return { found: [...numbers, ...planed], expected: [...expected, ...expected] };
        };
      });
    },
  };
}

export const observeChecks = (): Check[] =>
  (['mean', 'sum', 'normalised', 'active'] as const).flatMap((into, i) =>
    kvs.filter((_, k) => into === 'mean' || k === i % kvs.length).map((kv): Check => ({
      name: `kv-observe ${into}, ${kv.name}`, tolerance: into === 'active' ? 0 : 1e-5, choice: { kv: kv.name },
      cases: scenes.flatMap((given, n) => [0, 16].filter((_, k) => into === 'sum' || k === n % 2).map((queries) => observeCase(given, into, queries, kv))),
    })));
