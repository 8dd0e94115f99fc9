// A conversation that is longer than the context, without its oldest turns.
import { type ChatMessage } from '../../../protocol.ts';

export interface Shortened {
  ids: number[];
  /** Messages that were left out. */
  dropped: number;
}

/**
 * The ids of a conversation, and where they leave less room than the answer asks for, without as many of the oldest turns as make a quarter of
 * the context free, or what the answer asks for if that is more, up to half. A turn begins with a user's message; system messages at the
 * beginning stay, and so does the last turn, though it alone may be too long.
 */
export function shorten(
  messages: readonly ChatMessage[],
  encode: (messages: readonly ChatMessage[]) => number[],
  context: number,
  maxTokens: number,
): Shortened {
  const half = Math.floor(context / 2);
  const whole = encode(messages);
  if (whole.length + Math.min(Number.isFinite(maxTokens) ? maxTokens : 1, half) <= context) return { ids: whole, dropped: 0 };
  const isSystem = ({ role }: ChatMessage): boolean => role === 'system';
  const kept = messages.slice(0, messages.findIndex((message) => !isSystem(message)));
  const cuts = [...messages.keys()].filter((i) => i > kept.length && messages[i].role === 'user');
  if (!cuts.length) return { ids: whole, dropped: 0 };
  const free = Math.max(Math.floor(context / 4), Number.isFinite(maxTokens) ? Math.min(maxTokens, half) : 0);
  const from = (cut: number): Shortened => ({ ids: encode([...kept, ...messages.slice(cut)]), dropped: cut - kept.length });
  let [low, high] = [0, cuts.length - 1]; // the first cut that is enough, or the last
  while (low < high) {
    const middle = (low + high) >> 1;
    if (from(cuts[middle]).ids.length + free <= context) high = middle;
    else low = middle + 1;
  }
  return from(cuts[low]);
}
