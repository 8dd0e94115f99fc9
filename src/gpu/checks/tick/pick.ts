// Checks of what is known of a set's slots, and of what a row then chooses to read of them: bounds, votes and clusters.
import { coarseSlots, mostClusters, openedAt, pagesKnown, picksOf, pickedWords, summaryWords } from '../../../kv/pick.ts';
import { type KvFormat } from '../../../kv/formats/format.ts';
import { type KvLayer, type KvTick, type PickPlan, type SetPlan } from '../../../kv/policy.ts';
import { cluster } from '../../../kv/tick/cluster.ts';
import { noteBounds } from '../../../kv/tick/read.ts';
import { type SequenceBuffers } from '../../../model/operation.ts';
import { bounded, chunksRead, clustered, clustersRead, votes } from '../../../reference/kv/kv-pick.ts';
import { rank as ranked } from '../../../reference/kv/kv-rank.ts';
import { type Case, type Check, type Outcome } from '../check.ts';
import { type Binding } from '../../program.ts';
import { f32 } from '../heads.ts';
import { type Given, type Scene, nameOf, play, sceneOf } from './scene.ts';

const rounds = 3;
const first = 4;

interface Asked {
  pick: PickPlan;
  /** Runs, or slots of clusters, that each head is to read. */
  wanted: number;
  /** Of levels: coarse runs that are looked into. */
  opened?: number;
}

/** (kv head, slot behind the first) the keys of a set, and (kv head, head of its group) the last query. */
export function numbersOf({ given: { heads, kvHeads, headDim, set }, keys, last }: Scene) {
  const row = (all: Float32Array, i: number) => [...all.subarray(i * headDim, (i + 1) * headDim)];
  const rows = last.length / headDim;
  return {
    keys: set.map((count, head) => Array.from({ length: Math.max(0, count - first) }, (_, i) => row(keys, (first + i) * kvHeads + head))),
    queries: set.map((_, head) => Array.from({ length: heads / kvHeads }, (_, h) => row(last, rows - heads + head * (heads / kvHeads) + h))),
  };
}

/** Of each kv head the runs that are read. */
function expectedRuns(scene: Scene, { pick: { by, run, each }, wanted, opened = 0 }: Asked): number[][] {
  const { keys, queries } = numbersOf(scene);
  if (by === 'levels')
    return keys.map((own, head) => chunksRead(own, queries[head], [each, coarseSlots], (wanted * run) / each, opened).flatMap((chunk) => {
      const runs = Array.from({ length: each / run }, (_, i) => (chunk * each) / run + i);
      return runs.filter((at) => at * run < own.length);
    }));
  if (by === 'bounds') return keys.map((own, head) => ranked(bounded(own, queries[head], run, each), wanted));
  if (by === 'votes') {
    const chosen = ranked(votes(keys, queries, scene.scale), wanted);
    return keys.map(() => chosen);
  }
  return keys.map((own, head) => {
    if (!own.length) return [];
    const clusters = clustered(own, Math.min(mostClusters, Math.max(1, Math.floor(own.length / each))), rounds);
    const read = clustersRead(clusters, queries[head], scene.scale, wanted);
    return own.flatMap((_, slot) => (read.includes(clusters.labels[slot]) ? [slot] : []));
  });
}

function pickCase(given: Given, asked: Asked, format: KvFormat): Case {
  const { pick, wanted, opened = 0 } = asked;
  const scene = sceneOf(`pick ${pick.by}`, given, format);
  const { kvHeads, headDim, heads, set } = given;
  const plan = (room: readonly number[]): SetPlan & { pick: PickPlan } => ({ format, mostSlots: [...room], pick });
  return {
    name: `${nameOf(given)}, ${wanted} of ${pick.by}`,
    run: (bench): Promise<Outcome> =>
      play(bench, scene, (tick, layer) => {
        const { queue } = bench.gpu.device;
        const [own] = layer.sets;
        const planned = plan(Array.from(own.room));
        const pages = own.pages.size / (4 * format.words(headDim));
        const summaries = tick.scratch('summaries', 4 * pagesKnown(planned, pages) * summaryWords(pick, format, headDim));
        const planes = tick.scratch('clusters', 4 * 32 * pages);
        const picked = tick.scratch('picked', 4 * pickedWords(planned, heads, headDim));
        queue.writeBuffer(picked, 0, Uint32Array.from(set.flatMap((count) => [wanted, Math.max(first, count), 0, 0])));
        if (pick.by === 'levels') openedAt(kvHeads, picked.size).forEach((at) => queue.writeBuffer(picked, at, Uint32Array.of(opened)));
        const filled: KvLayer = { ...layer, sets: [{ ...own, summaries, planes }] };
        const kv: KvTick = { ...tick, layers: [filled], plan: { ...tick.plan, planes: ['cluster'], layers: [[planned]] } };
        if (pick.by === 'bounds' || pick.by === 'levels') noteBounds(kv, 0, 0);
        if (pick.by === 'clusters') cluster(kv, filled, rounds);
        dispatchPicks(bench, scene, kv, { planned, picked });
        return async ({ words }) => {
          const found = await words(picked);
          const each = Math.floor((found.length - 4 * kvHeads) / kvHeads);
          const outcome = { found: [] as number[], expected: [] as number[] };
          expectedRuns(scene, asked).forEach((runs, head) => {
            const [, , seen, listed] = found.subarray(4 * head, 4 * head + 4);
            const slots = runs.reduce((sum, run) => sum + Math.min(pick.run, set[head] - first - run * pick.run), 0);
            outcome.found.push(seen, listed, ...found.subarray(4 * kvHeads + head * each, 4 * kvHeads + head * each + listed));
            outcome.expected.push(Math.min(first, set[head]) + slots, runs.length, ...runs);
          });
          return outcome;
        };
      }),
  };
}

/** The dispatches of a layer's choice for a row whose query is the scene's last one, or of its scores alone; gives where those are. */
export function dispatchPicks(
  bench: Parameters<Case['run']>[0],
  { given: { heads, kvHeads, headDim, set, length }, last, scale }: Scene,
  kv: KvTick,
  { planned, picked, onlyScores }: { planned: SetPlan & { pick: PickPlan }; picked: GPUBuffer; onlyScores?: boolean },
): GPUBuffer {
  const { queue } = bench.gpu.device;
  const [{ lists, sets: [own], books, turn, fresh: { format } }] = kv.layers;
  const vec4s = Math.ceil(headDim / 4);
  const padded = new Float32Array(heads * 4 * vec4s);
  const row = last.subarray(last.length - heads * headDim);
  for (let head = 0; head < heads; head++) padded.set(row.subarray(head * headDim, (head + 1) * headDim), head * 4 * vec4s);
  const query = kv.scratch('query', padded.byteLength);
  queue.writeBuffer(query, 0, padded);
  const state = kv.scratch('state', 32); // the row is the first
  const scratch = kv.scratch('keys', 4 * heads * Math.max(1, ...planned.mostSlots));
  const of = {
    state: { buffer: state },
    sets: () => ({
      pages: [{ buffer: own.pages }], lists: { buffer: lists }, read: [0], picked: { buffer: picked }, summaries: { buffer: own.summaries! },
      planes: { buffer: own.planes! }, ...(books && { books: { buffer: books } }),
    }),
  } as unknown as SequenceBuffers;
  const at = { section: 'check', config: { heads, kvHeads, headDim }, scale, query: { buffer: query }, scratch: { buffer: scratch }, angles: kv.angles };
  const step = { rows: 1, length, of };
  const all = picksOf(planned, format, 0, at, { since: () => length - 1, slots: () => Math.max(...set), turn });
  for (const { label, kernel, params, bindings, grid } of onlyScores ? all.slice(0, -1) : all) {
    const bind = (given: unknown) => (typeof given === 'function' ? (given as (of: SequenceBuffers) => Binding)(of) : (given as Binding));
    const bound = Object.entries(bindings).map(([name, given]): [string, Binding] => [name, bind(given)]);
    kv.dispatch({ label, kernel, params: params as Record<string, number>, bindings: Object.fromEntries(bound), grid: grid(step) });
  }
  return scratch;
}

/** Heads that have fewer slots than are always read, a part of a run, more than a workgroup takes at a time. */
const givens: Given[] = [
  { heads: 3, kvHeads: 1, headDim: 64, set: [90], length: 98, base: 90, since: 90, end: 98, queries: 32 },
  { heads: 4, kvHeads: 2, headDim: 128, set: [300, 300], length: 308, base: 300, since: 300, end: 308 },
  { heads: 8, kvHeads: 8, headDim: 6, set: [37, 37, 37, 37, 37, 37, 37, 37], length: 45, base: 37, since: 37, end: 45 },
];

const picks: Asked[] = [
  { pick: { by: 'bounds', run: 16, each: 8, first }, wanted: 2 },
  { pick: { by: 'bounds', run: 8, each: 8, first }, wanted: 3 },
  { pick: { by: 'levels', run: 8, each: 16, sizes: [16], first }, wanted: 4, opened: 2 },
  { pick: { by: 'votes', run: 1, each: 1, first, alike: 0.9 }, wanted: 20 },
  { pick: { by: 'clusters', run: 1, each: 8, first }, wanted: 24 },
];

export const pickChecks = (): Check[] =>
  picks.map((asked, i): Check => ({
    name: `kv-pick ${asked.pick.by}, runs of ${asked.pick.run}, f32`, tolerance: 0, choice: { kv: f32.name },
    // A kernel by shares takes processors tens of seconds to compile.
    cases: givens.filter((_, n) => ['bounds', 'levels'].includes(asked.pick.by) ? i !== 1 || n !== 0 : n === 1).map((given) => pickCase(given, asked, f32)),
  }));
