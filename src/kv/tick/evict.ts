// How a tick of a policy ends that keeps some slots and drops the others, as most do.
import { pageSlots } from '../formats/format.ts';
import { type KvLayer, type KvTick } from '../policy.ts';
import { keepListed } from './move.ts';
import { type Kept, type Rank, list, rank } from './rank.ts';

export interface Choice extends Pick<Rank, 'first' | 'last'> {
  /** Slots of every kv head that stay, or of each, of those before `end`. */
  keep: number | readonly number[];
  /** Encodes what scores them; none: what is newer stays. */
  scores?: () => NonNullable<Rank['scores']>;
  /** Encodes what becomes of those without a mark, and gives what is to be encoded when the listed ones are the set's. */
  merge?: (marks: GPUBuffer) => ((kept: Kept) => void) | undefined;
}

/** Of the slots before position `end` each layer keeps in its first set what is chosen, and all other ones are gone. The newer ones stay fresh. */
export async function evict(kv: KvTick, end: number, choose: (layer: KvLayer) => Choice): Promise<void> {
  checkEnd(kv, end);
  for (const layer of kv.layers) {
    const [set] = layer.sets;
    const { keep, scores, merge, ...always } = choose(layer);
    const most = (head: number) => Math.max(0, typeof keep === 'number' ? keep : keep[head]);
    const counts = Array.from(set.counts, (count, head) => Math.min(most(head), count + end - kv.base));
    await kv.makeRoom(set, counts);
    const each = typeof keep === 'number' ? Math.max(0, keep) : keep.map((_, head) => most(head));
    const marks = rank(kv, layer, { ...always, scores: scores?.(), end, keep: each });
    const merged = merge?.(marks);
    const kept = list(kv, layer, marks, end);
    keepListed(kv, layer, kept);
    merged?.(kept);
    kv.setCounts(set, counts);
  }
  kv.advance(end);
}

/** Slots that are fresh no more never become so again. */
export function checkEnd({ base, length }: Pick<KvTick, 'base' | 'length'>, end: number): void {
  if (!(end >= base && end <= length)) throw new Error(`Slots were to be fresh from ${end} on; those from ${base} to ${length} are.`);
}

/** Where fresh slots are to begin after this tick: the last `window` positions stay, and no slot becomes a fresh one again. */
export const endOf = ({ plan: { window }, length, base }: KvTick): number => Math.max(base, length - window);

/** The same where pages are sealed as wholes: fresh slots begin where a page does. */
export const pageEndOf = (kv: KvTick): number => Math.max(kv.base, Math.floor(endOf(kv) / pageSlots) * pageSlots);

/** Gives the first set of every layer `end` slots of each head, with room for them. BudgetError where there is none. */
export async function fillTo(kv: KvTick, end: number): Promise<void> {
  for (const { sets: [set] } of kv.layers) {
    const counts = set.counts.map(() => end);
    await kv.makeRoom(set, counts);
    kv.setCounts(set, counts);
  }
}
