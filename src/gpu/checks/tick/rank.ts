// Checks of which slots are kept, by their scores.
import { type KvLayer, type KvTick } from '../../../kv/policy.ts';
import { mostSlots } from '../../../kv/tick/layer.ts';
import { type Rank, byRuns, list, rank, smooth } from '../../../kv/tick/rank.ts';
import { byRuns as ofRuns, rank as ranked, rankJointly, smoothed } from '../../../reference/kv/kv-rank.ts';
import { type Case, type Check, type Outcome } from '../check.ts';
import { f32 } from '../heads.ts';
import { type Given, type Scene, byIndex, floats, keeps, nameOf, partsOf, play, sceneOf, scenes, scoresOf, written } from './scene.ts';

function rankCase(given: Given, how: Omit<Rank, 'end' | 'scores' | 'first'> & { first?: number }, also?: number): Case {
  const scene = sceneOf('rank', given, f32);
  const { keep, first = 0, last = 0 } = how;
  return {
    name: [`${nameOf(given)} up to ${given.end}`, `${JSON.stringify(keep)} kept`, `the first ${first} and the last ${last} always`, also && `${also} more`]
      .filter(Boolean).join(', '),
    run: (bench): Promise<Outcome> => {
      const parts = partsOf(scene);
      const scores = scoresOf(scene).map((row, head) => row.slice(0, parts[head]));
      const each = scores.map((row, head) => ranked(row, typeof keep === 'number' ? keep : (keep as number[])[head], first, last));
      const expected = also === undefined ? [each] : [each, rankJointly(scores, also, each).map((row, head) => row.filter((i) => !each[head].includes(i)))];
      return play(bench, scene, (kv, layer) => {
        const given_ = { buffer: written(bench, kv, 'scores', scores), type: 'f32' as const };
        const { end } = given;
        const marks = rank(kv, layer, { ...how, scores: given_, end });
        const lists = [list(kv, layer, marks, end)];
        if (also !== undefined) {
          rank(kv, layer, { scores: given_, end, keep: { jointly: also }, mark: 2, further: true });
          lists.push(list(kv, layer, marks, end, 2));
        }
        return async ({ words }) => {
          const found: number[] = [];
          for (const { kept, counts } of lists) {
            const [places, numbers] = [await words(kept), await words(counts)];
            given.set.forEach((_, head) => found.push(
              numbers[2 * head], numbers[2 * head + 1], ...places.subarray(head * mostSlots(kv), head * mostSlots(kv) + numbers[2 * head + 1]),
            ));
          }
          const numbered = (row: number[], head: number) => [row.filter((i) => i < given.set[head]).length, row.length, ...row];
          return { found, expected: expected.flatMap((rows) => rows.flatMap(numbered)) };
        };
      });
    },
  };
}

/** What is newer is kept, and the first slots. */
function newestCase(given: Given, keep: number, first: number): Case {
  const scene = sceneOf('newest', given, f32);
  return {
    name: `${nameOf(given)}, the first ${first} and the last, ${keep} together`,
    run: (bench): Promise<Outcome> =>
      play(bench, scene, (kv, layer) => {
        const marks = rank(kv, layer, { end: given.end, keep, first });
        return async ({ words }) => ({
          found: byIndex(kv, await words(marks), partsOf(scene)).flat(),
          expected: partsOf(scene).flatMap((count) =>
            Array.from({ length: count }, (_, i) => (i < Math.min(first, keep) || i >= count - Math.max(0, keep - first) ? 1 : 0))),
        });
      }),
  };
}

/** Scores made of those of others. */
function madeCase(
  given: Given,
  what: string,
  act: (kv: KvTick, layer: KvLayer, scores: GPUBuffer) => GPUBuffer,
  expected: (scores: number[][]) => number[][],
  counts: (scene: Scene) => number[],
): Case {
  const scene = sceneOf(what, given, f32);
  return {
    name: `${what}, ${nameOf(given)}`,
    run: (bench): Promise<Outcome> => {
      const scores = scoresOf(scene);
      const parts = counts(scene);
      return play(bench, scene, (kv, layer) => {
        const made = act(kv, layer, written(bench, kv, 'scores', scores));
        return async ({ words }) => ({
          found: byIndex(kv, floats(await words(made)), parts).flat(),
          expected: expected(scores.map((row, head) => row.slice(0, parts[head]))).flat(),
        });
      });
    },
  };
}

const rankCases = (): Case[] => [
  ...scenes.flatMap((scene, i) => keeps[i].map((keep) => rankCase(scene, { keep }))),
  rankCase(scenes[1], { keep: 20, first: 4 }), rankCase(scenes[2], { keep: 5, first: 9 }), rankCase(scenes[2], { keep: 50, first: 3, last: 20 }),
  rankCase(scenes[2], { keep: 12, first: 3, last: 20 }),
  rankCase(scenes[2], { keep: 20 }, 60), rankCase(scenes[3], { keep: 4 }, 200), rankCase(scenes[4], { keep: [10, 0, 3] }, 900),
  newestCase(scenes[2], 40, 4), newestCase(scenes[3], 3, 4), newestCase(scenes[4], 1000, 4),
];

const even = (slots: number[], candidates: number): Given =>
  ({ heads: slots.length, kvHeads: slots.length, headDim: 8, set: slots, length: 1000, base: 995 - candidates, since: 900, end: 995 });

export const rankChecks = (): Check[] => [
  { name: 'kv-rank', tolerance: 0, choice: {}, cases: rankCases() },
  {
    name: 'kv-smooth', tolerance: 1e-6, choice: {},
    cases: [5, 7].flatMap((width) => scenes.map((scene) =>
      madeCase(
        scene, `of ${width}`, (kv, layer, scores) => smooth(kv, layer, scores, width),
        (rows) => rows.map((row) => smoothed(row, width)), ({ slots }) => slots,
      ))),
  },
  {
    name: 'kv-runs', tolerance: 1e-6, choice: {},
    cases: (['largest', 'mean'] as const).flatMap((how) => [1, 8].flatMap((size) => [even([0, 0], 270), even([33, 33, 33], 40)].map((scene) =>
      madeCase(
        scene, `the ${how} of ${size}`, (kv, layer, scores) => byRuns(kv, layer, scores, { end: scene.end, size, how }),
        (rows) => rows.map(() => ofRuns(rows, size, how)), partsOf,
      )))),
  },
];
