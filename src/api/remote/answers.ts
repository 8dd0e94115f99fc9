// Answers of servers in the shapes of windrow's: what they leave out or call otherwise. What they have beside that stays.
import { type GenerateStats } from '../../protocol.ts';
import { type ChatUsage } from '../completions/chat.ts';

interface Fields {
  [name: string]: unknown;
}
interface Choice extends Fields {
  index: number;
  finish_reason: string | null;
}
interface Answer extends Fields {
  choices: Choice[];
  usage?: Partial<ChatUsage> | null;
  stats?: GenerateStats;
}

export const toUsage = (usage: Partial<ChatUsage> | null | undefined): ChatUsage => {
  const { prompt_tokens = 0, completion_tokens = 0, total_tokens = prompt_tokens + completion_tokens } = usage ?? {};
  return { prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details: { cached_tokens: usage?.prompt_tokens_details?.cached_tokens ?? 0 } };
};

/** By this machine's clock; nothing is known of the server's GPU. */
const statsOf = ({ prompt_tokens, completion_tokens, prompt_tokens_details }: ChatUsage, prefillMs: number, decodeMs: number): GenerateStats => ({
  promptTokens: prompt_tokens, cachedTokens: prompt_tokens_details.cached_tokens, newTokens: completion_tokens, prefillMs, decodeMs, gpuBytesPeak: 0,
});

/** vLLM and others have `reasoning`. */
function toTexts(message: Fields): Fields {
  const { reasoning, reasoning_content = reasoning, content, ...others } = message;
  return { ...others, ...(content !== undefined && { content }), ...(typeof reasoning_content === 'string' && reasoning_content && { reasoning_content }) };
}

const toReason = (reason: string | null | undefined): string | null =>
  reason === null || reason === undefined ? null : reason === 'length' || reason === 'tool_calls' ? reason : 'stop';

/** A whole answer; all of its time counts as that of decoding. */
export function toWhole(told: unknown, since: number): Answer {
  const { choices, usage: given, stats, ...head } = checked(told);
  const usage = toUsage(given);
  return {
    ...head,
    choices: choices.map(({ message, ...choice }) => ({
      logprobs: null, ...choice, finish_reason: toReason(choice.finish_reason) ?? 'stop', ...(isObject(message) && { message: toMessage(message) }),
    })),
    usage,
    stats: stats ?? statsOf(usage, 0, performance.now() - since),
  };
}

const toMessage = (message: Fields): Fields => {
  const { tool_calls: calls, ...others } = toTexts(message);
  return { role: 'assistant', content: null, refusal: null, ...others, ...(Array.isArray(calls) && calls.length && { tool_calls: calls }) };
};

/**
 * Chunks as they come, each of one token unless the server tells. Those with a reason are held back until the usage, which comes last, is known,
 * for their `stats`; the chunk of the usage is only given if it was asked for. @throws Error where the answer ends without a reason.
 */
export async function* toChunks(events: AsyncIterable<unknown>, since: number, withUsage: boolean, broken: () => Error): AsyncGenerator<Answer, void, void> {
  const ends: Answer[] = [];
  let first: number | undefined;
  let usage: ChatUsage | undefined;
  let last: Answer | undefined;
  for await (const event of events) {
    const { usage: given, ...chunk } = checked(event);
    const choices = chunk.choices.map(({ delta, ...choice }) => ({
      logprobs: null, ...choice, finish_reason: toReason(choice.finish_reason), ...(isObject(delta) && { delta: toDelta(delta) }),
    }));
    if (given) usage = toUsage(given);
    const says = choices.some(hasText);
    last = { ...chunk, choices, ...(says && { tokens: chunk.tokens ?? 1 }), ...(withUsage && { usage: null }) };
    if (!choices.length) continue;
    if (says) first ??= performance.now();
    if (choices.some(({ finish_reason }) => finish_reason !== null)) ends.push(last);
    else yield last;
  }
  if (!last || !ends.length) throw broken();
  const now = performance.now();
  // Of several choices nobody tells the numbers of each.
  const stats = usage && ends.length === 1 ? statsOf(usage, (first ?? now) - since, now - (first ?? now)) : undefined;
  for (const end of ends) yield { ...end, ...(end.stats ?? stats ? { stats: end.stats ?? stats } : {}) };
  if (withUsage) yield { ...last, tokens: undefined, stats: undefined, choices: [], usage: usage ?? toUsage(undefined) };
}

const hasText = ({ text, delta }: Fields): boolean =>
  Boolean(text) || (isObject(delta) && Boolean(delta.content || delta.reasoning_content || delta.tool_calls));

/** Servers say nothing as null, or as an empty list. */
function toDelta(delta: Fields): Fields {
  const { content, tool_calls: calls, ...others } = toTexts(delta);
  return { ...others, ...(typeof content === 'string' && { content }), ...(Array.isArray(calls) && calls.length && { tool_calls: calls }) };
}

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

function checked(told: unknown): Answer {
  if (isObject(told) && Array.isArray(told.choices) && told.choices.every(isObject)) return told as Answer;
  throw new Error(`The server's answer has no choices: ${JSON.stringify(told)?.slice(0, 200)}`);
}
