// Where pages lie for which worker memory has no room: a file of a sequence's own, which goes with it. What it lies on, and what makes it, is the caller's.

export interface ScratchFile {
  /** Puts bytes at a place, behind the end too; rejects where there is no room. */
  write(at: number, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Fewer bytes than asked for where the file ends. */
  read(at: number, byteLength: number): Promise<Uint8Array<ArrayBuffer>>;
  remove(): Promise<void>;
}

export type OpenScratch = () => Promise<ScratchFile>;

/** The files of the sequences of a placed model. */
export interface Scratch {
  open: OpenScratch;
  /** Removes those that are still there. */
  removeAll(): Promise<void>;
}

export function createScratch(open: OpenScratch): Scratch {
  const there = new Set<ScratchFile>();
  let isOver = false;
  return {
    async open() {
      const file = await open();
      const remove = async (): Promise<void> => {
        if (!there.delete(own)) return;
        await file.remove().catch((error: unknown) => {
          there.add(own); // tried once more with all
          throw error;
        });
      };
      const own: ScratchFile = { write: (...what) => file.write(...what), read: (...what) => file.read(...what), remove };
      there.add(own);
      if (isOver) await remove(); // it was opened while the model went
      return own;
    },
    async removeAll() {
      isOver = true;
      await Promise.allSettled([...there].map((file) => file.remove()));
    },
  };
}
