// Checks of merging: what slots become of which others become a part, and how many tokens they stand for then.
import { type KvFormat } from '../../../kv/formats/format.ts';
import { type KvLayer, type KvTick } from '../../../kv/policy.ts';
import { mostSlots } from '../../../kv/tick/layer.ts';
import { joinRuns, mergeClosest, mergeInto, mergeNearest } from '../../../kv/tick/merge.ts';
import { type Merged, type Slots, joinedRuns, mergedClosest, mergedInto, mergedNearest, neighbours } from '../../../reference/kv/kv-merge.ts';
import { rank as ranked } from '../../../reference/kv/kv-rank.ts';
import { type Case, type Check, type Outcome } from '../check.ts';
import { kvs } from '../heads.ts';
import { unpackPages } from '../pages.ts';
import { type Given, type Played, type Scene, bits, floats, nameOf, partsOf, planes, play, sceneOf, scenes, scoresOf, written } from './scene.ts';

/** The plane that says for how many tokens a slot stands, in place of one that merging does not read. */
const biased = planes.map((plane, i) => (i === 0 ? 'bias' : plane));

/** The slots of each head up to the scene's end. */
function slotsOf(scene: Scene): Slots[] {
  const { given: { kvHeads, headDim, set }, planes: numbers } = scene;
  const row = (all: Float32Array, head: number, i: number) => [...all.subarray((i * kvHeads + head) * headDim, (i * kvHeads + head + 1) * headDim)];
  return partsOf(scene).map((count, head): Slots => {
    const indices = Array.from({ length: count }, (_, i) => i);
    const own = indices.map((i) => (i < set[head] ? 1 + Math.floor(4 * scene.next()) : 1));
    own.forEach((tokens, i) => i < set[head] && (numbers[head][i][0] = bits(Math.log(tokens))));
    return { keys: indices.map((i) => row(scene.keys, head, i)), values: indices.map((i) => row(scene.values, head, i)), tokens: own };
  });
}

/** Keys, values and the ln of tokens of merged slots, as the GPU has them and as they are to be. */
async function outcomeOf({ kv, layer, words }: Played, scene: Scene, biases: GPUBuffer, merged: Merged[]): Promise<Outcome> {
  const { headDim } = scene.given;
  const shape = { kvHeads: 1, headDim, kv: scene.kv };
  const unpacked = async (buffer: GPUBuffer) => {
    const { buffer: bytes } = await words(buffer);
    const slots = (bytes.byteLength / (4 * scene.kv.words(headDim))) * 32;
    return { keys: unpackPages(shape, 'keys', bytes, slots), values: unpackPages(shape, 'values', bytes, slots) };
  };
  const of = { set: await unpacked(layer.sets[0].pages), fresh: await unpacked(layer.fresh.pages) };
  const counted = floats(await words(biases));
  const outcome = { found: [1], expected: [1] };
  merged.forEach((rows, head) => rows.forEach(({ key, value, tokens }, index) => {
    const place = scene.at(head, index);
    const row = (all: Float32Array) => all.subarray(place.slot * headDim, (place.slot + 1) * headDim);
    outcome.found.push(...row(of[place.of].keys), ...row(of[place.of].values), counted[head * mostSlots(kv) + index]);
    outcome.expected.push(...key, ...value, Math.log(tokens));
  }));
  return outcome;
}

interface Act {
  name: string;
  encode(kv: KvTick, layer: KvLayer, marks: GPUBuffer, end: number): void;
  expected(slots: Slots, stays: readonly boolean[]): Merged;
}

const acts: Act[] = [
  {
    name: 'by cosine, from their mean on',
    encode: (kv, layer, marks, end) => mergeNearest(kv, layer, marks, { end, by: 'cosine', least: 0, byMean: true }),
    expected: (slots, stays) => mergedNearest(slots, { stays, by: 'cosine', least: 0, byMean: true }),
  },
  {
    name: 'by count, from 0.1 on',
    encode: (kv, layer, marks, end) => mergeNearest(kv, layer, marks, { end, by: 'count', least: 0.1 }),
    expected: (slots, stays) => mergedNearest(slots, { stays, by: 'count', least: 0.1 }),
  },
  {
    name: 'into the closest',
    encode: mergeClosest,
    expected: mergedClosest,
  },
  {
    name: 'into the first',
    encode: (kv, layer, marks, end) => mergeInto(kv, layer, marks, end, 0),
    expected: (slots, stays) => mergedInto(slots, stays, 0),
  },
];

const scenesWithSlots = scenes.filter((given) => given.end > given.base);
const withBiases = (kv: KvTick): KvTick => ({ ...kv, plan: { ...kv.plan, planes: biased } });

function mergeCase(given: Given, { name, encode, expected }: Act, format: KvFormat): Case {
  const scene = sceneOf(`merge ${name}`, given, format);
  return {
    name: `${nameOf(given)}, ${name}`,
    run: (bench): Promise<Outcome> => {
      const slots = slotsOf(scene);
      const stays = slots.map(({ keys }) => keys.map((_, i) => i === 0 || scene.next() < 0.4));
      return play(bench, scene, (tick, layer) => {
        const kv = withBiases(tick);
        // Marks are words: as floats they have the bits of 1 and 0.
        const marks = written(bench, kv, 'marks', stays.map((row) => row.map((stay) => (stay ? floats(Uint32Array.of(1))[0] : 0))));
        encode(kv, layer, marks, given.end);
        const biases = kv.scratch('biases', 4 * given.kvHeads * mostSlots(kv));
        return (played) => outcomeOf({ ...played, kv }, scene, biases, slots.map((own, head) => expected(own, stays[head])));
      });
    },
  };
}

/** Runs of neighbours, of which so many slots of each head become a part of another. */
function joinCase(given: Given, format: KvFormat): Case {
  const scene = sceneOf('join', given, format);
  return {
    name: `${nameOf(given)}, a third joined`,
    run: (bench): Promise<Outcome> => {
      const slots = slotsOf(scene);
      const scores = scoresOf(scene);
      const merged = Math.floor(Math.min(...partsOf(scene)) / 3);
      return play(bench, scene, (tick, layer) => {
        const kv = withBiases(tick);
        const paid = written(bench, kv, 'scores', scores);
        const pivots = joinRuns(kv, layer, { end: given.end, first: 2, merged, scores: paid });
        const biases = kv.scratch('biases', 4 * given.kvHeads * mostSlots(kv));
        const expected = slots.map((own, head) => {
          const marked = ranked(neighbours(own, 2), merged);
          return joinedRuns(own, own.keys.map((_, i) => marked.includes(i)), scores[head]);
        });
        return async (played) => {
          const outcome = await outcomeOf({ ...played, kv }, scene, biases, expected);
          const found = await played.words(pivots);
          const whole = expected.flatMap((rows, head) => slots[head].keys.map((_, i) => [found[head * mostSlots(kv) + i], Number(rows.has(i))]));
          return {
            found: [...Array.from(outcome.found), ...whole.map(([each]) => each)],
            expected: [...Array.from(outcome.expected), ...whole.map(([, each]) => each)],
          };
        };
      });
    },
  };
}

export const mergeChecks = (): Check[] =>
  kvs.filter(({ name }) => ['f16', 'f32'].includes(name)).flatMap((format): Check[] => {
    const choice = { kv: format.name };
    const tolerance = format.name === 'f32' ? 2e-5 : 5e-3; // of numbers about 1, which a GPU may round toward zero in f16
    return [
      { name: `kv-merge, ${format.name}`, tolerance, choice, cases: scenesWithSlots.map((given, i) => mergeCase(given, acts[i % acts.length], format)) },
      { name: `kv-join, ${format.name}`, tolerance, choice, cases: scenesWithSlots.map((given) => joinCase(given, format)) },
    ];
  });
