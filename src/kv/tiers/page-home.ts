// Where pages are at home that are not all on the GPU: in the memory of the worker, layer by layer, a row of pages (one of each kv head) after the other. Of
// as many rows as it has room for, the last ones; those before lie in storage, where there is more to keep.
import { BudgetError, mib } from '../../errors.ts';
import { sealedMore } from '../../sealed.ts';
import { inMemory } from './memory.ts';
import { type OpenScratch } from './scratch.ts';
import { type StoredRows, createStoredRows } from './stored-rows.ts';

export interface PageHome {
  /** Bytes of the rows that are in worker memory, and of those in storage, as they are sealed. */
  readonly byteLength: number;
  readonly storedBytes: number;
  /** Read back from storage so far. */
  readonly readBytes: number;
  /** The next row of a layer: the pages of all kv heads. BudgetError beyond what was planned, or where there is no room; what is there stays. */
  append(layer: number, row: Uint8Array): Promise<void>;
  /** The page of a kv head in a row, as it is kept: it is not to be changed. Error where storage does not give it back. */
  page(layer: number, row: number, head: number): Promise<Uint8Array<ArrayBuffer>>;
  /** The same where all rows are in worker memory. */
  pageInMemory(layer: number, row: number, head: number): Uint8Array<ArrayBuffer>;
  /** All rows of a layer in order, in parts. */
  parts(layer: number): AsyncIterable<Uint8Array<ArrayBuffer>>;
  /** Forgets the rows of every layer from `rows` on. */
  cut(rows: number): void;
  copyFrom(other: PageHome): Promise<void>;
  /** Removes what is in storage. */
  free(): Promise<void>;
}

/** Rows that are allocated together, and read together from storage. */
export const blockRows = 16;

export interface HomePlan {
  /** Bytes of a row of each layer, (layer); 0 where it has none. */
  rowBytes: readonly number[];
  /** (layer) */
  kvHeads: readonly number[];
  /** Of each layer: in all, and in worker memory. */
  mostRows: number;
  memoryRows: number;
}

/** `open`: makes the file for rows that worker memory has no room for; there may be none where it has room for all. */
export function createPageHome({ rowBytes, kvHeads, mostRows, memoryRows }: HomePlan, open?: OpenScratch): PageHome {
  const blocks = rowBytes.map((): Uint8Array<ArrayBuffer>[] => []);
  const counts = rowBytes.map(() => 0);
  const stored = rowBytes.map(() => 0); // the first so many of them are in storage
  const rows: StoredRows | undefined = open && createStoredRows(rowBytes, kvHeads, open);
  let readBytes = 0;
  const bytesOf = (numbers: readonly number[]): number => numbers.reduce((sum, count, layer) => sum + count * rowBytes[layer], 0);
  const bytesThere = () => bytesOf(counts) - bytesOf(stored);

  /** `count` rows of a layer that lie in one block. */
  function inMemory(layer: number, row: number, count = 1): Uint8Array<ArrayBuffer> {
    const place = row % memoryRows;
    const bytes = rowBytes[layer];
    return blocks[layer][Math.floor(place / blockRows)].subarray((place % blockRows) * bytes, ((place % blockRows) + count) * bytes);
  }

  function pageInMemory(layer: number, row: number, head: number): Uint8Array<ArrayBuffer> {
    const bytes = rowBytes[layer] / kvHeads[layer];
    return inMemory(layer, row).subarray(head * bytes, (head + 1) * bytes);
  }

  async function fromStorage(reading: Promise<Uint8Array<ArrayBuffer>>): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = await reading;
    readBytes += bytes.byteLength;
    return bytes;
  }

  async function append(layer: number, row: Uint8Array): Promise<void> {
    const at = counts[layer];
    if (at >= mostRows) throw new BudgetError(`Layer ${layer} was planned to have ${mostRows} pages of a head in worker memory, and is to have more.`);
    if (at - stored[layer] === memoryRows) {
      await rows!.put(layer, stored[layer], inMemory(layer, stored[layer]));
      stored[layer]++;
    }
    const block = Math.floor((at % memoryRows) / blockRows);
    blocks[layer][block] ??= allocate(Math.min(blockRows, memoryRows - block * blockRows) * rowBytes[layer], bytesThere());
    inMemory(layer, at).set(row);
    counts[layer]++;
  }

  const cut = (length: number): void => counts.forEach((count, layer) => {
    counts[layer] = Math.min(count, length);
    stored[layer] = Math.min(stored[layer], length);
    if (!stored[layer]) blocks[layer].length = Math.min(blocks[layer].length, Math.ceil(counts[layer] / blockRows));
  });

  return {
    get byteLength() {
      return bytesThere();
    },
    get storedBytes() {
      return bytesOf(stored) + sealedMore * stored.reduce((sum, count, layer) => sum + count * kvHeads[layer], 0);
    },
    get readBytes() {
      return readBytes;
    },
    append, pageInMemory,
    page: async (layer, row, head) => (row < stored[layer] ? fromStorage(rows!.page(layer, row, head)) : pageInMemory(layer, row, head)),
    async *parts(layer) {
      for (let row = 0; row < stored[layer]; row += blockRows)
        yield await fromStorage(rows!.rows(layer, row, Math.min(blockRows, stored[layer] - row)));
      for (let row = stored[layer]; row < counts[layer];) {
        const place = row % memoryRows;
        const count = Math.min(counts[layer] - row, blockRows - (place % blockRows), memoryRows - place);
        yield inMemory(layer, row, count);
        row += count;
      }
    },
    cut,
    async copyFrom(other) {
      cut(0);
      for (const [layer, bytes] of rowBytes.entries()) {
        if (!bytes) continue;
        for await (const part of other.parts(layer)) for (let at = 0; at < part.byteLength; at += bytes) await append(layer, part.subarray(at, at + bytes));
      }
    },
    free: async () => rows?.free(),
  };
}

const allocate = (bytes: number, there: number): Uint8Array<ArrayBuffer> => inMemory(() => new Uint8Array(bytes), () =>
  `Worker memory has ${mib(there)} of keys and values of this conversation and no room for ${mib(bytes)} more.`);
