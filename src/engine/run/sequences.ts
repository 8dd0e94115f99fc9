// The sequences of a placed model: which one a prompt goes on from, and which give way where keys and values would take
// more than was planned for all of them together. Knows no text; a sequence that gave way comes back by its tokens.

/** What is asked of a sequence here; src/kv/sequence.ts has the rest. */
export interface Reusable {
  /** Whose keys and values are there, in order. */
  readonly tokens: readonly number[];
  /** Whether they are not what running the tokens gives, until it is emptied: nobody but its owner goes on from them. */
  readonly approximate?: boolean;
  /** How many of a prompt's last tokens are run even where they are there. Default: one, for its logits. */
  readonly runAnew?: number;
  /** Bytes that it takes on the GPU. */
  readonly byteLength: number;
  /** The bytes that another sequence would take with room for so many positions, or it itself. */
  bytesFor(positions: number, itself?: boolean): number;
  /** Forgets what is beyond `length` tokens; the length reached may be less. */
  truncate(length: number): number;
  /** The length that `truncate` would reach, of a copy as well. Default: `length`. */
  reaches?(length: number): number;
  /** A sequence of the first `length` tokens; what this one holds stays as it is. */
  fork(length: number): Promise<this>;
  /** Frees what it has; false for one that stays, emptied. */
  close(): boolean;
}

export interface Sequences<S extends Reusable> {
  /**
   * A sequence for a prompt, cut to what it has in common with it: at most all tokens but the last (`runAnew`), which is run for its
   * logits. Undefined while those in use leave no room for the prompt. `owner`: whose it is; nobody else's prompt cuts it then.
   */
  take(prompt: readonly number[], owner?: string): Promise<S | undefined>;
  /** The sequence of an owner, which may be in use; undefined where it has none, or it gave way. */
  of(owner: string): S | undefined;
  /** Gives an owner a copy of what another has, in place of what it had. False if there is no room for one more, or nothing to copy. */
  fork(from: string, owner: string): Promise<boolean>;
  /** Gives an owner a sequence that `fill` fills with so many positions, in place of what it had. False if those in use leave no room. */
  fill(owner: string, positions: number, fill: (sequence: S) => Promise<void>): Promise<boolean>;
  /** Takes a sequence from its owner and frees it; one in use is freed by whoever uses it. */
  disown(owner: string): void;
  /** Makes room for a sequence to have `positions`, by closing idle ones, the least recently used first. False where those in use leave none. */
  makeRoom(sequence: S, positions: number): boolean;
  /** Whether there is room for `positions` as it is. */
  hasRoom(sequence: S, positions: number): boolean;
  /** The request that took it has ended. Its tokens wait for the next prompt. */
  give(sequence: S): void;
  /** As `give`, where others need its room now. */
  drop(sequence: S): void;
  /** Takes one that no request has, so that others wait for it, until it is given. False where it is in use. */
  hold(sequence: S): boolean;
  /** Whether one is in use by others than `sequence`. */
  othersUse(sequence?: S): boolean;
  /** Resolves when one is given back, or all are closed. */
  whenGiven(): Promise<void>;
  /** The same where one is held; else undefined. */
  whenHeldGiven(): Promise<void> | undefined;
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

/** What `Sequences` are, as data. */
export interface Pool<S> extends SequencesOptions<S> {
  /** The least recently used first. */
  readonly live: S[];
  readonly busy: Set<S>;
  readonly owners: Map<S, string>;
  /** In use, and then of use to nobody. */
  readonly closing: Set<S>;
}

/** A chunk of its own: most pages fork and fill nothing. */
const forOwners = () => import('./owned.ts');

export function createSequences<S extends Reusable>(options: SequencesOptions<S>): Sequences<S> {
  const pool: Pool<S> = { ...options, live: [options.first], busy: new Set(), owners: new Map(), closing: new Set() };
  const { live, busy, owners, closing } = pool;
  const held = new Set<S>();
  let waiting: (() => void)[] = [];
  const whenGiven = () => new Promise<void>((resolve) => void waiting.push(resolve));
  const given = (sequence?: S): void => {
    if (sequence) busy.delete(sequence);
    else busy.clear();
    if (sequence) held.delete(sequence);
    else held.clear();
    const all = waiting;
    waiting = [];
    for (const resolve of all) resolve();
  };
  return {
    live,
    of: (owner) => ofOwner(pool, owner),
    take: (prompt, owner) => take(pool, prompt, owner),
    fork: async (from, owner) => (await forOwners()).forkFor(pool, from, owner),
    fill: async (owner, positions, fill) => (await forOwners()).fillFor(pool, owner, { positions, fill }),
    disown(owner) {
      const sequence = ofOwner(pool, owner);
      if (!sequence) return;
      owners.delete(sequence);
      if (busy.has(sequence)) closing.add(sequence);
      else close(pool, sequence);
    },
    makeRoom: (sequence, positions) => roomFor(pool, sequence, positions),
    hasRoom: (sequence, positions) => hasRoom(pool, sequence, positions),
    drop(sequence) {
      closing.delete(sequence);
      close(pool, sequence);
      given(sequence);
    },
    give(sequence) {
      if (closing.delete(sequence)) close(pool, sequence);
      given(sequence);
    },
    hold(sequence) {
      if (busy.has(sequence)) return false;
      use(pool, sequence);
      held.add(sequence);
      return true;
    },
    othersUse: (sequence) => [...busy].some((each) => each !== sequence),
    whenGiven,
    whenHeldGiven: () => (held.size ? whenGiven() : undefined),
    closeAll() {
      for (const sequence of [...live]) close(pool, sequence);
      given();
    },
  };
}

export function close<S extends Reusable>({ live, owners }: Pool<S>, sequence: S): void {
  owners.delete(sequence);
  if (sequence.close()) live.splice(live.indexOf(sequence), 1);
}

export const isIdle = <S>({ busy }: Pool<S>) => (sequence: S): boolean => !busy.has(sequence);
export const isFree = <S>({ busy, owners }: Pool<S>) => (sequence: S): boolean => !busy.has(sequence) && !owners.has(sequence);

const bytesOf = (sequences: readonly Reusable[]): number => sequences.reduce((sum, { byteLength }) => sum + byteLength, 0);

/**
 * Closes idle sequences until there are `bytes` for others, those of no owner first, the least recently used before others; never `kept`.
 * None is closed in vain: where those in use by others leave too little, nothing is. Whether there are as many bytes now.
 */
export function freeBytes<S extends Reusable>(pool: Pool<S>, bytes: number, kept?: S): boolean {
  const { live, busy, owners, mostBytes } = pool;
  const idle = live.filter((sequence) => sequence !== kept && isIdle(pool)(sequence));
  const othersAreInUse = [...busy].some((sequence) => sequence !== kept);
  if (othersAreInUse && bytesOf(live) - bytesOf(idle) + bytes > mostBytes) return false;
  for (const sequence of idle.sort((a, b) => Number(owners.has(a)) - Number(owners.has(b)))) {
    if (bytesOf(live) + bytes <= mostBytes) break;
    close(pool, sequence);
  }
  return bytesOf(live) + bytes <= mostBytes;
}

/** Closes idle ones of no owner until there may be one more; none where that would not do, as those of owners are not counted. Whether there may be one. */
function freePlace<S extends Reusable>(pool: Pool<S>, kept?: S): boolean {
  const { live, owners, most, first } = pool;
  const over = () => live.length - owners.size - most + 1;
  const closable = live.filter((sequence) => sequence !== kept && isFree(pool)(sequence));
  if (over() > closable.filter((sequence) => sequence !== first).length) return over() <= 0; // the first may stay
  for (const sequence of closable) if (over() > 0) close(pool, sequence);
  return over() <= 0;
}

const growthOf = (sequence: Reusable, positions: number): number => Math.max(0, sequence.bytesFor(positions, true) - sequence.byteLength);

const hasRoom = <S extends Reusable>({ live, mostBytes }: Pool<S>, sequence: S, positions: number): boolean =>
  bytesOf(live) + growthOf(sequence, positions) <= mostBytes;

export const roomFor = <S extends Reusable>(pool: Pool<S>, sequence: S, positions: number): boolean => freeBytes(pool, growthOf(sequence, positions), sequence);

export function use<S>({ live, busy }: Pool<S>, sequence: S): S {
  const at = live.indexOf(sequence);
  if (at >= 0) live.splice(at, 1);
  live.push(sequence);
  busy.add(sequence);
  return sequence;
}

export const ofOwner = <S>({ live, owners }: Pool<S>, owner: string): S | undefined => live.find((sequence) => owners.get(sequence) === owner);

async function take<S extends Reusable>(pool: Pool<S>, prompt: readonly number[], owner?: string): Promise<S | undefined> {
  const { busy, owners } = pool;
  const own = owner === undefined ? undefined : ofOwner(pool, owner);
  if (own && !busy.has(own)) {
    const isUsed = busy.size > 0;
    if (!roomFor(pool, own, prompt.length) && isUsed) return undefined;
    own.truncate(sharedWith(own, prompt));
    return use(pool, own);
  }
  const taken = await takeAny(pool, prompt, owner);
  if (taken && owner !== undefined && !own) owners.set(taken, owner);
  return taken;
}

/** A sequence for a prompt of nobody, or of an owner who has none: then it does not count among those that are `most`. */
async function takeAny<S extends Reusable>(pool: Pool<S>, prompt: readonly number[], owner?: string): Promise<S | undefined> {
  const { live, busy, owners, first } = pool;
  const isUsed = busy.size > 0;
  const begins = live.filter((sequence) => !sequence.approximate || (owner !== undefined && owners.get(sequence) === owner));
  const idle = nearest(begins.filter(isFree(pool)), prompt);
  // What one under way, or of an owner, has in common is copied: its tokens stay as they are.
  const near = nearest(begins, prompt);
  if (idle && idle.shared >= leastShared * idle.sequence.tokens.length && idle.shared >= near!.shared) {
    if (!roomFor(pool, idle.sequence, prompt.length) && isUsed) return undefined;
    idle.sequence.truncate(idle.shared);
    return use(pool, idle.sequence);
  }
  const copied = near && (near.sequence.reaches?.(near.shared) ?? near.shared) > 0 ? near : undefined;
  const empty = live.find((sequence) => isFree(pool)(sequence) && !sequence.tokens.length);
  if (empty && !copied && (roomFor(pool, empty, prompt.length) || !isUsed)) return use(pool, empty);
  const hasPlace = owner !== undefined || freePlace(pool, copied?.sequence);
  if (hasPlace && freeBytes(pool, first.bytesFor(prompt.length), copied?.sequence))
    return use(pool, copied ? await copied.sequence.fork(copied.shared) : pool.create());
  // There is no room for another: the one that was used longest ago is taken over, of an owner only where it is bytes that are short.
  const over = live.find(isFree(pool)) ?? (hasPlace ? live.find(isIdle(pool)) : undefined);
  if (!over || (!roomFor(pool, over, prompt.length) && isUsed)) return undefined;
  owners.delete(over);
  over.truncate(begins.includes(over) ? sharedWith(over, prompt) : 0);
  return use(pool, over);
}

/** The sequence that has most in common with a prompt, the last used one of several. */
function nearest<S extends Reusable>(sequences: readonly S[], prompt: readonly number[]): { sequence: S; shared: number } | undefined {
  let best: { sequence: S; shared: number } | undefined;
  for (const sequence of sequences) {
    const shared = sharedWith(sequence, prompt);
    if (!best || shared >= best.shared) best = { sequence, shared };
  }
  return best;
}

/** What a prompt may go on from. */
const sharedWith = ({ tokens, runAnew = 1 }: Reusable, prompt: readonly number[]): number => sharedPrefix(tokens, prompt, prompt.length - runAnew);

/** How many tokens two begin with alike, at most `most`. */
export function sharedPrefix(a: readonly number[], b: readonly number[], most = Infinity): number {
  let n = 0;
  while (n < a.length && n < b.length && n < most && a[n] === b[n]) n++;
  return n;
}
