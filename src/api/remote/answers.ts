// Answers of servers in the shapes of windrow's: what they leave out or call otherwise. What they have beside that stays.
import { type GenerateStats } from '../../protocol.ts';
import { type ChatUsage } from '../completions/chat.ts';
import { type Calls, createCalls } from './calls.ts';

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
  tokens?: number;
}

export const toUsage = (usage: Partial<ChatUsage> | null | undefined): ChatUsage => {
  const told = Object.fromEntries(Object.entries(usage ?? {}).filter(([, value]) => value !== null)) as Partial<ChatUsage>;
  const { prompt_tokens = 0, completion_tokens = 0, total_tokens = prompt_tokens + completion_tokens, prompt_tokens_details: details } = told;
  return { ...told, prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details: { ...details, cached_tokens: details?.cached_tokens ?? 0 } };
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

const reasons = ['length', 'tool_calls', 'content_filter'];
const toReason = (reason: string | null | undefined): string | null =>
  reason === null || reason === undefined ? null : reasons.includes(reason) ? reason : 'stop';

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
  const reader = createCalls();
  const whole = reader.read(Array.isArray(calls) ? calls.map((call: Fields, index) => ({ ...call, index })) : []);
  reader.end();
  const told = whole.map(({ id, type, function: called }) => ({ id, type, function: called }));
  return { role: 'assistant', content: null, refusal: null, ...others, ...(told.length && { tool_calls: told }) };
};

export interface ChunksOptions {
  /** When it was asked, by performance.now(). */
  since: number;
  /** Whether choices are of chats, with a `delta`, or have a `text`. */
  isChat: boolean;
  /** Whether the chunk of the usage was asked for. */
  withUsage: boolean;
  /** What is thrown where the answer ends without a reason. */
  broken(): Error;
}

/**
 * Chunks as they come, each of one token unless the server tells. Those with a reason are held back until the usage, which comes last, is known,
 * for their `stats`.
 */
export async function* toChunks(events: AsyncIterable<unknown>, { since, isChat, withUsage, broken }: ChunksOptions): AsyncGenerator<Answer, void, void> {
  const callsOf = new Map<number, Calls>(); // by the choice
  const saidOf = ({ index, delta, text }: Fields): Fields => {
    if (!isChat) return { text: text ?? '' };
    const calls = callsOf.get(index as number) ?? createCalls();
    callsOf.set(index as number, calls);
    return { delta: toDelta(isObject(delta) ? delta : {}, calls) };
  };
  const ends: { told: Answer; at: number }[] = [];
  const made = new Map<number, Made>(); // by the choice
  let usage: ChatUsage | undefined;
  let last: Answer | undefined;
  for await (const event of events) {
    const { usage: given, ...chunk } = checked(event);
    const choices = chunk.choices.map((choice) => ({ logprobs: null, ...choice, finish_reason: toReason(choice.finish_reason), ...saidOf(choice) }));
    if (given) usage = toUsage(given);
    const saying = choices.filter(hasText);
    last = { ...chunk, choices, ...(saying.length > 0 && { tokens: chunk.tokens ?? 1 }), ...(withUsage && { usage: null }) };
    if (!choices.length) continue;
    for (const { index } of saying) {
      const { tokens, first } = made.get(index) ?? { tokens: 0, first: performance.now() };
      made.set(index, { tokens: tokens + last.tokens!, first });
    }
    if (choices.some(({ finish_reason }) => finish_reason !== null)) ends.push({ told: last, at: performance.now() });
    else yield last;
  }
  if (!last || !ends.length) throw broken();
  for (const calls of callsOf.values()) calls.end();
  const counted = [...made.values()].reduce((sum, { tokens }) => sum + tokens, 0);
  usage ??= toUsage({ completion_tokens: counted });
  for (const { told, at } of ends) {
    const { tokens, first } = made.get(told.choices[0].index) ?? { tokens: 0, first: at };
    // Of several choices nobody tells the numbers of each: they are counted.
    const own = ends.length === 1 ? usage : { ...usage, completion_tokens: tokens };
    yield { ...told, stats: told.stats ?? statsOf(own, first - since, at - first) };
  }
  if (withUsage) yield { ...last, tokens: undefined, stats: undefined, choices: [], usage };
}

/** What was said of a choice, and when it began, by performance.now(). */
interface Made {
  tokens: number;
  first: number;
}

/** Of embeddings and rankings: their counts and time. Some servers count all tokens alone. */
export function toCounted(told: unknown, since: number): unknown {
  if (!isObject(told)) return told;
  const { usage: given, stats, ...answer } = told;
  const { prompt_tokens, total_tokens, ...others } = isObject(given) ? given : {};
  const prompt = Number(prompt_tokens ?? total_tokens ?? 0);
  const usage = { ...others, prompt_tokens: prompt, total_tokens: Number(total_tokens ?? prompt) };
  return { ...answer, usage, stats: stats ?? statsOf(toUsage({ prompt_tokens: prompt }), performance.now() - since, 0) };
}

const hasText = ({ text, delta }: Fields): boolean =>
  Boolean(text) || (isObject(delta) && Boolean(delta.content || delta.reasoning_content || delta.tool_calls));

/** Servers say nothing as null, or as an empty list. */
function toDelta(delta: Fields, reader: Calls): Fields {
  const { content, tool_calls: pieces, ...others } = toTexts(delta);
  const calls = reader.read(pieces);
  return { ...others, ...(typeof content === 'string' && { content }), ...(calls.length && { tool_calls: calls }) };
}

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

function checked(told: unknown): Answer {
  if (isObject(told) && Array.isArray(told.choices) && told.choices.every(isObject)) return told as Answer;
  throw new Error(`The server's answer has no choices: ${JSON.stringify(told)?.slice(0, 200)}`);
}
