// Rows of pages that worker memory has no room for, in a file: each page sealed by AES-GCM under a key that is nowhere but in this worker. So what a killed
// tab leaves of a conversation opens for nobody, and a page that storage gives back changed, or another page or an older one in its place, is told and not
// computed with.
import { BudgetError } from '../../errors.ts';
import { seal, sealedMore, unseal } from '../../sealed.ts';
import { type OpenScratch, type ScratchFile } from './scratch.ts';
import { sum } from '../../sum.ts';

export interface StoredRows {
  /** The pages of all kv heads of a row. BudgetError where there is no room. */
  put(layer: number, row: number, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** `count` rows of a layer, one behind the other. Error where one cannot be had back. */
  rows(layer: number, first: number, count: number): Promise<Uint8Array<ArrayBuffer>>;
  page(layer: number, row: number, head: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Removes the file, if there is one by now. */
  free(): Promise<void>;
}

interface Opened {
  file: ScratchFile;
  key: CryptoKey;
}

/** `rowBytes`: of a row of each layer, (layer). The file is made with the first row. */
export function createStoredRows(rowBytes: readonly number[], kvHeads: readonly number[], open: OpenScratch): StoredRows {
  let opening: Promise<Opened> | undefined;
  const sealedRow = rowBytes.map((bytes, layer) => (bytes ? bytes + kvHeads[layer] * sealedMore : 0));
  const firsts = sealedRow.map((_, layer) => sum(sealedRow.slice(0, layer)));
  const stride = sum(sealedRow);
  const written = rowBytes.map((): number[] => []); // of each row how often it was, which opens only the last record
  const pageBytes = (layer: number): number => rowBytes[layer] / kvHeads[layer];
  const at = (layer: number, row: number, head: number): number => row * stride + firsts[layer] + head * (pageBytes(layer) + sealedMore);

  const recordOf = (layer: number, row: number, head: number) => new Uint8Array(Uint32Array.of(layer, row, head, written[layer][row]).buffer);

  const opened = (): Promise<Opened> => (opening ??= openSealed(open).catch((error: unknown) => {
    opening = undefined; // the next one tries again
    throw noFile(error);
  }));

  async function page(layer: number, row: number, head: number): Promise<Uint8Array<ArrayBuffer>> {
    const { file, key } = await opened();
    const length = pageBytes(layer) + sealedMore;
    const sealed = await file.read(at(layer, row, head), length).catch((error: unknown) => {
      throw unread(layer, row, (error as Error).message, error);
    });
    if (sealed.byteLength < length) throw unread(layer, row, `${sealed.byteLength} of ${length} bytes are there`);
    const bytes = await unseal(key, sealed, recordOf(layer, row, head));
    if (!bytes) throw unread(layer, row, 'it is not what was written there last');
    return bytes;
  }

  return {
    page,
    async put(layer, row, bytes) {
      const { file, key } = await opened();
      const each = pageBytes(layer);
      const all = new Uint8Array(sealedRow[layer]);
      written[layer][row] = (written[layer][row] ?? 0) + 1;
      for (let head = 0; head < kvHeads[layer]; head++)
        all.set(await seal(key, bytes.subarray(head * each, (head + 1) * each), recordOf(layer, row, head)), head * (each + sealedMore));
      await file.write(at(layer, row, 0), all).catch((error: unknown) => {
        throw noRoom(error);
      });
    },
    async rows(layer, first, count) {
      const all = new Uint8Array(count * rowBytes[layer]);
      // One after the other: beside what is asked for there is one page more, sealed and opened.
      for (let i = 0; i < count * kvHeads[layer]; i++)
        all.set(await page(layer, first + Math.floor(i / kvHeads[layer]), i % kvHeads[layer]), i * pageBytes(layer));
      return all;
    },
    async free() {
      const own = await opening?.catch(() => undefined);
      opening = undefined;
      await own?.file.remove();
    },
  };
}

async function openSealed(open: OpenScratch): Promise<Opened> {
  const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
  return { key, file: await open() };
}

const whatNow =
  'A conversation that was being run is emptied, and read again from its text if it goes on; one that was only copied or saved stays. Choose a larger ' +
  'kvOptions.memory, or 0 for all pages in worker memory.';

const noFile = (cause: unknown): Error => failed(
  `Pages of keys and values for which kvOptions.memory has no room need a file in storage, and none can be made: ${(cause as Error).message} ${whatNow}`, cause,
);

const noRoom = (cause: unknown): Error => failed(
  `${isFull(cause) ? 'Storage is full' : 'Storage fails'}: a page of keys and values could not be written (${(cause as Error).message}). ${whatNow}`, cause,
);

function isFull(cause: unknown): boolean {
  const { name, code } = cause as Error & { code?: string };
  return name === 'QuotaExceededError' || code === 'ENOSPC';
}

const failed = (message: string, cause: unknown): Error =>
  isFull(cause) ? new BudgetError(message, { code: 'storage_full', cause }) : new Error(message, { cause });

const unread = (layer: number, row: number, why: string, cause?: unknown): Error =>
  new Error(`Page ${row} of the keys and values of layer ${layer} cannot be read from storage: ${why}. ${whatNow}`, { cause });
