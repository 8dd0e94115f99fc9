// The keys and values of a sequence that a policy shapes: the sets of its layers, where its fresh slots begin, and where its ticks stand.
import { createRestored } from './latents/restored.ts';
import { type KvLayer } from './policy.ts';
import { type Fresh, type Rings, copyRing } from './fresh.ts';
import { pageSlots } from './formats/format.ts';
import { writeTokens } from './pages.ts';
import { cachesOf, segmentBytes } from './segment.ts';
import { type Sequence, type SequenceHome } from './sequence.ts';
import { type Sets, createSets } from './sets.ts';
import { type Queried, createQueried } from './queried.ts';
import { planeBytes } from './plane-bytes.ts';
import { type Shape } from './shape.ts';
import { type Away, createAway } from './tiers/away.ts';

export interface Shaped {
  readonly shape: Shape;
  /** Those that the policy has sets of, as its ticks see them. */
  readonly layers: readonly KvLayer[];
  /** The first position that is a fresh slot. */
  readonly base: number;
  /** Tokens, from the first one on, whose slots lie in another order than they do, so that they are cut as a whole; 0 where all are in order. */
  readonly joined: number;
  /** Positions that there were after the last tick. */
  readonly since: number;
  /** Positions whose planes ticks have written. */
  readonly noted: number;
  /** Tokens of the last prompt that has ended, and of all before it. */
  readonly promptLength: number;
  /** Which of its last queries are there. */
  readonly queried: Queried;
  readonly byteLength: number;
  /** What is at home in worker memory, where a policy has pages there. */
  readonly away?: Away;
  setsOf(layer: number): Sets;
  /** A tick was made at `length` positions; slots are fresh from `base` on. `ended`: of a prompt. `notes`: it wrote planes, which is the default. */
  ticked(length: number, base: number, ended?: boolean, notes?: boolean): void;
  /** Slots of so many tokens were put in another order. */
  join(until: number): void;
  /** Buffers were replaced. */
  replaced(): void;
  /** Forgets what is beyond `length` positions; gives the length reached, which is less where sets cannot be cut so. */
  cut(length: number): number;
  /** What `cut` would give. */
  reaches(length: number): number;
  free(): void;
  /** Has all there was at first, after `free`. */
  makeAnew(): void;
}

/** `fresh`: the fresh slots of the same sequence, as they are by now. */
export function createShaped(home: SequenceHome & { shape: Shape }, fresh: () => Fresh, replaced: () => void): Shaped {
  const { device, ledger, config, format, shape } = home;
  const caches = cachesOf(config);
  const makeAway = () => (shape.away.gpu ? createAway({ home, bytes: shape.away, sets: () => sets }) : undefined);
  const restored = home.bases && createRestored(ledger, format, replaced);
  const make = () => caches.map((heads, layer) => (shape.isShaped(layer) ? createSets(device, ledger, shape, layer, heads, sharedOf(layer)) : undefined));
  const sharedOf = (layer: number) => ({ whole: away?.whole, answer: away?.answers?.at(layer), basis: home.bases?.[layer], restored });
  let away = makeAway();
  let sets: (Sets | undefined)[] = make();
  let [base, joined, since, noted, promptLength] = [0, 0, 0, 0, 0];
  const queried = createQueried(shape.plan.queries);

  const isFresh = (length: number): boolean => length > 0 && length >= Math.max(base, joined);
  const reaches = (length: number): number => (isFresh(length) ? length : length < joined ? 0 : inSets(shape, length));

  /** Cuts sets that hold all positions in their order, or empties them. */
  function cutSets(reached: number): void {
    for (const own of sets) if (own) cutOwn(device, own, reached, away !== undefined);
    away?.cut(reached);
    sets.forEach((own) => own?.setWhole()); // as in a prompt under way: what its end finds is not of these slots alone
    joined = 0;
    base = reached;
  }

  return {
    shape, replaced, queried,
    get away() {
      return away;
    },
    get layers() {
      return sets.flatMap((own, layer) => (own ? [layerOf(home, layer, own, fresh())] : []));
    },
    get base() {
      return base;
    },
    get joined() {
      return joined;
    },
    get since() {
      return since;
    },
    get noted() {
      return noted;
    },
    get promptLength() {
      return promptLength;
    },
    get byteLength() {
      return sets.reduce((sum, own) => sum + (own?.byteLength ?? 0), (away?.byteLength ?? 0) + (restored?.byteLength ?? 0));
    },
    setsOf: (layer) => sets[layer]!,
    ticked(length, now, ended = false, notes = true) {
      [since, base] = [length, now];
      if (notes) noted = length;
      if (ended) promptLength = length;
    },
    join: (until) => void (joined = until),
    reaches,
    cut(length) {
      const reached = reaches(length);
      if (!isFresh(length)) cutSets(reached);
      [since, noted] = [Math.min(since, reached), Math.min(noted, reached)];
      return reached;
    },
    free() {
      sets.forEach((own) => own?.free());
      away?.free();
      restored?.free();
    },
    makeAnew() {
      away = makeAway();
      sets = make();
      base = joined = since = noted = promptLength = 0;
    },
  };
}

function layerOf({ config, format, shape }: SequenceHome, layer: number, { all, lists, queries, books, basis, picked, chosen }: Sets, fresh: Fresh): KvLayer {
  const { buffer, planes } = fresh.layer(layer);
  const own = { layer, heads: cachesOf(config)[layer], ...shape!.attended[layer], lists: lists.buffer, queries: queries?.buffer, books: books?.buffer };
  return { ...own, basis: basis?.buffer, sets: all, picked: (chosen ?? picked)?.buffer, fresh: { format, pages: buffer, planes } };
}

/** How far sets can be cut back to `length`. */
function inSets({ plan: { rewinds } }: Shape, length: number): number {
  return !rewinds ? 0 : rewinds === 'pages' ? Math.floor(length / pageSlots) * pageSlots : length;
}

/** Leaves the sets of a layer so many slots of each head. */
function cutOwn(device: GPUDevice, own: Sets, reached: number, isAway: boolean): void {
  for (const set of own.all) {
    const { at, words } = own.count(set, set.counts.map((count) => Math.min(count, reached)));
    device.queue.writeBuffer(own.lists.buffer, at, words);
    // What is known of them is not of these alone: bounds of more of them still hold, where not all could be read.
    set.tails.forEach((tail, head) => tail > reached && (set.tails[head] = isAway ? reached : 0));
  }
  if (reached === 0) own.empty(); // so that layers that take the same pages in the same order have them by the same numbers again
  if (own.picked) forgetPicks(device, own);
}

/** What a token had chosen may be gone. */
function forgetPicks({ queue }: GPUDevice, { picked, chosen, pick, runs, all: [{ tails }] }: Sets): void {
  const words = pick(runs, tails);
  for (const each of [picked, chosen]) if (each) queue.writeBuffer(each.buffer, 0, words);
}

/** What fresh slots have to know of a shape. `base`: the first position that is there. */
export const ringsOf = (shape: Shape, base: () => number): Rings => ({
  has: (layer) => shape.isShaped(layer), slots: shape.ringSlots, base, planeBytes: (pages) => planeBytes(shape.plan, pages),
});

/** Copies what sets hold, and rings as far as that is kept, and cuts the copy. Nothing where that would be empty. */
export async function forkShaped(home: SequenceHome, from: Sequence, copy: Sequence, wished: number): Promise<Sequence> {
  const { device, config, format } = home;
  const [source, target] = [from.shaped!, copy.shaped!];
  const memory = from.memory?.source(wished);
  const length = Math.min(from.tokens.length, from.memory ? (memory?.length ?? 0) : wished);
  const reached = source.reaches(length);
  if (reached === 0) return copy;
  target.ticked(source.promptLength, 0, true);
  target.ticked(source.noted, source.base);
  target.ticked(source.since, source.base, false, false);
  target.queried.goOn(from.tokens.length, source.queried.at(from.tokens.length));
  target.join(source.joined);
  await copy.makeRoom(reached);
  for (const { layer } of source.layers) await target.setsOf(layer).copyFrom(source.setsOf(layer));
  for (const { layer } of source.layers) target.setsOf(layer).paging?.copyFrom(source.setsOf(layer).paging!);
  if (source.away) await target.away!.copyFrom(source.away);
  target.replaced();
  const encoder = device.createCommandEncoder({ label: 'sequence.fork' });
  const first = Math.floor(source.base / pageSlots);
  const pages = Math.max(0, Math.ceil(reached / pageSlots) - first);
  const ringOf = ({ layers }: Shaped, layer: number) => layers.find((each) => each.layer === layer)?.fresh;
  cachesOf(config).forEach((heads, layer) => {
    const [old, now] = [from, copy].map((each) => each.fresh(layer).buffer);
    const [ring, other] = [ringOf(source, layer), ringOf(target, layer)];
    if (!ring) return encoder.copyBufferToBuffer(old, 0, now, 0, Math.min(old.size, now.size));
    const [before, after] = [old, now].map(({ size }) => size / segmentBytes(heads, pageSlots, format));
    copyRing(encoder, old, now, [before, after], first, pages);
    if (ring.planes && other?.planes) copyRing(encoder, ring.planes, other.planes, [before, after], first, pages);
  });
  device.queue.submit([encoder.finish()]);
  writeTokens(home, copy, from.tokens.slice(0, length));
  if (memory) copy.memory!.take(memory);
  copy.truncate(length);
  return copy;
}
