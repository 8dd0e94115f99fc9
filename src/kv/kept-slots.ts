// How many slots each head of a shaped sequence has by now, for people to see.
import { type KeptSlots } from '../protocol.ts';
import { type Sequence } from './sequence.ts';

/** Undefined of a sequence that keeps everything. Layers that the policy leaves alone are not among them. */
export function keptSlots({ tokens, shaped }: Pick<Sequence, 'tokens' | 'shaped'>): KeptSlots | undefined {
  if (!shaped) return undefined;
  const fresh = tokens.length - Math.min(tokens.length, shaped.base);
  const slots = ({ heads, sets }: (typeof shaped.layers)[number]): number[] =>
    Array.from({ length: heads.kvHeads }, (_, head) => sets.reduce((sum, { counts }) => sum + counts[head], fresh));
  const { away } = shaped;
  const answered = away?.answers && { answered: { ...away.answers.counters } };
  return { tokens: tokens.length, layers: shaped.layers.map(slots), ...(away && { away: { ...away.counters } }), ...answered };
}
