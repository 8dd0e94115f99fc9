// Checks of the codes of keys and of the scores that tokens choose by: keys turned back by their positions, also where those make them longer.
import { bookWords, centroids } from '../../../kv/codes.ts';
import { summaryWords } from '../../../kv/pick.ts';
import { type KvTick, type PickPlan, type SetPlan } from '../../../kv/policy.ts';
import { noteCodes } from '../../../kv/tick/codes.ts';
import { type Turning, codesOf, decoded, turned } from '../../../reference/kv/kv-codes.ts';
import { type Row, dot } from '../../../reference/vectors.ts';
import { type Case, type Check, type Outcome } from '../check.ts';
import { f32 } from '../heads.ts';
import { normals } from '../random.ts';
import { dispatchPicks, numbersOf } from './pick.ts';
import { type Given, type Scene, floats, nameOf, play, sceneOf } from './scene.ts';

const first = 4;
const parts = 8;
const pick: PickPlan = { by: 'codes', run: 1, each: 1, first, parts };
const lowPositions = 256; // of shaders/kv/policies/levels/turn.wgsl

/** More slots than the low table of angles has, and a group of heads. */
const given: Given = { heads: 4, kvHeads: 2, headDim: 32, set: [300, 300], length: 308, base: 300, since: 300, end: 308 };

export const turningOf = (dims: number, halves: boolean): Turning =>
  ({ dims, halves, magnitude: 1.25, angle: (position, pair) => position * 100 ** ((-2 * pair) / dims) });

/** cos, sin of the low positions, longer by the magnitude, and of their multiples. */
export function anglesOf({ dims, magnitude, angle }: Turning): Float32Array<ArrayBuffer> {
  const row = (position: number, longer: number) =>
    Array.from({ length: dims / 2 }, (_, pair) => [longer * Math.cos(angle(position, pair)), longer * Math.sin(angle(position, pair))]).flat();
  const low = Array.from({ length: lowPositions }, (_, position) => row(position, magnitude));
  return Float32Array.from([...low, row(0, 1), row(lowPositions, 1)].flat());
}

/** Made-up centroids of each kv head, and metrics by which all directions count the same. */
function booksOf({ next, given: { kvHeads, headDim } }: Scene) {
  const width = headDim / parts;
  const words = bookWords(pick, f32, headDim);
  const all = new Float32Array(kvHeads * words);
  const rows: Row[][] = Array.from({ length: kvHeads }, (_, head) => {
    const own = normals(next, centroids * headDim);
    all.set(own, head * words);
    for (let i = 0; i < parts * width; i++) all[head * words + centroids * headDim + Math.floor(i / width) * width * width + (i % width) * (width + 1)] = 1;
    return Array.from({ length: centroids }, (_, c) => [...own.subarray(c * headDim, (c + 1) * headDim)]);
  });
  return { all, rows };
}

/** (head, slot behind the first) */
function expectedScores(scene: Scene, books: readonly (readonly Row[])[], turning: Turning): number[] {
  const { keys, queries } = numbersOf(scene);
  return queries.flatMap((group, head) => {
    const stood = keys[head].map((key, i) => {
      const codes = codesOf(turned(key, first + i, turning, -1), books[head], parts);
      return turned(decoded(codes, books[head], key.length), first + i, turning, 1);
    });
    return group.flatMap((query) => stood.map((key) => scene.scale * dot(query, key)));
  });
}

function codesCase(dims: number, halves: boolean): Case {
  const scene = sceneOf(`codes ${dims}`, given, f32);
  const { headDim, heads, set } = given;
  const turning = turningOf(dims, halves);
  return {
    name: `${nameOf(given)}, ${dims} numbers turned ${halves ? 'by halves' : 'by pairs'}, longer by ${turning.magnitude}`,
    run: (bench): Promise<Outcome> =>
      play(bench, scene, (tick, layer) => {
        const { queue } = bench.gpu.device;
        const [own] = layer.sets;
        const planned: SetPlan & { pick: PickPlan } = { format: f32, mostSlots: [...own.room], pick };
        const { all, rows } = booksOf(scene);
        const table = anglesOf(turning);
        const [books, angles] = [tick.scratch('books', all.byteLength), tick.scratch('angles', table.byteLength)];
        queue.writeBuffer(books, 0, all);
        queue.writeBuffer(angles, 0, table);
        const summaries = tick.scratch('summaries', (own.pages.size / f32.words(headDim)) * summaryWords(pick, f32, headDim));
        const turn = { FirstAngle: 0, RopeDims: dims, Halves: halves ? 1 : 0 };
        const filled = { ...layer, turn, books, sets: [{ ...own, summaries }] };
        const kv: KvTick = { ...tick, layers: [filled], angles: { buffer: angles }, plan: { ...tick.plan, layers: [[planned]] } };
        noteCodes(kv, filled, 0);
        const scores = dispatchPicks(bench, scene, kv, { planned, picked: tick.scratch('picked', 4096), onlyScores: true });
        return async ({ words }) => {
          const found = floats(await words(scores));
          const room = Math.max(...planned.mostSlots);
          const each = set[0] - first;
          return {
            found: Array.from({ length: heads }, (_, head) => [...found.subarray(head * room, head * room + each)]).flat(),
            expected: expectedScores(scene, rows, turning),
          };
        };
      }),
  };
}

/** Some numbers of a head by halves, and all of them by pairs. */
export const codesChecks = (): Check[] => [
  { name: 'kv-codes and kv-coded, f32', tolerance: 1e-4, choice: { kv: f32.name }, cases: [codesCase(16, true), codesCase(32, false)] },
];
