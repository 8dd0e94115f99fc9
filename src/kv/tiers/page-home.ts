// Where pages are at home that are not all on the GPU: in the memory of the worker, layer by layer, a row of pages (one of each kv head) after the other.
import { BudgetError, mib } from '../../errors.ts';

export interface PageHome {
  /** Bytes of the rows that are there. */
  readonly byteLength: number;
  /** The next row of a layer: the pages of all kv heads. BudgetError beyond what was planned, or where there is no memory; what is there stays. */
  append(layer: number, row: Uint8Array): void;
  /** The page of a kv head in a row, as it is kept: it is not to be changed. */
  page(layer: number, row: number, head: number): Uint8Array<ArrayBuffer>;
  /** All rows of a layer in order, in parts. */
  parts(layer: number): Uint8Array<ArrayBuffer>[];
  /** Forgets the rows of every layer from `rows` on. */
  cut(rows: number): void;
  copyFrom(other: PageHome): void;
}

/** Rows that are allocated together. */
const blockRows = 16;

/** `rowBytes`: of a row of each layer; 0 where it has none. */
export function createPageHome(rowBytes: readonly number[], kvHeads: readonly number[], mostRows: number): PageHome {
  const blocks = rowBytes.map((): Uint8Array<ArrayBuffer>[] => []);
  const counts = rowBytes.map(() => 0);
  const rowAt = (layer: number, row: number) =>
    blocks[layer][Math.floor(row / blockRows)].subarray((row % blockRows) * rowBytes[layer], (row % blockRows + 1) * rowBytes[layer]);

  const bytesThere = () => counts.reduce((sum, count, layer) => sum + count * rowBytes[layer], 0);

  function append(layer: number, row: Uint8Array): void {
    const at = counts[layer];
    if (at >= mostRows) throw new BudgetError(`Layer ${layer} was planned to have ${mostRows} pages of a head in worker memory, and is to have more.`);
    if (at % blockRows === 0) blocks[layer].push(allocate(Math.min(blockRows, mostRows - at) * rowBytes[layer], bytesThere()));
    rowAt(layer, at).set(row);
    counts[layer]++;
  }

  const cut = (rows: number): void => counts.forEach((count, layer) => {
    counts[layer] = Math.min(count, rows);
    blocks[layer].length = Math.ceil(counts[layer] / blockRows);
  });

  return {
    get byteLength() {
      return bytesThere();
    },
    append,
    page(layer, row, head) {
      const bytes = rowBytes[layer] / kvHeads[layer];
      return rowAt(layer, row).subarray(head * bytes, (head + 1) * bytes);
    },
    parts: (layer) => blocks[layer].map((block, i) => block.subarray(0, Math.min(blockRows, counts[layer] - i * blockRows) * rowBytes[layer])),
    cut,
    copyFrom(other) {
      cut(0);
      rowBytes.forEach((bytes, layer) => {
        for (const part of other.parts(layer)) for (let at = 0; at < part.byteLength; at += bytes) append(layer, part.subarray(at, at + bytes));
      });
    },
  };
}

/** BudgetError where there is no such memory. */
function allocate(bytes: number, there: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(bytes);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // which is what engines have for memory that there is not
    throw new BudgetError(
      `Worker memory has ${mib(there)} of keys and values of this conversation and no room for ${mib(bytes)} more. Choose a shorter context, or fewer ` +
      'conversations at once.',
      { cause: error },
    );
  }
}
