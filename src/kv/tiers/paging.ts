// Which pages of a layer's set have a frame on the GPU, and what its lists say of them. A page is known as row * kv heads + kv head, where a row is 32
// slots of every head; rows that are not in the worker's memory yet have frames until they are, and so have those that are always read, and the one in which
// the run begins that goes on behind those at home, as its bounds are noted anew once it has more slots.
import { pageSlots } from '../formats/format.ts';
import { type KvSet, type PickPlan, type SetPlan } from '../policy.ts';
import { type Frames, createFrames } from './frames.ts';

export interface Paging {
  readonly frames: Frames;
  /** Full rows that the worker's memory has, which is the caller's to say. */
  home: number;
  /** Whether pages of a row have frames as long as they are there: the first ones, and from the row in which a run begins that goes on behind those at home. */
  isAlwaysThere(row: number): boolean;
  /** Those of them that are at home. */
  heldAtHome(): number[];
  /** Has frames for so many slots of each kv head of its set, of which some may be there. Gives that no buffer was replaced. */
  makeRoom(set: { counts: Uint32Array; room: Uint32Array }, slots: ArrayLike<number>): boolean;
  /** A frame for a page that is not there, but for those that `isUsed`; undefined where there is none. `writeLists` tells kernels of it. */
  bring(page: number, isUsed: (page: number) => boolean): number | undefined;
  /** Tells kernels of frames since the last call. */
  writeLists(): void;
  /** Forgets rows from `rows` on. */
  cut(rows: number): void;
  copyFrom(other: Paging): void;
}

/** `firsts`: where in `lists` that of each kv head begins, in words. */
export function createPaging(device: GPUDevice, plan: SetPlan & { pick: PickPlan }, firsts: readonly number[], lists: GPUBuffer): Paging {
  const frames = createFrames(plan.frames!);
  const kvHeads = plan.mostSlots.length;
  const sinkRows = Math.ceil(plan.pick.first / pageSlots);
  const words = new Uint32Array(lists.size / 4);
  let from = Infinity; // words that are to be written
  let to = 0;
  let home = 0;

  function note(page: number, frame: number): void {
    const at = firsts[page % kvHeads] + Math.floor(page / kvHeads);
    words[at] = frame;
    [from, to] = [Math.min(from, at), Math.max(to, at + 1)];
  }

  const begun = (): number => begunAt(plan.pick, home);
  const isAlwaysThere = (row: number): boolean => row >= begun() || row < sinkRows;
  const isHeld = (page: number): boolean => isAlwaysThere(Math.floor(page / kvHeads));

  function bring(page: number, isUsed: (page: number) => boolean): number | undefined {
    const frame = frames.take(page, (other) => isHeld(other) || isUsed(other));
    if (frame !== undefined) note(page, frame);
    return frame;
  }

  function writeLists(): void {
    if (from < to) device.queue.writeBuffer(lists, 4 * from, words.subarray(from, to));
    [from, to] = [Infinity, 0];
  }

  return {
    frames, isAlwaysThere,
    heldAtHome: () => [...new Set([...Array.from({ length: Math.min(sinkRows, home) }, (_, row) => row), begun()])].filter((row) => row < home),
    get home() {
      return home;
    },
    set home(rows) {
      home = rows;
    },
    makeRoom({ counts, room }: Pick<KvSet, 'counts' | 'room'>, slots) {
      for (let head = 0; head < kvHeads; head++) {
        for (let row = Math.floor(counts[head] / pageSlots); row * pageSlots < slots[head]; row++) {
          const page = row * kvHeads + head;
          if (frames.use(page) === undefined && bring(page, () => false) === undefined)
            throw new Error(`A step has more new pages than the ${plan.frames} frames that were planned.`);
        }
        room[head] = Math.ceil(slots[head] / pageSlots) * pageSlots;
      }
      writeLists();
      return false;
    },
    bring, writeLists,
    cut(rows) {
      home = Math.min(home, rows);
      frames.drop((page) => page >= rows * kvHeads);
    },
    copyFrom(other) {
      frames.copyFrom(other.frames);
      home = other.home;
      for (const [page, frame] of frames.there) note(page, frame);
      writeLists();
    },
  };
}

/** The row in which a run of slots begins that goes on in row `home`; `home` where one begins with it. Of sizes by layer `each` is the largest. */
export function begunAt({ first, each }: Pick<PickPlan, 'first' | 'each'>, home: number): number {
  const slots = home * pageSlots;
  return slots <= first ? home : Math.floor((slots - ((slots - first) % each)) / pageSlots);
}
