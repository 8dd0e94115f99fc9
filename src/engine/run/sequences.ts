// The sequences of a placed model: which one a prompt goes on from, and which give way where keys and values would take
// more than was planned for all of them together. Knows no text; a sequence that gave way comes back by its tokens.

/** What is asked of a sequence here; src/kv/sequence.ts has the rest. */
export interface Reusable {
  /** Whose keys and values are there, in order. */
  readonly tokens: readonly number[];
  /** Bytes that it takes on the GPU. */
  readonly byteLength: number;
  /** The bytes that a sequence would take with room for so many positions. */
  bytesFor(positions: number): number;
  /** Forgets what is beyond `length` tokens; the length reached may be less. */
  truncate(length: number): number;
  /** A sequence of the first `length` tokens; what this one holds stays as it is. */
  fork(length: number): Promise<this>;
  /** Frees what it has; false for one that stays, emptied. */
  close(): boolean;
}

export interface Sequences<S extends Reusable> {
  /**
   * A sequence for a prompt, cut to what it has in common with it: at most all tokens but the last, which is run for its
   * logits. Undefined while those in use leave no room for the prompt.
   */
  take(prompt: readonly number[]): Promise<S | undefined>;
  /** Makes room for a sequence to have `positions`, by closing idle ones, the least recently used first. False where those in use leave none. */
  makeRoom(sequence: S, positions: number): boolean;
  /** Whether there is room for `positions` as it is. */
  hasRoom(sequence: S, positions: number): boolean;
  /** The request that took it has ended. Its tokens wait for the next prompt. */
  give(sequence: S): void;
  /** As `give`, where others need its room now. */
  drop(sequence: S): void;
  /** All there are, the least recently used first. */
  readonly live: readonly S[];
  closeAll(): void;
}

/** A sequence that has less in common with a prompt than this share of itself is worth keeping for its own next turn. */
const leastShared = 0.5;

export interface SequencesOptions<S> {
  /** The one that is there from the beginning. */
  first: S;
  create(): S;
  /** Bytes of keys and values that all may have together. */
  mostBytes: number;
  /** Most sequences that are kept. */
  most: number;
}

export function createSequences<S extends Reusable>({ first, create, mostBytes, most }: SequencesOptions<S>): Sequences<S> {
  const live: S[] = [first]; // the least recently used first
  const busy = new Set<S>();

  function close(sequence: S): void {
    if (sequence.close()) live.splice(live.indexOf(sequence), 1);
  }

  /** Closes idle sequences, the least recently used first, while `isTooMuch`; never `kept`. */
  function giveWay(isTooMuch: () => boolean, kept?: S): void {
    for (const sequence of [...live]) {
      if (!isTooMuch()) return;
      if (sequence !== kept && !busy.has(sequence)) close(sequence);
    }
  }

  const bytes = (): number => live.reduce((sum, { byteLength }) => sum + byteLength, 0);

  const hasRoom = (sequence: S, positions: number): boolean => bytes() + Math.max(0, sequence.bytesFor(positions) - sequence.byteLength) <= mostBytes;

  function roomFor(sequence: S, positions: number): boolean {
    giveWay(() => !hasRoom(sequence, positions), sequence);
    return hasRoom(sequence, positions);
  }

  function add(sequence: S): S {
    live.push(sequence);
    busy.add(sequence);
    return sequence;
  }

  function use(sequence: S): S {
    live.push(...live.splice(live.indexOf(sequence), 1));
    busy.add(sequence);
    return sequence;
  }

  return {
    live,
    async take(prompt) {
      const isUsed = busy.size > 0;
      const idle = nearest(live.filter((sequence) => !busy.has(sequence)), prompt);
      if (idle && idle.shared >= leastShared * idle.sequence.tokens.length) {
        if (!roomFor(idle.sequence, prompt.length) && isUsed) return undefined;
        idle.sequence.truncate(idle.shared);
        return use(idle.sequence);
      }
      // What one under way has in common is copied too: its tokens stay as they are.
      const near = nearest(live, prompt);
      const copied = near && near.shared > 0 ? near : undefined;
      const needed = first.bytesFor(prompt.length);
      const isTooMuch = () => live.length >= most || bytes() + needed > mostBytes;
      const empty = live.find((sequence) => !busy.has(sequence) && !sequence.tokens.length);
      if (empty && !copied && (roomFor(empty, prompt.length) || !isUsed)) return use(empty);
      giveWay(isTooMuch, copied?.sequence);
      if (!isTooMuch()) return add(copied ? await copied.sequence.fork(copied.shared) : create());
      // There is no room for another: the one that was used longest ago is taken over.
      const over = live.find((sequence) => !busy.has(sequence));
      if (!over || (!roomFor(over, prompt.length) && isUsed)) return undefined;
      over.truncate(sharedPrefix(over.tokens, prompt, prompt.length - 1));
      return use(over);
    },
    makeRoom: roomFor,
    hasRoom,
    drop(sequence) {
      busy.delete(sequence);
      close(sequence);
    },
    give: (sequence) => void busy.delete(sequence),
    closeAll() {
      for (const sequence of [...live]) close(sequence);
      busy.clear();
    },
  };
}

/** The sequence that has most in common with a prompt, the last used one of several. */
function nearest<S extends Reusable>(sequences: readonly S[], prompt: readonly number[]): { sequence: S; shared: number } | undefined {
  let best: { sequence: S; shared: number } | undefined;
  for (const sequence of sequences) {
    const shared = sharedPrefix(sequence.tokens, prompt, prompt.length - 1);
    if (!best || shared >= best.shared) best = { sequence, shared };
  }
  return best;
}

/** How many tokens two begin with alike, at most `most`. */
export function sharedPrefix(a: readonly number[], b: readonly number[], most = Infinity): number {
  let n = 0;
  while (n < a.length && n < b.length && n < most && a[n] === b[n]) n++;
  return n;
}
