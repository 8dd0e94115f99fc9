// Files for pages of keys and values in memory, for tests in Node: of a slow disk, of one that is full, and of one that has gone.
import { type OpenScratch } from '../../src/kv/tiers/scratch.ts';

interface Disk {
  /** Answers come some turns later, the first asked last. */
  slow?: boolean;
  /** Bytes that it has room for, of all files. */
  most?: number;
  failsReads?: boolean;
}

export interface MemoryScratch {
  open: OpenScratch;
  /** Those that are not removed, by number: their bytes themselves. */
  there: Map<number, Uint8Array<ArrayBuffer>>;
  /** What it does from now on. */
  disk: Disk;
}

export function memoryScratch(disk: Disk = {}): MemoryScratch {
  const there = new Map<number, Uint8Array<ArrayBuffer>>();
  let opened = 0;
  let waiting: (() => void)[] = [];
  const turn = async (): Promise<void> => {
    if (!disk.slow) return;
    await new Promise<void>((resolve) => {
      waiting.push(resolve);
      if (waiting.length > 1) return;
      setTimeout(() => {
        const all = waiting.reverse();
        waiting = [];
        all.forEach((each) => each());
      });
    });
  };
  return {
    there, disk,
    async open() {
      const id = opened++;
      there.set(id, new Uint8Array());
      return {
        async write(at, bytes) {
          await turn();
          const all = [...there.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
          const old = there.get(id)!;
          const next = new Uint8Array(Math.max(old.byteLength, at + bytes.byteLength));
          if (all + next.byteLength - old.byteLength > (disk.most ?? Infinity)) throw new DOMException('the disk is full', 'QuotaExceededError');
          next.set(old);
          next.set(bytes, at);
          there.set(id, next);
        },
        async read(at, byteLength) {
          await turn();
          if (disk.failsReads) throw new Error('the disk has gone');
          return there.get(id)!.slice(at, at + byteLength);
        },
        remove: async () => void there.delete(id),
      };
    },
  };
}
