// The slabs of an import that wait for pieces: held in memory while they are few, else stored as drafts, which an import that
// goes on reads again.
import { InvalidFileError } from '../../errors.ts';
import { type Layout, layoutVersion } from '../layout.ts';
import { type SlabRecord, type Store } from '../store/store.ts';

/** What an interruption may cost besides the open requests: unfinished slabs, counted by their bytes; and how many are held. */
const most = { lostSlabs: 2, openSlabs: 6 };

/** What is stored of a model: whole slabs, and drafts, in which all before byte `through` of the file has been placed. */
export interface StoredSlabs {
  readonly store: Store;
  readonly id: string;
  readonly layout: Layout;
  readonly records: Map<number, SlabRecord>;
}

export const isWhole = ({ records }: StoredSlabs, slab: number): boolean => records.get(slab)?.through === undefined && records.has(slab);

export async function putSlab({ store, id, records }: StoredSlabs, slab: number, bytes: Uint8Array<ArrayBuffer>, record: SlabRecord): Promise<void> {
  await store.putSlab(id, slab, bytes, record);
  records.set(slab, record);
}

/** The words of a slab: those of its draft, else zeros. InvalidFileError if the draft is damaged. */
export async function wordsOf({ store, id, layout, records }: StoredSlabs, slab: number): Promise<Uint32Array<ArrayBuffer>> {
  const { byteLength } = layout.slabs[slab];
  if (!records.has(slab)) return new Uint32Array(byteLength / 4);
  const bytes = await store.read(id, slab);
  if (bytes?.byteLength !== byteLength)
    throw new InvalidFileError(`Part ${slab} of the unfinished import ${id} is missing. Delete the model and load it again.`, { code: 'stored_model_damaged' });
  return new Uint32Array(bytes.buffer);
}

export interface OpenSlabs {
  /** The words of a slab, to place rows in. */
  open(slab: number): Promise<Uint32Array<ArrayBuffer>>;
  /** Notes that so many bytes more of a slab have been placed. */
  placed(slab: number, bytes: number): void;
  /** The words of a slab that waits no longer. */
  take(slab: number): Uint32Array<ArrayBuffer>;
  /** Stores the fullest as drafts while too much would be lost, but for `current` ones. All before `through` has been placed. */
  spill(current: readonly (number | undefined)[], through: number): Promise<void>;
  /** Stores all in which something has been placed. */
  keep(through: number): Promise<void>;
}

export function createOpenSlabs(stored: StoredSlabs): OpenSlabs {
  const largestSlab = Math.max(...stored.layout.slabs.map(({ byteLength }) => byteLength));
  const slabs = new Map<number, { words: Uint32Array<ArrayBuffer>; bytes: number }>();

  function take(slab: number): Uint32Array<ArrayBuffer> {
    const { words } = slabs.get(slab)!;
    slabs.delete(slab);
    return words;
  }

  const putDraft = (slab: number, through: number): Promise<void> =>
    putSlab(stored, slab, new Uint8Array(take(slab).buffer), { hash: '', layoutVersion, through });

  return {
    async open(slab) {
      const words = slabs.get(slab)?.words ?? (await wordsOf(stored, slab));
      if (!slabs.has(slab)) slabs.set(slab, { words, bytes: 0 });
      return words;
    },
    placed: (slab, bytes) => void (slabs.get(slab)!.bytes += bytes),
    take,
    async spill(current, through) {
      for (;;) {
        const others = [...slabs].filter(([slab]) => !current.includes(slab)).sort(([, a], [, b]) => b.bytes - a.bytes);
        const openBytes = [...slabs.values()].reduce((sum, { bytes }) => sum + bytes, 0);
        if (others.length === 0 || (openBytes <= most.lostSlabs * largestSlab && slabs.size <= most.openSlabs)) return;
        await putDraft(others[0][0], through);
      }
    },
    async keep(through) {
      for (const [slab, { bytes }] of [...slabs]) if (bytes > 0) await putDraft(slab, through);
    },
  };
}
