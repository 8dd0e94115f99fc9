// What tokens chose, brought from home to frames of the GPU within a cap of bytes; runs that are not there in time are not read.
import { pageSlots } from '../formats/format.ts';
import { seenOf } from '../sets.ts';
import { type At, type AwayLayer, type Brought, type HomePage, type Uploads, broughtBytes, remakeKeys, uploadPages } from './away-layer.ts';

/** What layers chose, if they did, in the order of layers, each of which may bring its share of the cap and what those before it left. */
export async function bring({ device, home, counters, plan }: At, uploads: Uploads, layers: readonly AwayLayer[], words?: Uint32Array): Promise<void> {
  if (!words) return layers.forEach((layer) => remakeKeys(device, layer, []));
  const most = plan.fetchBytes ?? Infinity;
  let brought = 0;
  for (const [i, layer] of layers.entries()) {
    const allowed = Number.isFinite(most) ? Math.floor((most * (i + 1)) / layers.length) - brought : Infinity;
    const own = words.subarray(layer.at, layer.at + layer.words);
    const pages = framesFor(layer, own, allowed);
    await uploadPages(home, uploads, layer, pages, broughtBytes(layer));
    brought += pages.length * broughtBytes(layer);
    layer.paging.writeLists();
    remakeKeys(device, layer, pages);
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

/** Has frames for the pages of what was chosen; gives those that are to be put there, of `allowed` bytes at most. */
function framesFor(layer: AwayLayer, words: Uint32Array, allowed: number): HomePage[] {
  const { heads: { kvHeads }, paging } = layer;
  const used = new Set<number>();
  const missing = new Set<number>();
  for (let head = 0; head < kvHeads; head++) {
    for (const run of listed(layer, words, head)) {
      for (const page of pagesOfRun(layer, run, words[4 * head + 1], head)) (paging.frames.use(page) === undefined ? missing : used).add(page);
    }
  }
  const pages: HomePage[] = [];
  for (const page of missing) {
    if ((pages.length + 1) * broughtBytes(layer) > allowed) break;
    const frame = paging.bring(page, (other) => used.has(other));
    if (frame === undefined) break;
    used.add(page);
    pages.push({ frame, row: Math.floor(page / kvHeads), head: page % kvHeads });
  }
  return pages;
}

/** Leaves in `words` the runs whose pages are there, and what is seen with them. Gives how many were chosen; those that are not there are counted. */
function runsThere(layer: AwayLayer, words: Uint32Array, counters: Brought): number {
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
