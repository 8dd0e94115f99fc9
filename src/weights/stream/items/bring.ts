// How the bytes of items come that have no slot yet: from worker memory, else by reads. Knows no slots and no policies.
import { rangesOf } from '../slices.ts';
import { type ItemCounters, type ItemsOptions } from './items.ts';
import { type Bring } from './slots.ts';

type From = Pick<ItemsOptions, 'layout' | 'memory' | 'gapBytes' | 'read'>;

/** Bytes of items on their way at once, at least two of them. */
export const underWayBytes = 16 * 2 ** 20;

/** Has `put` called with all of `missing`, in parts as they come. Ids of the section begin at `firstId`; `atOnce`: reads. */
export async function bringItems(
  from: From,
  { section, firstId, atOnce }: { section: number; firstId: number; atOnce: number },
  missing: readonly Bring[],
  counters: Pick<ItemCounters, 'broughtBytes' | 'storeBytes' | 'memoryBytes'>,
  put: (items: (Bring & { bytes: Uint8Array<ArrayBuffer> })[]) => Promise<void>,
): Promise<void> {
  const { itemBytes } = from.layout.sections[section].pool!;
  const asked = missing.map((item) => ({ ...item, bytes: from.memory.get(item.id) }));
  const kept = asked.flatMap(({ bytes, ...item }) => (bytes ? [{ ...item, bytes }] : []));
  counters.memoryBytes += kept.length * itemBytes;
  counters.broughtBytes += missing.length * itemBytes;
  const works = runsOf(from, section, asked.filter(({ bytes }) => !bytes)).map((run) => async () => {
    const { bytes, span } = await readItems(from, section, run.map(({ id }) => id - firstId));
    counters.storeBytes += span;
    run.forEach(({ id }, i) => from.memory.put(id, bytes[i]));
    await put(run.map(({ id, slot }, i) => ({ id, slot, bytes: bytes[i] })));
  });
  await together([...(kept.length ? [() => put(kept)] : []), ...works], atOnce, (work) => work());
}

/** Works at some values at once; where one fails, what is under way ends before the error is told. */
async function together<T>(values: readonly T[], atOnce: number, work: (value: T) => Promise<void>): Promise<void> {
  const left = [...values];
  const worker = async () => {
    for (let value = left.shift(); value !== undefined; value = left.shift()) await work(value);
  };
  const done = await Promise.allSettled(Array.from({ length: Math.min(atOnce, left.length) }, worker));
  const failed = done.find((each) => each.status === 'rejected');
  if (failed) throw failed.reason;
}

/** Items by the reads that bring them: each its own, but for columns, of which those near to each other are read at once. */
function runsOf({ layout, gapBytes = 0 }: From, section: number, items: readonly Bring[]): Bring[][] {
  const { itemBytes, columns } = layout.sections[section].pool!;
  if (!columns) return items.map((item) => [item]);
  const runs: Bring[][] = [];
  for (const item of [...items].sort((a, b) => a.id - b.id)) {
    const last = runs.at(-1);
    const isNear = last && (item.id - last.at(-1)!.id - 1) * itemBytes <= gapBytes && (item.id - last[0].id + 1) * itemBytes <= underWayBytes;
    if (isNear) last.push(item);
    else runs.push([item]);
  }
  return runs;
}

/** The bytes of items in order, by one read of all from the first to the last one; `span`: how many were read. */
async function readItems({ layout, read }: From, section: number, items: readonly number[]): Promise<{ bytes: Uint8Array<ArrayBuffer>[]; span: number }> {
  const { offset, itemBytes } = layout.sections[section].pool!;
  const start = offset + items[0] * itemBytes;
  const end = offset + (items.at(-1)! + 1) * itemBytes;
  const all = joined(await Promise.all(rangesOf(layout, { section, start, end }).map(read)));
  if (items.length === 1) return { bytes: [all], span: all.byteLength };
  return { bytes: items.map((item) => all.slice((item - items[0]) * itemBytes, (item - items[0] + 1) * itemBytes)), span: all.byteLength };
}

function joined(parts: Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  if (parts.length === 1) return parts[0];
  const all = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.byteLength;
  }
  return all;
}
