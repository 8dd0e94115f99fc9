// Brings streamed slices into their slots ahead of their use: reads and uploads what comes next while the GPU works on
// what is there. Knows the order of uses, not what a slice holds. No fences: the queue runs an upload after the work
// submitted before it, so a slot may be rewritten as soon as its last use has been submitted.
import { type SlabRange } from './slices.ts';

export interface StreamedSlice {
  slot: number;
  ranges: readonly SlabRange[];
}

export interface StreamCounters {
  /** Bytes of streamed weights used so far, by where they came from. */
  storeBytes: number;
  memoryBytes: number;
  /** Of these, uploaded for the use: all but what a slot still held. */
  uploadedBytes: number;
  /** Milliseconds in which something was read or copied. */
  transferMs: number;
}

export interface WeightStream {
  /** Announces the slices that the next run uses, in order. What an earlier run announced and did not use is dropped. */
  begin(slices: readonly number[]): void;
  /** Resolves when the next slice in order, which has to be `slice`, is queued for its slot. */
  ready(slice: number, signal?: AbortSignal): Promise<void>;
  /** The work that reads the slice just made ready has been submitted. */
  submitted(): void;
  /** Stops reading ahead; resolves when nothing is under way. */
  close(): Promise<void>;
  readonly counters: StreamCounters;
}

export interface StreamOptions {
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

type Read = ReturnType<StreamOptions['read']>;

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
  bytes: Omit<StreamCounters, 'transferMs'>;
}

/** What a stream knows of its uses and slots. */
interface Stream extends StreamOptions {
  /** Announced and not yet submitted, the next first. */
  uses: Use[];
  /** By slot: the slice whose bytes it holds in full. */
  held: (number | undefined)[];
  /** Of `uses`: anything begun for an older one stops. */
  generation: number;
  /** Resolves at the next change of anything above. */
  change: Promise<void>;
  changed(): void;
  busy: ReturnType<typeof createStopwatch>;
}

export function createStream(options: StreamOptions): WeightStream {
  const stream: Stream = {
    ...options,
    uses: [],
    held: [],
    generation: 0,
    change: Promise.resolve(),
    changed() {},
    busy: createStopwatch(options.now ?? (() => performance.now())),
  };
  notify(stream);
  let running: Promise<void> = Promise.resolve();
  const counters = {
    storeBytes: 0, memoryBytes: 0, uploadedBytes: 0,
    get transferMs() {
      return stream.busy.ms();
    },
  };
  return {
    counters,
    begin(list) {
      const wanted = [...list, ...stream.first];
      if (!stream.uses.every((use, i) => use.slice === wanted[i] && !use.failure)) forget(stream);
      stream.uses.push(...wanted.slice(stream.uses.length).map((slice) => newUse(stream, slice)));
      const mine = stream.generation;
      running = running.then(() => run(stream, mine));
    },
    async ready(slice, signal) {
      const use = stream.uses[0];
      if (use?.slice !== slice) throw new Error(`Slice ${slice} is to be used; announced was ${use?.slice}.`);
      const wake = () => notify(stream);
      signal?.addEventListener('abort', wake);
      try {
        while (!use.inSlot && !use.failure) {
          signal?.throwIfAborted();
          await stream.change;
        }
      } finally {
        signal?.removeEventListener('abort', wake);
      }
      if (use.failure) throw use.failure.error;
    },
    submitted() {
      const { bytes } = stream.uses.shift()!;
      counters.storeBytes += bytes.storeBytes;
      counters.memoryBytes += bytes.memoryBytes;
      counters.uploadedBytes += bytes.uploadedBytes;
      readAhead(stream);
      notify(stream);
    },
    async close() {
      forget(stream);
      await running;
    },
  };
}

function notify(stream: Stream): void {
  const { changed } = stream;
  stream.change = new Promise((resolve) => (stream.changed = resolve));
  changed();
}

/** Drops what was announced; what is under way for it ends. */
function forget(stream: Stream): void {
  stream.uses = [];
  stream.generation++;
  notify(stream);
}

function newUse({ slices }: Stream, slice: number): Use {
  const { slot, ranges } = slices.get(slice)!;
  return { slice, slot, ranges, reads: [], done: 0, inSlot: false, bytes: { storeBytes: 0, memoryBytes: 0, uploadedBytes: 0 } };
}

/** The use of the same slot before this one, if it is still to come. */
const before = ({ uses }: Stream, use: Use): Use | undefined => uses.slice(0, uses.indexOf(use)).findLast((u) => u.slot === use.slot);
const staysInSlot = (stream: Stream, use: Use): boolean => (before(stream, use)?.slice ?? stream.held[use.slot]) === use.slice;

function readAhead(stream: Stream): void {
  const { aheadBytes, busy, read } = stream;
  let ahead = 0;
  for (const use of stream.uses) {
    if (use.inSlot || staysInSlot(stream, use)) continue;
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

/** Whether the slot still waits for an earlier use, of another slice or of one that is on its way. */
function isTaken(stream: Stream, use: Use): boolean {
  const earlier = before(stream, use);
  return earlier !== undefined && !(earlier.slice === use.slice && earlier.inSlot);
}

/** Brings a slice into its slot once the slot is free or has it, unless the uses were dropped meanwhile. */
async function transfer(stream: Stream, use: Use, mine: number): Promise<void> {
  const { held, busy, upload } = stream;
  while (mine === stream.generation && isTaken(stream, use)) await stream.change;
  if (mine !== stream.generation) return;
  if (held[use.slot] !== use.slice) {
    held[use.slot] = undefined;
    for (; use.done < use.ranges.length; use.done++) {
      readAhead(stream);
      const range = use.ranges[use.done];
      const { bytes, fromMemory } = await use.reads[use.done]!;
      if (mine !== stream.generation) return;
      use.reads[use.done] = undefined;
      busy.start();
      await upload(use.slice, range, bytes).finally(busy.stop);
      use.bytes[fromMemory ? 'memoryBytes' : 'storeBytes'] += range.length;
      use.bytes.uploadedBytes += range.length;
    }
    held[use.slot] = use.slice;
  }
  use.inSlot = true;
  notify(stream);
}

async function run(stream: Stream, mine: number): Promise<void> {
  while (mine === stream.generation) {
    const use = stream.uses.find((u) => !u.inSlot);
    if (!use) return;
    readAhead(stream);
    try {
      await transfer(stream, use, mine);
    } catch (error) {
      use.failure = { error };
      stream.generation++;
      notify(stream);
    }
  }
}

/** Time during which at least one thing was under way. */
export function createStopwatch(now: () => number): { start(): void; stop(): void; ms(): number } {
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
