// A layer between two steps as checks of ticks have it: made-up slots of a set and of a ring, planes and queries, and a tick that runs on them.
import { type KvFormat, type PageFormat } from '../../../kv/formats/format.ts';
import { type KvLayer, type KvTick, type Plane, type TickWork } from '../../../kv/policy.ts';
import { mostSlots } from '../../../kv/tick/layer.ts';
import { type Dispatch } from '../../program.ts';
import { decodeChoice } from '../choice.ts';
import { type Heads, nameOfHeads } from '../heads.ts';
import { type Held, packPages, stored } from '../pages.ts';
import { type Random, normals, random } from '../random.ts';
import { type Stage, type Workbench, withStage } from '../workbench.ts';

export interface Given extends Heads {
  /** Slots of every kv head of the set, all older than the queries. */
  set: number[];
  /** Positions that were run, that of the first fresh slot, and how many there were at the tick before. */
  length: number;
  base: number;
  since: number;
  /** Fresh slots from here on stay. */
  end: number;
  queries?: number;
  softcap?: number;
}

export const planes: Plane[] = ['last', 'mri', 'acc', 'position'];
export const nameOf = (given: Given): string => `${nameOfHeads(given)}, ${given.set.join('/')} slots, ${given.length - given.base} fresh`;

/** A layer between two steps, here; numbers of slots by their index. */
export interface Scene {
  given: Given;
  next: Random;
  kv: KvFormat;
  /** (index, kv head, headDim), of a head with its own slots. */
  keys: Float32Array;
  values: Float32Array;
  /** (kv head, index) */
  slots: number[];
  /** (kv head, index, plane) */
  planes: number[][][];
  /** Where the slot of an index lies: of the set a page and a slot of it as page * 32 + slot, of the fresh ones the same in the ring. */
  at(head: number, index: number): { of: 'set' | 'fresh'; slot: number };
  /** Of each kv head its pages of the set. */
  pages: number[][];
  rings: number;
  /** Position of the first query that is kept. */
  firstKept: number;
  /** (queries that are kept, heads, headDim) */
  last: Float32Array;
  scale: number;
  /** Of a second set, which has as many pages and no slots yet. */
  codes?: PageFormat;
}

const room = 64; // slots that a head has pages for beside those that it has

export function sceneOf(name: string, given: Given, kv: KvFormat, codes?: PageFormat): Scene {
  const { heads, kvHeads, headDim, set, length, base, queries = 64 } = given;
  const next = random(`${name} ${nameOf(given)} ${kv.name}`);
  const fresh = length - base;
  const slots = set.map((count) => count + fresh);
  const numbers = () => stored({ kv, headDim }, normals(next, Math.max(...slots) * kvHeads * headDim));
  const firstKept = Math.max(0, length - queries);
  const rings = Math.ceil(fresh / 32) + 1;
  // Heads take turns, so that no head's pages lie one after the other.
  const pages: number[][] = set.map(() => []);
  let taken = 0;
  for (let n = 0; n * 32 < Math.max(...set) + fresh + room; n++) set.forEach((count, head) => n * 32 < count + fresh + room && pages[head].unshift(taken++));
  return {
    given, next, kv, codes, keys: numbers(), values: numbers(), slots, pages, rings, firstKept,
    planes: slots.map((count) => Array.from({ length: count }, () => planes.map(() => Math.floor(next() * 2 ** 32)))),
    at: (head, index) =>
      index < set[head]
        ? { of: 'set', slot: pages[head][index >> 5] * 32 + (index & 31) }
        : { of: 'fresh', slot: ((Math.floor((base + index - set[head]) / 32) % rings) * kvHeads + head) * 32 + ((base + index - set[head]) % 32) },
    last: normals(next, (length - firstKept) * heads * headDim), scale: 2 * headDim ** -0.5,
  };
}

/** The bytes of a segment's pages, and of their planes. */
function segmentOf(scene: Scene, of: 'set' | 'fresh', pages: number): { bytes: Uint8Array<ArrayBuffer>; planes: Uint32Array<ArrayBuffer> } {
  const { given: { kvHeads, headDim }, kv, slots } = scene;
  const shape = { kvHeads: 1, headDim, kv };
  const held: Held = { keys: new Float32Array(pages * 32 * headDim), values: new Float32Array(pages * 32 * headDim), slots: [pages * 32] };
  const words = Uint32Array.from({ length: pages * planes.length * 32 }, (_, i) => 7 * i);
  slots.forEach((count, head) => {
    for (let index = 0; index < count; index++) {
      const place = scene.at(head, index);
      if (place.of !== of) continue;
      for (const what of ['keys', 'values'] as const)
        held[what].set(scene[what].subarray((index * kvHeads + head) * headDim, (index * kvHeads + head + 1) * headDim), place.slot * headDim);
      planes.forEach((_, plane) => (words[((place.slot >> 5) * planes.length + plane) * 32 + (place.slot & 31)] = scene.planes[head][index][plane]));
    }
  });
  return { bytes: packPages(shape, held, pages * pageBytes(kv, headDim)), planes: words };
}

const pageBytes = (kv: KvFormat, headDim: number): number => 4 * kv.words(headDim);

/** Of each set and head (first page of its list, slots), then the lists, with room for what a head of a set of codes has before its list. */
function listsOf({ given: { set, headDim }, pages, codes }: Scene): { lists: Uint32Array<ArrayBuffer>; firsts: number[] } {
  const words = codes ? (codes.headWords?.(headDim) ?? 0) : 0;
  let next = 2 * set.length * (codes ? 2 : 1);
  const place = (before: number) => pages.map(({ length }) => (next += before + length) - length);
  const first = place(0);
  const second = codes ? place(words) : [];
  const lists = new Uint32Array(next);
  lists.set([...first.flatMap((at, head) => [at, set[head]]), ...second.flatMap((at) => [at, 0])]);
  [first, second].forEach((each) => each.forEach((at, head) => lists.set(pages[head], at)));
  return { lists, firsts: second };
}

export interface Played {
  kv: KvTick;
  layer: KvLayer;
  /** u32 of a buffer after all that was dispatched. */
  words(buffer: GPUBuffer): Promise<Uint32Array>;
}

/** Has work dispatched on a scene, and what it leaves read. */
export const play = <T>(bench: Workbench, scene: Scene, act: (kv: KvTick, layer: KvLayer) => (played: Played) => Promise<T>): Promise<T> => {
  const { given: { heads, kvHeads, headDim, length } } = scene;
  return withStage(bench, { config: { heads, kvHeads, headDim }, choice: decodeChoice({}), tokens: 1, position: length - 1 }, async (stage) => {
    const layer = layerOf(bench, stage, scene);
    const { kv, works } = tickOf(stage, scene, layer);
    const read = act(kv, layer);
    await stage.run(works.map(dispatchOf));
    return read({ kv, layer, words: async (buffer) => new Uint32Array(await stage.readBytes(buffer, buffer.size)) });
  });
};

const usage = () => GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;

function layerOf({ gpu: { device } }: Workbench, { ledger }: Stage, scene: Scene): KvLayer {
  const { given: { heads, kvHeads, headDim, set, softcap, queries = 64 }, kv, pages, rings, codes } = scene;
  const make = (name: string, data: Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer>) => {
    const buffer = ledger.create('kv', name, Math.max(16, data.byteLength), usage());
    device.queue.writeBuffer(buffer, 0, data);
    return buffer;
  };
  const vec4s = Math.ceil(headDim / 4);
  const ringed = new Float32Array(queries * heads * vec4s * 4);
  scene.last.forEach((value, i) => {
    const row = (scene.firstKept + Math.floor(i / (heads * headDim))) % queries;
    ringed[(row * heads + (Math.floor(i / headDim) % heads)) * vec4s * 4 + (i % headDim)] = value;
  });
  const own = segmentOf(scene, 'set', pages.flat().length);
  const fresh = segmentOf(scene, 'fresh', rings * kvHeads);
  const numbers = {
    counts: new Uint32Array(set.length), room: Uint32Array.from(pages.map((each) => 32 * each.length)), tails: new Uint32Array(set.length),
  };
  return {
    layer: 0, heads: { kvHeads, headDim }, queryHeads: heads, scale: scene.scale, softcap, turn: { FirstAngle: 0, RopeDims: 0, Halves: 0 },
    queries: make('queries', ringed), lists: make('lists', listsOf(scene).lists),
    sets: [
      { ...numbers, index: 0, format: kv, pages: make('set', own.bytes), planes: make('set.planes', own.planes), counts: Uint32Array.from(set) },
      ...(codes ? [{ ...numbers, index: 1, format: codes, pages: make('codes', new Uint32Array(pages.flat().length * codes.words(headDim))) }] : []),
    ],
    fresh: { format: kv, pages: make('fresh', fresh.bytes), planes: make('fresh.planes', fresh.planes) },
  };
}

/** A tick that keeps what is dispatched. */
function tickOf({ ledger }: Stage, { given: { length, base, since, queries = 64 } }: Scene, layer: KvLayer): { kv: KvTick; works: TickWork[] } {
  const works: TickWork[] = [];
  const scratch = new Map<string, GPUBuffer>();
  const never = () => {
    throw new Error('No check of a kernel asks for this.');
  };
  const kv: KvTick = {
    phase: 'decode', length, base, since, queried: 0, promptLength: length, options: {}, layers: [layer],
    plan: { peak: 'bounded', window: 0, interval: 16, planes, queries, layers: [[{ format: layer.fresh.format, mostSlots: [...layer.sets[0].room] }]] },
    dispatch: (work) => void works.push(work),
    scratch(name, bytes) {
      const buffer = scratch.get(name) ?? ledger.create('test', name, Math.max(16, bytes), usage());
      scratch.set(name, buffer);
      return buffer;
    },
    makeRoom: never, setCounts: () => undefined, setPicks: never, setSize: never, setLow: never,
    advance: never, whole: never, read: never, write: never, copy: never, rest: never,
  };
  return { kv, works };
}

const dispatchOf = ({ label, kernel, params, bindings, grid }: TickWork): Dispatch => ({
  label, kernel, params, grid: () => grid,
  bindings: Object.fromEntries(Object.entries(bindings).map(([name, given]) => [name, 'buffer' in given ? given : { buffer: given }])),
});

/** Where the lists of the second set's heads begin. */
export const codeLists = (scene: Scene): number[] => listsOf(scene).firsts;

export const floats = (words: Uint32Array): Float32Array => new Float32Array(words.slice().buffer);
export const bits = (value: number): number => new Uint32Array(Float32Array.of(value).buffer)[0];

/** Of all kv heads what a buffer of indices has of each slot. */
export const byIndex = (kv: KvTick, all: ArrayLike<number>, counts: number[]): number[][] =>
  counts.map((count, head) => Array.from({ length: count }, (_, index) => all[head * mostSlots(kv) + index]));

/** (kv head, index, plane) as the GPU has them. */
export async function planesOf(scene: Scene, layer: KvLayer, words: Played['words']): Promise<number[][][]> {
  const of = { set: await words(layer.sets[0].planes!), fresh: await words(layer.fresh.planes!) };
  return scene.slots.map((count, head) => Array.from({ length: count }, (_, index) => {
    const place = scene.at(head, index);
    return planes.map((_, plane) => of[place.of][((place.slot >> 5) * planes.length + plane) * 32 + (place.slot & 31)]);
  }));
}

/** Scores with many ties, some of them negative. */
export const scoresOf = ({ slots, next }: Scene): number[][] => slots.map((count) => Array.from({ length: count }, () => Math.round(12 * next()) / 4 - 1));

/** In the buffer of a tick, as f32. */
export function written({ gpu: { device } }: Workbench, kv: KvTick, name: string, rows: number[][]): GPUBuffer {
  const most = mostSlots(kv);
  const buffer = kv.scratch(name, 4 * rows.length * most);
  rows.forEach((row, head) => row.length && device.queue.writeBuffer(buffer, 4 * head * most, Float32Array.from(row)));
  return buffer;
}

/** Of a scene's slots those that take part. */
export const partsOf = ({ given: { set, base, end } }: Scene): number[] => set.map((count) => count + end - base);

/** No slot, fewer than a page, more than a workgroup takes at a time; a head and many; rings that go round. */
export const scenes: Given[] = [
  { heads: 1, kvHeads: 1, headDim: 8, set: [0], length: 1, base: 0, since: 0, end: 0 },
  { heads: 3, kvHeads: 1, headDim: 64, set: [31], length: 70, base: 40, since: 60, end: 54, queries: 32 },
  { heads: 4, kvHeads: 2, headDim: 128, set: [300, 7], length: 500, base: 420, since: 468, end: 468 },
  { heads: 8, kvHeads: 8, headDim: 6, set: [0, 1, 33, 2, 40, 0, 5, 64], length: 130, base: 66, since: 66, end: 130 },
  { heads: 9, kvHeads: 3, headDim: 64, set: [0, 0, 0], length: 300, base: 0, since: 236, end: 268, softcap: 5 },
];

/** For each of these, how many slots of each head are to be kept. */
export const keeps: number[][][] = [[[0]], [[45], [400], [1]], [[100, 30], [320, 3]], [[3, 0, 97, 64, 1, 20, 10, 30]], [[64, 64, 64], [0, 0, 0]]];
