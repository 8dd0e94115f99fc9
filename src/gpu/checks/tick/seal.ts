// Checks of sealing what is listed: codes are the nearest ones of what a set and the ring have, with the pairs and factors that the reference makes.
import { type AffineFormat, affineFormats, factoredFormats } from '../../../kv/formats/affine.ts';
import { type KvFormat } from '../../../kv/formats/format.ts';
import { list, rank } from '../../../kv/tick/rank.ts';
import { sealListed } from '../../../kv/tick/seal.ts';
import { openPage, sealPage } from '../../../reference/kv/affine.ts';
import { rank as ranked } from '../../../reference/kv/kv-rank.ts';
import { type Case, type Check, type Outcome } from '../check.ts';
import { kvs } from '../heads.ts';
import { type Given, type Scene, codeLists, floats, nameOf, partsOf, play, sceneOf, scenes, scoresOf, written } from './scene.ts';

/** Queries that factors of keys are made with. */
const observed = 16;

/** (channel): what the reference divides a head's numbers by. */
function factorsOf({ given: { heads, kvHeads, headDim }, last, keys, values }: Scene, { factored }: AffineFormat, head: number, indices: number[]): number[] {
  const group = heads / kvHeads;
  const rows = last.length / (heads * headDim);
  return Array.from({ length: headDim }, (_, c) => {
    const largest = (all: Float32Array) => Math.max(...indices.map((index) => Math.abs(all[(index * kvHeads + head) * headDim + c])));
    if (factored === 'values') return Math.max(1e-6, Math.sqrt(largest(values)));
    const asked = Array.from({ length: Math.min(observed, rows) * group }, (_, i) =>
      Math.abs(last[((rows - 1 - Math.floor(i / group)) * heads + head * group + (i % group)) * headDim + c]));
    return Math.sqrt(Math.max(1e-6, largest(keys)) / Math.max(1e-6, ...asked));
  });
}

/** `count` slots of every head, the best of the set and the fresh ones. */
function sealCase(given: Given, count: number, kv: KvFormat, format: AffineFormat): Case {
  const scene = sceneOf(`seal ${format.name}`, given, kv, format);
  const { kvHeads, headDim } = given;
  return {
    name: `${nameOf(given)}, ${count} sealed`,
    run: (bench): Promise<Outcome> => {
      const parts = partsOf(scene);
      const scores = scoresOf(scene);
      const kept = scores.map((row, head) => ranked(row.slice(0, parts[head]), count));
      return play(bench, scene, (tick, layer) => {
        const marks = rank(tick, layer, { scores: { buffer: written(bench, tick, 'scores', scores), type: 'f32' }, end: given.end, keep: count });
        sealListed(tick, layer, 1, format, { kept: list(tick, layer, marks, given.end), count }, observed);
        return async ({ words }) => {
          const [pages, lists] = [await words(layer.sets[1].pages), await words(layer.lists)];
          const outcome = { found: [] as number[], expected: [] as number[], scale: [] as number[] };
          const compare = (found: ArrayLike<number>, expected: ArrayLike<number>, scale: (i: number) => number) => Array.from(found, (x, i) => {
            outcome.found.push(x);
            outcome.expected.push(expected[i]);
            outcome.scale.push(scale(i));
          });
          kept.forEach((indices, head) => {
            const factors = format.factored ? floats(lists.subarray(codeLists(scene)[head] - 4 * Math.ceil(headDim / 4), codeLists(scene)[head])) : [];
            const made = format.factored ? factorsOf(scene, format, head, indices) : [];
            if (format.factored) compare(factors.slice(0, headDim), made, (c) => 1e-5 * made[c]);
            for (let page = 0; page * 32 < count; page++) {
              const own = pages.subarray(scene.pages[head][page] * format.words(headDim), (scene.pages[head][page] + 1) * format.words(headDim));
              const opened = openPage(format, headDim, own, factors);
              const slots = indices.slice(page * 32, page * 32 + 32);
              const numbers = (all: Float32Array) =>
                slots.flatMap((index) => [...all.subarray((index * kvHeads + head) * headDim, (index * kvHeads + head + 1) * headDim)]);
              const [keys, values] = [numbers(scene.keys), numbers(scene.values)];
              compare(opened.keys.subarray(0, keys.length), keys, (i) => opened.keySteps[i]);
              compare(opened.values.subarray(0, values.length), values, (i) => opened.valueSteps[i]);
              if (slots.length < 32) continue;
              const wanted = openPage(format, headDim, sealPage(format, headDim, keys, values, made), made);
              compare(opened.keySteps, wanted.keySteps, (i) => 4e-3 * wanted.keySteps[i]);
              compare(opened.valueSteps, wanted.valueSteps, (i) => 4e-3 * wanted.valueSteps[i]);
            }
          });
          return outcome;
        };
      });
    },
  };
}

const formats = [affineFormats.get('q4t')!, factoredFormats.get('q2t-keys')!, factoredFormats.get('q4c-values')!];

export const sealChecks = (): Check[] =>
  formats.flatMap((format, i) => kvs.filter(({ name }) => name === ['f16', 'f32'][i % 2]).map((kv): Check => ({
    name: `kv-seal ${format.name}, ${kv.name}`, tolerance: 0.51, choice: { kv: kv.name },
    cases: [[scenes[1], 32], [scenes[2], 64], [scenes[3], format.keysBy === 'token' ? 45 : 32]].map(([given, count]) =>
      sealCase(given as Given, count as number, kv, format)),
  })));
