// What is saved of pages that are at home in worker memory or in storage: all of a layer in their order, whichever of them are on the GPU; and how a
// sequence has them again.
import { type ByteRange } from '../../gpu/read-bytes.ts';
import { BudgetError, mib } from '../../errors.ts';
import { pageSlots } from '../formats/format.ts';
import { pickedSet } from '../pick.ts';
import { cachesOf, segmentBytes } from '../segment.ts';
import { type SequenceHome } from '../sequence.ts';
import { type Sets } from '../sets.ts';
import { type Shaped } from '../shaped.ts';
import { type ShapedNumbers } from './snapshot.ts';

/** A layer whose pages are so. */
export interface Place {
  layer: number;
  sets: Sets;
  pageBytes: number;
  kvHeads: number;
}

/** Rows of pages, one of each kv head, of which the last may be begun. */
const rowsOf = ({ sets: { all: [{ counts }] } }: Place): number => Math.ceil(Math.max(...counts) / pageSlots);

/** BudgetError where the pages of a sequence, all of which are in worker memory while it is saved or restored, take more of it than is planned for pages. */
export function checkInMemory({ shape, config, format }: SequenceHome, shaped: ShapedNumbers | undefined): void {
  if (!shape?.away.stored || !shaped) return;
  const caches = cachesOf(config).flatMap((heads, layer) => (shape.isShaped(layer) ? [{ heads, isAway: pickedSet(shape.plan.layers[layer])?.frames }] : []));
  const bytes = caches.reduce((sum, { heads, isAway }, i) => {
    const counts = shaped.layers[i]?.sets[0]?.counts ?? [];
    return isAway && counts.length ? sum + segmentBytes(heads, Math.floor(Math.min(...counts) / pageSlots) * pageSlots, format) : sum;
  }, 0);
  if (bytes <= shape.away.home) return;
  throw new BudgetError(
    `The pages of this conversation have ${mib(bytes)} (${bytes} bytes), all of which are in worker memory while it is saved or restored; kvOptions.memory ` +
    `plans ${mib(shape.away.home)} (${shape.away.home} bytes). Keep its text and have it read again, or load with a larger kvOptions.memory, or 0 for all.`,
  );
}

/** Those that are at home, and behind them where on the GPU the others are. */
export function pagesInOrder({ away }: Shaped, at: Place): { before: () => AsyncIterable<Uint8Array>; ranges: ByteRange[] } {
  const { layer, sets: { all: [{ pages }], paging }, pageBytes, kvHeads } = at;
  const { home, frames } = paging!;
  const others = Array.from({ length: (rowsOf(at) - home) * kvHeads }, (_, i) => frames.use(home * kvHeads + i)!);
  return { before: () => away!.home.parts(layer), ranges: others.map((frame) => ({ buffer: pages, offset: frame * pageBytes, byteLength: pageBytes })) };
}

/** Takes pages home as they were saved; those that are always on the GPU, or go on, have frames there. Lists are to be those that were saved. */
export async function putPages({ queue }: GPUDevice, { away }: Shaped, at: Place, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const { layer, sets: { all: [{ counts, pages }], paging }, pageBytes, kvHeads } = at;
  const rowBytes = kvHeads * pageBytes;
  const full = Math.floor(Math.min(...counts) / pageSlots);
  for (let row = 0; row < full; row++) await away!.home.append(layer, bytes.subarray(row * rowBytes, (row + 1) * rowBytes));
  paging!.home = full;
  for (let row = 0; row < rowsOf(at); row++) {
    if (!paging!.isAlwaysThere(row)) continue;
    for (let head = 0; head < kvHeads; head++) {
      const page = row * kvHeads + head;
      queue.writeBuffer(pages, paging!.bring(page, () => false)! * pageBytes, bytes, page * pageBytes, pageBytes);
    }
  }
  paging!.writeLists();
}
