// Rows of pages that worker memory has no room for, in a file: each page sealed by AES-GCM under a key that is nowhere but in this worker. So what a killed
// tab leaves of a conversation opens for nobody, and a page that storage gives back changed is told and not computed with.
import { BudgetError } from '../../errors.ts';
import { seal, sealedMore, unseal } from '../../sealed.ts';
import { type OpenScratch, type ScratchFile } from './scratch.ts';

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
  const pageBytes = (layer: number): number => rowBytes[layer] / kvHeads[layer];
  const at = (layer: number, row: number, head: number): number => row * stride + firsts[layer] + head * (pageBytes(layer) + sealedMore);

  const opened = (): Promise<Opened> => (opening ??= openSealed(open).catch((error: unknown) => {
    opening = undefined; // the next one tries again
    throw noStorage(error);
  }));

  async function page(layer: number, row: number, head: number): Promise<Uint8Array<ArrayBuffer>> {
    const { file, key } = await opened();
    const length = pageBytes(layer) + sealedMore;
    const sealed = await file.read(at(layer, row, head), length).catch((error: unknown) => {
      throw unread(layer, row, (error as Error).message, error);
    });
    if (sealed.byteLength < length) throw unread(layer, row, `${sealed.byteLength} of ${length} bytes are there`);
    const bytes = await unseal(key, sealed);
    if (!bytes) throw unread(layer, row, 'it was changed since it was written');
    return bytes;
  }

  return {
    page,
    async put(layer, row, bytes) {
      const { file, key } = await opened();
      const each = pageBytes(layer);
      const parts = await Promise.all(Array.from({ length: kvHeads[layer] }, (_, head) => seal(key, bytes.subarray(head * each, (head + 1) * each))));
      await file.write(at(layer, row, 0), joined(parts)).catch((error: unknown) => {
        throw noRoom(error);
      });
    },
    async rows(layer, first, count) {
      const pages = Array.from({ length: count * kvHeads[layer] }, (_, i) => page(layer, first + Math.floor(i / kvHeads[layer]), i % kvHeads[layer]));
      return joined(await Promise.all(pages));
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

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(sum(parts.map(({ byteLength }) => byteLength)));
  parts.reduce((at, part) => (all.set(part, at), at + part.byteLength), 0);
  return all;
}

const whatNow =
  'The conversation is emptied, and read again from its text if it goes on. Choose a larger kvOptions.memory, or 0 for all pages in worker memory.';

const noStorage = (cause: unknown): BudgetError => new BudgetError(
  `Pages of keys and values for which kvOptions.memory has no room need a file in storage, and none can be made: ${(cause as Error).message} ${whatNow}`,
  { code: 'storage_full', cause },
);

function noRoom(cause: unknown): Error {
  const { name, code } = cause as Error & { code?: string };
  const isFull = name === 'QuotaExceededError' || code === 'ENOSPC';
  const why = isFull ? 'Storage is full' : 'Storage fails';
  const message = `${why}: a page of keys and values could not be written (${(cause as Error).message}). ${whatNow}`;
  return isFull ? new BudgetError(message, { code: 'storage_full', cause }) : new Error(message, { cause });
}

const unread = (layer: number, row: number, why: string, cause?: unknown): Error =>
  new Error(`Page ${row} of the keys and values of layer ${layer} cannot be read from storage: ${why}. ${whatNow}`, { cause });

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
