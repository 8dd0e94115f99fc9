// Where a step finds keys and values that were made again of latents: of one layer at a time, for as many pages as any set of a sequence has.
import { type Ledger, settled } from '../../gpu/ledger.ts';
import { type CacheHeads } from '../../model/graph.ts';
import { type KvFormat } from '../formats/format.ts';
import { type KvPlan } from '../policy.ts';
import { framesOfSet } from '../set-bytes.ts';

export interface Restored {
  /** Made when it is first asked for. */
  readonly buffer: GPUBuffer;
  readonly byteLength: number;
  /** Has room for so many pages of a layer. BudgetError where there is none: nothing has changed then. */
  makeRoom(heads: CacheHeads, pages: number): Promise<void>;
  free(): void;
}

/** Bytes of it at most. */
export const restoredBytes = ({ layers }: Pick<KvPlan, 'layers'>, heads: readonly CacheHeads[], format: KvFormat): number =>
  Math.max(0, ...layers.flatMap((sets, layer) => sets.flatMap((set) => (set.latent ? 4 * framesOfSet(set) * format.words(heads[layer].headDim) : []))));

/** `replaced`: told that there is another buffer. */
export function createRestored(ledger: Ledger, format: KvFormat, replaced: () => void): Restored {
  const make = (bytes: number) => ledger.create('kv', 'kv.restored', bytes, GPUBufferUsage.STORAGE);
  let buffer: GPUBuffer | undefined;
  return {
    get buffer() {
      return (buffer ??= make(16));
    },
    get byteLength() {
      return buffer?.size ?? 0;
    },
    async makeRoom({ headDim }, pages) {
      const bytes = 4 * pages * format.words(headDim);
      if (bytes <= (buffer?.size ?? 0)) return;
      const next = ledger.allOrNone(() => make(bytes));
      await settled(ledger, () => ledger.destroy(next));
      if (buffer) ledger.destroy(buffer);
      buffer = next;
      replaced();
    },
    free() {
      if (buffer) ledger.destroy(buffer);
      buffer = undefined;
    },
  };
}
