// Pages that are at home in worker memory, of one sequence: what a token chose is brought to frames of the GPU before the next one reads it, under a cap of
// bytes; full new pages leave for home after each tick; a prompt, which reads everything, finds one layer after the other whole.
// A choice comes a token late (`PickPlan.lag`), so that there is no wait within a token: LeoAM (arXiv 2506.20187) hides it by looking ahead.
import { type Ledger } from '../../gpu/ledger.ts';
import { type Binding } from '../../gpu/program.ts';
import { pageSlots } from '../formats/format.ts';
import { type KeptAway } from '../../protocol.ts';
import { type CacheHeads } from '../../model/graph.ts';
import { pickedSet } from '../pick.ts';
import { type KvPlan, type PickPlan } from '../policy.ts';
import { cachesOf } from '../segment.ts';
import { type SequenceHome } from '../sequence.ts';
import { type Sets, seenOf } from '../sets.ts';
import { type Shape } from '../shape.ts';
import { type AwayBytes } from './away-bytes.ts';
import { type PageHome, createPageHome } from './page-home.ts';
import { type Paging } from './paging.ts';

/** Brings bytes to the GPU, as src/weights/stream/uploader.ts does. */
export interface Uploads {
  write(buffer: GPUBuffer, offset: number, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  writeParts(buffer: GPUBuffer, parts: readonly { offset: number; bytes: Uint8Array<ArrayBuffer> }[]): Promise<void>;
}

export interface Away {
  readonly counters: Readonly<KeptAway>;
  /** Where a layer is read by several rows. */
  readonly whole: { pages: Binding; lists: Binding };
  readonly byteLength: number;
  /** To be awaited before a step: what was chosen for it is there then, as far as the cap and the frames allow. */
  ready(): Promise<void>;
  /** To be awaited before several rows read a layer. */
  bringWhole(layer: number): Promise<void>;
  /** At the end of a step's last submit, and right after it. */
  note(encoder: GPUCommandEncoder): void;
  submitted(): void;
  /** Before a tick: forgets what was chosen, as that chooses anew, and has the pages there of runs that are to have more slots. */
  begin(): Promise<void>;
  /** After a tick: full pages leave for home, and what was chosen in it is noted. */
  ticked(): Promise<void>;
  /** Has positions up to `length`, a whole number of pages. */
  cut(length: number): void;
  /** Takes what is at home of another, once what that has on the GPU was copied. */
  copyFrom(other: Away): void;
  readonly home: PageHome;
  /** Whether something was chosen for the next token. */
  readonly hasChosen: boolean;
  free(): void;
}

interface AwayLayer {
  layer: number;
  heads: CacheHeads;
  pick: PickPlan;
  sets: Sets;
  paging: Paging;
  pageBytes: number;
  /** Where its choice begins among those of all layers, in words, and how many those are. */
  at: number;
  words: number;
}

/** What the sequence has by now; `sets` of a layer without such pages have no `paging`. */
interface Given {
  home: SequenceHome & { shape: Shape };
  bytes: AwayBytes;
  sets: () => readonly (Sets | undefined)[];
}

export function createAway({ home: own, bytes, sets }: Given): Away {
  const { device, ledger, shape: { plan, format }, context } = own;
  const caches = cachesOf(own.config);
  const buffers = makeBuffers(ledger, bytes);
  const isAway = (layer: number) => pickedSet(plan.layers[layer])?.frames !== undefined;
  const rowBytes = caches.map(({ kvHeads, headDim }, layer) => (isAway(layer) ? 4 * kvHeads * format.words(headDim) : 0));
  const home = createPageHome(rowBytes, caches.map(({ kvHeads }) => kvHeads), Math.floor(context / pageSlots));
  const layers = () => layersOf(sets(), { plan, caches, rowBytes, bytes });
  const counters: KeptAway = { tokens: 0, fetchedBytes: 0, mostFetchedBytes: 0, chosen: 0, missed: 0, homeBytes: 0 };
  let reading: Promise<Uint32Array | undefined> | undefined;
  let isNoted = false;
  let hasChosen = false;
  const at = { device, buffers, home, counters, plan };

  /** What was chosen, once: also where it cannot be read, which is told once. */
  function taken(): typeof reading {
    const words = reading;
    reading = undefined;
    return words;
  }

  function noteNow(): void {
    const encoder = device.createCommandEncoder({ label: 'kv.away.choices' });
    away.note(encoder);
    device.queue.submit([encoder.finish()]);
    away.submitted();
  }

  const away: Away = {
    counters, home,
    get hasChosen() {
      return hasChosen;
    },
    whole: { pages: { buffer: buffers.whole }, lists: { buffer: buffers.lists } },
    byteLength: Object.values(buffers).reduce((sum, { size }) => sum + size, 0),
    async ready() {
      const words = await taken();
      if (words) await bring(at, own.uploads!(), layers(), words);
    },
    async bringWhole(layer) {
      const found = layers().find((each) => each.layer === layer);
      if (found) await bringWhole(at, own.uploads!(), found);
    },
    note(encoder) {
      for (const { sets: { chosen }, at: first, words } of layers())
        encoder.copyBufferToBuffer(chosen!.buffer, 0, buffers.choices, 4 * first, 4 * words);
      isNoted = hasChosen = true;
    },
    submitted() {
      if (!isNoted) return;
      isNoted = false;
      reading = readWords(buffers.choices);
      reading.catch(() => {}); // told by `ready`
    },
    async begin() {
      await taken();
      for (const layer of layers()) await bringBegun(at, own.uploads!(), layer);
    },
    async ticked() {
      await leave(at, layers());
      noteNow();
    },
    cut(length) {
      const rows = length / pageSlots;
      home.cut(rows);
      layers().forEach(({ paging }) => paging.cut(rows));
      const before = reading;
      if (before) reading = before.then(() => undefined, () => undefined); // it is of what is gone
      hasChosen = false;
      counters.homeBytes = home.byteLength;
    },
    copyFrom(other) {
      home.copyFrom(other.home);
      counters.homeBytes = home.byteLength;
      if (other.hasChosen) noteNow();
    },
    free: () => Object.values(buffers).forEach((buffer) => ledger.destroy(buffer)),
  };
  return away;
}

function makeBuffers(ledger: Ledger, bytes: AwayBytes): At['buffers'] {
  const make = (name: string, size: number, usage: number) => ledger.create('kv', `kv.away.${name}`, size, usage | GPUBufferUsage.COPY_DST);
  return {
    whole: make('whole', bytes.whole, GPUBufferUsage.STORAGE), lists: make('lists', bytes.wholeLists, GPUBufferUsage.STORAGE),
    choices: make('choices', bytes.choicesInAll, GPUBufferUsage.MAP_READ), leaving: make('leaving', bytes.leaving, GPUBufferUsage.MAP_READ),
  };
}

/** Those whose pages are at home elsewhere. */
function layersOf(
  sets: readonly (Sets | undefined)[],
  { plan, caches, rowBytes, bytes }: { plan: KvPlan; caches: readonly CacheHeads[]; rowBytes: readonly number[]; bytes: AwayBytes },
): AwayLayer[] {
  return sets.flatMap((each, layer): AwayLayer[] => {
    if (!each?.paging) return [];
    const heads = caches[layer];
    const { pick } = pickedSet(plan.layers[layer])!;
    const place = { at: bytes.choices[layer] / 4, words: each.chosen!.buffer.size / 4 };
    return [{ layer, heads, pick, sets: each, paging: each.paging, pageBytes: rowBytes[layer] / heads.kvHeads, ...place }];
  });
}

async function readWords(staging: GPUBuffer): Promise<Uint32Array> {
  await staging.mapAsync(GPUMapMode.READ);
  const words = new Uint32Array(staging.getMappedRange().slice(0));
  staging.unmap();
  return words;
}

interface At {
  device: GPUDevice;
  buffers: Record<'whole' | 'lists' | 'choices' | 'leaving', GPUBuffer>;
  home: PageHome;
  counters: KeptAway;
  plan: KvPlan;
}

/** What layers chose, in the order of layers, each of which may bring its share of the cap and what those before it left. */
async function bring({ device, home, counters, plan }: At, uploads: Uploads, layers: readonly AwayLayer[], words: Uint32Array): Promise<void> {
  const most = plan.fetchBytes ?? Infinity;
  let brought = 0;
  for (const [i, layer] of layers.entries()) {
    const allowed = Number.isFinite(most) ? Math.floor((most * (i + 1)) / layers.length) - brought : Infinity;
    const own = words.subarray(layer.at, layer.at + layer.words);
    const parts = framesFor(layer, home, own, allowed);
    await uploads.writeParts(layer.sets.all[0].pages, parts);
    brought += parts.length * layer.pageBytes;
    layer.paging.writeLists();
    counters.chosen += runsThere(layer, own, counters);
    device.queue.writeBuffer(layer.sets.picked!.buffer, 0, own as Uint32Array<ArrayBuffer>);
  }
  counters.tokens++;
  counters.fetchedBytes += brought;
  counters.mostFetchedBytes = Math.max(counters.mostFetchedBytes, brought);
}

/** Of each kv head the runs that `words` list. */
function listed({ heads: { kvHeads } }: AwayLayer, words: Uint32Array, head: number): Uint32Array {
  const each = Math.floor((words.length - 4 * kvHeads) / kvHeads);
  const first = 4 * kvHeads + head * each;
  return words.subarray(first, first + words[4 * head + 3]);
}

/** Slots of a run: from, to. */
const slotsOfRun = ({ pick: { run, first } }: AwayLayer, at: number, tail: number): [number, number] =>
  [first + at * run, Math.min(first + (at + 1) * run, tail)];

function* pagesOfRun(layer: AwayLayer, run: number, tail: number, head: number): Generator<number> {
  const [from, to] = slotsOfRun(layer, run, tail);
  for (let row = Math.floor(from / pageSlots); row * pageSlots < to; row++) yield row * layer.heads.kvHeads + head;
}

/** Has frames for the pages of what was chosen; gives what is to be put there, of `allowed` bytes at most. */
function framesFor(layer: AwayLayer, home: PageHome, words: Uint32Array, allowed: number): { offset: number; bytes: Uint8Array<ArrayBuffer> }[] {
  const { heads: { kvHeads }, paging, pageBytes } = layer;
  const used = new Set<number>();
  const missing = new Set<number>();
  for (let head = 0; head < kvHeads; head++) {
    for (const run of listed(layer, words, head)) {
      for (const page of pagesOfRun(layer, run, words[4 * head + 1], head)) (paging.frames.use(page) === undefined ? missing : used).add(page);
    }
  }
  const parts: { offset: number; bytes: Uint8Array<ArrayBuffer> }[] = [];
  for (const page of missing) {
    if ((parts.length + 1) * pageBytes > allowed) break;
    const frame = paging.bring(page, (other) => used.has(other));
    if (frame === undefined) break;
    used.add(page);
    parts.push({ offset: frame * pageBytes, bytes: home.page(layer.layer, Math.floor(page / kvHeads), page % kvHeads) });
  }
  return parts;
}

/** Brings the row in which a run begins that goes on behind those at home, where it is not there: behind a cut. */
async function bringBegun({ home }: At, uploads: Uploads, { layer, heads: { kvHeads }, sets, paging, pageBytes }: AwayLayer): Promise<void> {
  const row = paging.begun;
  if (row >= paging.home) return;
  const missing = Array.from({ length: kvHeads }, (_, head) => head).filter((head) => !paging.frames.has(row * kvHeads + head));
  const parts = missing.map((head) => ({ offset: paging.bring(row * kvHeads + head, () => false)! * pageBytes, bytes: home.page(layer, row, head) }));
  await uploads.writeParts(sets.all[0].pages, parts);
  paging.writeLists();
}

/** Leaves in `words` the runs whose pages are there, and what is seen with them. Gives how many were chosen; those that are not there are counted. */
function runsThere(layer: AwayLayer, words: Uint32Array, counters: KeptAway): number {
  const { heads: { kvHeads }, paging, pick: { first }, sets: { all: [{ counts }] } } = layer;
  let chosen = 0;
  for (let head = 0; head < kvHeads; head++) {
    const runs = listed(layer, words, head);
    const tail = words[4 * head + 1];
    let there = 0;
    let seen = seenOf(first, counts[head], tail);
    for (const run of runs) {
      if (![...pagesOfRun(layer, run, tail, head)].every((page) => paging.frames.has(page))) continue;
      const [from, to] = slotsOfRun(layer, run, tail);
      runs[there++] = run;
      seen += to - from;
    }
    chosen += runs.length;
    counters.missed += runs.length - there;
    words[4 * head + 2] = seen;
    words[4 * head + 3] = there;
  }
  return chosen;
}

/** Copies the full rows of all layers that are not at home yet there, as many at a time as there is room for on their way. */
async function leave({ device, buffers: { leaving }, home, counters }: At, layers: readonly AwayLayer[]): Promise<void> {
  const due = layers.flatMap((layer) => {
    const rows = Math.floor(Math.min(...layer.sets.all[0].counts) / pageSlots);
    return Array.from({ length: rows - layer.paging.home }, (_, i) => ({ layer, row: layer.paging.home + i, bytes: layer.pageBytes * layer.heads.kvHeads }));
  });
  while (due.length) {
    let used = 0;
    let count = 0;
    while (count < due.length && used + due[count].bytes <= leaving.size) used += due[count++].bytes;
    const some = due.splice(0, count);
    const encoder = device.createCommandEncoder({ label: 'kv.away.leave' });
    let to = 0;
    for (const { layer: { sets: { all: [set] }, paging, pageBytes, heads: { kvHeads } }, row } of some) {
      for (let head = 0; head < kvHeads; head++, to += pageBytes)
        encoder.copyBufferToBuffer(set.pages, paging.frames.use(row * kvHeads + head)! * pageBytes, leaving, to, pageBytes);
    }
    device.queue.submit([encoder.finish()]);
    await leaving.mapAsync(GPUMapMode.READ, 0, used);
    try {
      const bytes = new Uint8Array(leaving.getMappedRange(0, used));
      let from = 0;
      for (const { layer, bytes: size } of some) {
        home.append(layer.layer, bytes.subarray(from, (from += size)));
        layer.paging.home++;
      }
    } finally {
      leaving.unmap(); // also where there is no memory, or no later tick could have it
    }
  }
  counters.homeBytes = home.byteLength;
}

/** All pages of a layer in their order, from home, and what has not left for there yet from its frames. */
async function bringWhole({ device, buffers: { whole, lists }, home }: At, uploads: Uploads, layer: AwayLayer): Promise<void> {
  const { heads: { kvHeads }, sets: { all: [{ counts, pages }] }, paging, pageBytes } = layer;
  const rows = Math.ceil(Math.max(...counts) / pageSlots);
  const ids = Array.from({ length: kvHeads }, (_, head) => Array.from({ length: rows }, (_, row) => row * kvHeads + head));
  device.queue.writeBuffer(lists, 0, Uint32Array.from([...counts].flatMap((count, head) => [2 * kvHeads + head * rows, count]).concat(ids.flat())));
  let at = 0;
  for (const part of home.parts(layer.layer)) {
    if (part.byteLength) await uploads.write(whole, at, part);
    at += part.byteLength;
  }
  if (rows === paging.home) return;
  const encoder = device.createCommandEncoder({ label: 'kv.away.whole' });
  for (let page = paging.home * kvHeads; page < rows * kvHeads; page++)
    encoder.copyBufferToBuffer(pages, paging.frames.use(page)! * pageBytes, whole, page * pageBytes, pageBytes);
  device.queue.submit([encoder.finish()]);
}
