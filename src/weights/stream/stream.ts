// Brings streamed slices into their slots ahead of their use: reads and uploads what comes next while the GPU works on
// what is there. Knows the order of uses, not what a slice holds. No fences: the queue runs an upload after the work
// submitted before it, so a slot may be rewritten as soon as its last use has been submitted.
import { type SlabRange } from './slices.ts';

export interface StreamedSlice {
  slot: number;
  ranges: readonly SlabRange[];
}

export interface WindowCounters {
  /** Bytes of streamed weights used so far, by where they came from. */
  storeBytes: number;
  memoryBytes: number;
  /** Of these, uploaded for the use: all but what a slot still held. */
  uploadedBytes: number;
  /** Milliseconds in which something was read or copied. */
  transferMs: number;
}

export interface Window {
  /** Announces the slices that the next run uses, in order. What an earlier run announced and did not use is dropped. */
  begin(slices: readonly number[]): void;
  /** Resolves when the next slice in order, which has to be `slice`, is queued for its slot. */
  ready(slice: number, signal?: AbortSignal): Promise<void>;
  /** The work that reads the slice just made ready has been submitted. */
  submitted(): void;
  /** Stops reading ahead; resolves when nothing is under way. */
  close(): Promise<void>;
  readonly counters: WindowCounters;
}

export interface WindowOptions {
  slices: ReadonlyMap<number, StreamedSlice>;
  /** Slices with which every run begins, in order. */
  first: readonly number[];
  /** Bytes read and not yet uploaded, at most (one range is always allowed). */
  aheadBytes: number;
  read(range: SlabRange): Promise<{ bytes: Uint8Array<ArrayBuffer>; fromMemory: boolean }>;
  /** Resolves when the bytes are queued. */
  upload(slice: number, range: SlabRange, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** The clock of `transferMs`. Default: performance.now. */
  now?(): number;
}

type Read = ReturnType<WindowOptions['read']>;

/** One use of a slice, from its announcement to its submit. */
interface Use {
  slice: number;
  slot: number;
  ranges: readonly SlabRange[];
  reads: (Read | undefined)[];
  /** Ranges uploaded. */
  done: number;
  inSlot: boolean;
  failure?: { error: unknown };
  bytes: Omit<WindowCounters, 'transferMs'>;
}

export function createWindow({ slices, first, aheadBytes, read, upload, now = () => performance.now() }: WindowOptions): Window {
  const busy = createStopwatch(now);
  const counters = {
    storeBytes: 0, memoryBytes: 0, uploadedBytes: 0,
    get transferMs() {
      return busy.ms();
    },
  };
  const held: (number | undefined)[] = []; // by slot: the slice whose bytes it holds in full
  let uses: Use[] = []; // the next first
  let generation = 0; // of `uses`: anything begun for an older one stops
  let running: Promise<void> = Promise.resolve();
  let wake!: () => void;
  let change = new Promise<void>((resolve) => (wake = resolve));

  function notify(): void {
    const wakeNow = wake;
    change = new Promise((resolve) => (wake = resolve));
    wakeNow();
  }

  const newUse = (slice: number): Use => {
    const { slot, ranges } = slices.get(slice)!;
    return { slice, slot, ranges, reads: [], done: 0, inSlot: false, bytes: { storeBytes: 0, memoryBytes: 0, uploadedBytes: 0 } };
  };

  /** The use of the same slot before this one, if it is still to come. */
  const before = (use: Use): Use | undefined => uses.slice(0, uses.indexOf(use)).findLast((u) => u.slot === use.slot);
  const staysInSlot = (use: Use): boolean => (before(use)?.slice ?? held[use.slot]) === use.slice;

  function readAhead(): void {
    let ahead = 0;
    for (const use of uses) {
      if (use.inSlot || staysInSlot(use)) continue;
      for (let i = use.done; i < use.ranges.length; i++) {
        ahead += use.ranges[i].length;
        if (ahead > aheadBytes && ahead > use.ranges[i].length) return;
        if (use.reads[i]) continue;
        busy.start();
        const reading = read(use.ranges[i]).finally(busy.stop);
        reading.catch(() => {}); // awaited when its turn comes, if ever
        use.reads[i] = reading;
      }
    }
  }

  async function transfer(use: Use, mine: number): Promise<void> {
    while (mine === generation && before(use)) await change;
    if (mine !== generation) return;
    if (held[use.slot] !== use.slice) {
      held[use.slot] = undefined;
      for (; use.done < use.ranges.length; use.done++) {
        readAhead();
        const range = use.ranges[use.done];
        const { bytes, fromMemory } = await use.reads[use.done]!;
        if (mine !== generation) return;
        use.reads[use.done] = undefined;
        busy.start();
        await upload(use.slice, range, bytes).finally(busy.stop);
        use.bytes[fromMemory ? 'memoryBytes' : 'storeBytes'] += range.length;
        use.bytes.uploadedBytes += range.length;
      }
      held[use.slot] = use.slice;
    }
    use.inSlot = true;
    notify();
  }

  async function run(mine: number): Promise<void> {
    while (mine === generation) {
      const use = uses.find((u) => !u.inSlot);
      if (!use) return;
      readAhead();
      try {
        await transfer(use, mine);
      } catch (error) {
        use.failure = { error };
        generation++;
        notify();
      }
    }
  }

  return {
    counters,
    begin(list) {
      const wanted = [...list, ...first];
      const expected = uses.every((use, i) => use.slice === wanted[i] && !use.failure);
      if (!expected) {
        uses = [];
        generation++;
        notify();
      }
      uses.push(...wanted.slice(uses.length).map(newUse));
      const mine = generation;
      running = running.then(() => run(mine));
    },
    async ready(slice, signal) {
      const use = uses[0];
      if (use?.slice !== slice) throw new Error(`Slice ${slice} is to be used; announced was ${use?.slice}.`);
      signal?.addEventListener('abort', notify);
      try {
        while (!use.inSlot && !use.failure) {
          signal?.throwIfAborted();
          await change;
        }
      } finally {
        signal?.removeEventListener('abort', notify);
      }
      if (use.failure) throw use.failure.error;
    },
    submitted() {
      const { bytes } = uses.shift()!;
      counters.storeBytes += bytes.storeBytes;
      counters.memoryBytes += bytes.memoryBytes;
      counters.uploadedBytes += bytes.uploadedBytes;
      readAhead();
      notify();
    },
    async close() {
      uses = [];
      generation++;
      notify();
      await running;
    },
  };
}

/** Time during which at least one thing was under way. */
function createStopwatch(now: () => number): { start(): void; stop(): void; ms(): number } {
  let active = 0;
  let since = 0;
  let total = 0;
  return {
    start() {
      if (active++ === 0) since = now();
    },
    stop() {
      if (--active === 0) total += now() - since;
    },
    ms: () => total + (active ? now() - since : 0),
  };
}
