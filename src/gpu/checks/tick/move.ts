// Checks of moving what is kept.
import { type KvFormat } from '../../../kv/formats/format.ts';
import { keepListed } from '../../../kv/tick/move.ts';
import { list, rank } from '../../../kv/tick/rank.ts';
import { rank as ranked } from '../../../reference/kv/kv-rank.ts';
import { type Case, type Check, type Outcome } from '../check.ts';
import { kvs } from '../heads.ts';
import { unpackPages } from '../pages.ts';
import { type Given, keeps, nameOf, partsOf, planes, play, sceneOf, scenes, scoresOf, written } from './scene.ts';

/** Keys, values and planes of a set that is what was listed. */
function moveCase(given: Given, keep: number[], kv: KvFormat): Case {
  const scene = sceneOf('move', given, kv);
  return {
    name: `${nameOf(given)}, ${keep.join('/')} kept`,
    run: (bench): Promise<Outcome> => {
      const { kvHeads, headDim, base, end, set } = given;
      const parts = partsOf(scene);
      const scores = scoresOf(scene);
      const kept = scores.map((row, head) => ranked(row.slice(0, parts[head]), keep[head]));
      return play(bench, scene, (tick, layer) => {
        const marks = rank(tick, layer, { scores: { buffer: written(bench, tick, 'scores', scores), type: 'f32' }, end, keep });
        keepListed(tick, layer, list(tick, layer, marks, end));
        return async ({ words }) => {
          const pages = scene.pages.flat().length;
          const bytes = (await words(layer.sets[0].pages)).buffer as ArrayBuffer;
          const planed = await words(layer.sets[0].planes!);
          const found: number[] = [];
          const expected: number[] = [];
          const row = (all: Float32Array, i: number) => [...all.subarray(i * headDim, (i + 1) * headDim)];
          for (const what of ['keys', 'values'] as const) {
            const all = unpackPages({ kvHeads: 1, headDim, kv }, what, bytes, pages * 32);
            kept.forEach((indices, head) => indices.forEach((index, n) => {
              found.push(...row(all, scene.pages[head][n >> 5] * 32 + (n & 31)));
              expected.push(...row(scene[what], index * kvHeads + head));
            }));
          }
          kept.forEach((indices, head) => indices.forEach((index, n) => planes.forEach((plane, i) => {
            found.push(planed[(scene.pages[head][n >> 5] * planes.length + i) * 32 + (n & 31)]);
            expected.push(plane === 'position' && index >= set[head] ? base + index - set[head] : scene.planes[head][index][i]);
          })));
          return { found: [1, ...found], expected: [1, ...expected] };
        };
      });
    },
  };
}

export const moveChecks = (): Check[] =>
  kvs.map((kv): Check => (
    { name: `kv-move, ${kv.name}`, tolerance: 0, choice: { kv: kv.name }, cases: scenes.map((scene, i) => moveCase(scene, keeps[i][0], kv)) }
  ));
