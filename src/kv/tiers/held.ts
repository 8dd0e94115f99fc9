// What has to be on the GPU whatever is chosen: rows that are always there, and within ticks keys as they were, where tokens read those that are made again.
import { type At, type AwayLayer, type Uploads, begunPages, forgetKeys, uploadPages } from './away-layer.ts';
import { leave } from './rows.ts';

export interface Held {
  /** Whether a tick is under way. */
  readonly isTick: boolean;
  /** To be awaited before rows are read by themselves. */
  bring(): Promise<void>;
  /** Before a tick, and after it: then full pages leave for home. */
  begin(): Promise<void>;
  end(): Promise<void>;
  /** Forgets rows from `rows` on. */
  cut(rows: number): void;
}

export function createHeld(at: At, layers: () => readonly AwayLayer[], uploads: () => Uploads): Held {
  let isTick = false;
  const bring = async (): Promise<void> => {
    for (const layer of layers()) await bringHeld(at, uploads, layer);
  };
  return {
    bring,
    get isTick() {
      return isTick;
    },
    async begin() {
      await bring();
      copyBegun(at.device, layers(), 'back');
      isTick = true;
    },
    async end() {
      await leave(at, layers());
      copyBegun(at.device, layers(), 'there');
      isTick = false;
    },
    cut(rows) {
      isTick = false;
      for (const layer of layers()) {
        layer.paging.cut(rows);
        forgetKeys(layer);
      }
    },
  };
}

/** Brings the rows that are always there where they are not: behind a cut. */
async function bringHeld({ home }: At, uploads: () => Uploads, layer: AwayLayer): Promise<void> {
  const { heads: { kvHeads }, paging } = layer;
  const pages = paging.heldAtHome().flatMap((row) => Array.from({ length: kvHeads }, (_, head) => ({ page: row * kvHeads + head, row, head })));
  const missing = pages.filter(({ page }) => !paging.frames.has(page));
  if (!missing.length) return;
  await uploadPages(home, uploads(), layer, missing.map(({ page, row, head }) => ({ frame: paging.bring(page, () => false)!, row, head })));
  paging.writeLists();
}

/** Keeps those keys before a token may have them made again, or puts them back before a tick adds to them. */
function copyBegun(device: GPUDevice, layers: readonly AwayLayer[], which: 'there' | 'back'): void {
  const due = layers.flatMap((layer) => begunPages(layer).map((page) => ({ layer, ...page })));
  if (!due.length) return;
  const encoder = device.createCommandEncoder({ label: 'kv.away.begun' });
  for (const { layer: { sets: { begun, all: [{ pages }] }, pageBytes }, frame, kept } of due) {
    if (which === 'there') encoder.copyBufferToBuffer(pages, frame, begun!, kept, pageBytes / 2);
    else encoder.copyBufferToBuffer(begun!, kept, pages, frame, pageBytes / 2);
  }
  device.queue.submit([encoder.finish()]);
}
