// Prompts of the Prompt API as messages of a chat, all of text.
import { type ChatMessageParam } from '../api/completions/chat.ts';
import { shown } from '../errors.ts';
import { notSupported } from './errors.ts';
import { type PromptInput, type PromptMessage } from './types.ts';

/** @throws TypeError; NotSupportedError for what is no text; SyntaxError for the beginning of an answer that is not in its place */
export function toTurns(input: PromptInput): ChatMessageParam[] {
  if (typeof input === 'string') return [{ role: 'user', content: input }];
  if (!Array.isArray(input) || !input.length)
    throw new TypeError(`The prompt is ${shown(input)}; it must be text, or an array of at least one { role, content }.`);
  if (input.some((message) => message?.role === 'system'))
    throw new TypeError('A prompt has a message of the role system; there may be one as the first of initialPrompts.');
  return input.map((message, i) => toMessage(message, i === input.length - 1));
}

/** The same as what follows in a conversation: an answer is begun only where there is something to answer. */
export function toFollowing(input: PromptInput, before: readonly ChatMessageParam[]): ChatMessageParam[] {
  const turns = toTurns(input);
  if (!turns.at(-1)!.prefix || [...before, ...turns].some(({ role }) => role === 'user')) return turns;
  throw new DOMException('The prompt is the prefix of an answer alone; put what it answers before it, as a message of the role user.', 'SyntaxError');
}

/** Those of what is not answered now. */
export function toAppended(input: PromptInput): ChatMessageParam[] {
  const turns = toTurns(input);
  if (turns.at(-1)?.prefix) throw misplaced();
  return turns;
}

/** The same of what a conversation begins with. */
export function toInitialTurns(prompts: PromptMessage[] | undefined): ChatMessageParam[] {
  if (prompts === undefined) return [];
  if (!Array.isArray(prompts)) throw new TypeError(`initialPrompts is ${shown(prompts)}; it must be an array of { role, content }.`);
  const later = prompts.findLastIndex((message) => message?.role === 'system');
  if (later > 0) throw new TypeError(`initialPrompts[${later}] has the role system; only the first may have it.`);
  return prompts.map((message) => toMessage(message, false));
}

const misplaced = (): DOMException =>
  new DOMException('A message has a prefix of the answer; only the last message of a prompt, of the assistant, may have one.', 'SyntaxError');

function toMessage({ role, content, prefix }: PromptMessage, isLast: boolean): ChatMessageParam {
  if (role !== 'system' && role !== 'user' && role !== 'assistant') throw new TypeError(`A message has the role ${shown(role)}; it must be user or assistant.`);
  if (prefix && (role !== 'assistant' || !isLast)) throw misplaced();
  return { role, content: toText(content), ...(prefix && { prefix }) };
}

function toText(content: PromptMessage['content']): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) throw new TypeError(`A message has the content ${shown(content)}; it must be text, or an array of { type, value }.`);
  return content
    .map(({ type, value }) => {
      if (type !== 'text') throw notSupported(`A message has content of the type ${shown(type)}; models of windrow read text.`);
      if (typeof value !== 'string') throw new TypeError(`A text of a message is ${shown(value)}; it must be a string.`);
      return value;
    })
    .join('');
}

/** Messages of the same role after each other as one: chat templates want them to take turns. Calls and their results stay as they are. */
export function joined(messages: readonly ChatMessageParam[]): ChatMessageParam[] {
  const turns: ChatMessageParam[] = [];
  for (const message of messages) {
    const last = turns.at(-1);
    const isMore = last?.role === message.role && message.role !== 'tool' && !last.tool_calls && !message.tool_calls;
    if (isMore) turns[turns.length - 1] = { ...message, content: `${last.content as string}\n\n${message.content as string}` };
    else turns.push(message);
  }
  return turns;
}

/** Without the oldest turn: up to what the user says next. */
export function withoutOldest(history: readonly ChatMessageParam[]): ChatMessageParam[] {
  const next = history.findIndex(({ role }, i) => i > 0 && role === 'user');
  return next < 0 ? [] : history.slice(next);
}
