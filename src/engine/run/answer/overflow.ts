// A conversation that is longer than the context: without its oldest turns, or without what lies between its first tokens and the latest ones.
import { choiceSeed } from '../../../model/sampling/seed.ts';
import { type ChatMessage } from '../../../protocol.ts';
import { type RunAnswer } from '../session.ts';

export interface Shortened {
  ids: number[];
  /** Messages that were left out. */
  dropped: number;
  /** Tokens that were left out, by `shift`. */
  droppedTokens?: number;
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

/** Tokens that stay at the beginning: models look there whatever they read (attention sinks; Xiao et al., StreamingLLM, 2024). */
const sinks = 4;
/** Seeds from here on are of no other choice of the same request. */
const firstSeed = 2 ** 16;

/** The first few tokens and the latest, together half of the context. */
export function shifted(tokens: readonly number[], context: number): number[] {
  const first = Math.min(sinks, context >> 2);
  return [...tokens.slice(0, first), ...tokens.slice(first - Math.max(1, context >> 1))];
}

/**
 * As `answer`, of `maxTokens` tokens whatever the context: where it is full, the answer goes on from what `shifted` leaves of it, which is run again, so
 * that each token is what the model gives to that text. `onShift` gets the number of tokens that were left out.
 */
export const shifting = (answer: RunAnswer, context: number, maxTokens: number, onShift: (dropped: number) => void): RunAnswer =>
  async (options, recover) => {
    const { sampling, onToken, signal } = options;
    let tokens = options.tokens;
    let left = maxTokens;
    let isEnough = false;
    const take: typeof onToken = (token) => {
      left--;
      const goesOn = onToken(token);
      isEnough ||= !goesOn;
      return goesOn;
    };
    for (let shifts = 0; ; shifts++) {
      // Random numbers are those of positions, which come again.
      const seed = shifts ? choiceSeed(sampling.seed, firstSeed + shifts) : sampling.seed;
      await answer({ ...options, sampling: { ...sampling, seed }, tokens, most: Math.min(context, tokens.length + left), onToken: take }, recover);
      if (isEnough || left < 1 || signal?.aborted || tokens.length < context) return;
      const kept = shifted(tokens, context);
      onShift(tokens.length - kept.length);
      tokens = kept;
    }
  };
