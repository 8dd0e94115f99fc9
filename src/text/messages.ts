// Messages as callers give them, made ready for a template as transformers does it.
import { RequestError, shown } from '../errors.ts';

/** Besides these, whatever a template reads: tool_call_id, reasoning_content, name. */
export interface Message {
  readonly role: string;
  /** A text, parts like `{ type: 'text', text }`, or what else the template takes; may be missing beside tool calls. */
  readonly content?: unknown;
  readonly tool_calls?: unknown;
  /** Of the last one: the beginning of the answer. */
  readonly prefix?: unknown;
}

/** Names under which a message's reasoning is given. */
const reasoningFields = ['reasoning_content', 'thinking', 'reasoning'] as const;

/**
 * Well-formed messages: half surrogate pairs have no UTF-8, and would be taken for marks. Fields that are null are left out,
 * and reasoning is there under the names that templates read. Throws a RequestError for what is no message.
 */
export function normalizeMessages(messages: readonly Message[]): Message[] {
  if (messages.length === 0) throw new RequestError('The conversation has no messages; needed is at least one.');
  return messages.map((message, index) => {
    const { role, content } = message;
    // A role becomes part of control tokens.
    if (typeof role !== 'string' || !/^[\w-]{1,64}$/.test(role))
      throw new RequestError(`The role of message ${index + 1} is ${shown(role)}; needed is a word like "user", "assistant" or "system".`);
    const hasContent = typeof content === 'string' || (typeof content === 'object' && content !== null);
    if (!hasContent && !((content ?? null) === null && message.tool_calls)) throw new RequestError(`The content of message ${index + 1} is no text.`);
    const given: Record<string, unknown> = Object.fromEntries(
      Object.entries(wellFormed(message) as object).filter(([, value]) => value !== null && value !== undefined),
    );
    const reasoning = reasoningFields.map((field) => given[field]).find((value) => value !== undefined);
    return { ...(reasoning === undefined ? given : { thinking: reasoning, ...given, reasoning_content: reasoning }), role };
  });
}

/** The same with every text in it well-formed. */
export const wellFormed = (value: unknown): unknown => mapTexts(value, (text) => text.replace(/\p{Cs}/gu, '\ufffd'));

/** The same with every text changed, keys too. */
export function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [change(key), mapTexts(item, change)]));
}

/** System messages at the beginning as part of the first question, for templates without a place for them. */
export function systemIntoQuestion(messages: readonly Message[]): readonly Message[] {
  const others = messages.slice(messages.findIndex(({ role }) => role !== 'system'));
  const system = messages.slice(0, messages.length - others.length);
  if (messages.every(({ role }) => role === 'system') || !system.length) return messages;
  const at = others.findIndex(({ role }) => role === 'user');
  const prompt = system.map(({ content }) => textOf(content)).join('\n\n');
  if (at < 0) return [{ role: 'user', content: prompt }, ...others];
  const question = others[at];
  const content = Array.isArray(question.content) ? [{ type: 'text', text: `${prompt}\n\n` }, ...question.content] : `${prompt}\n\n${textOf(question.content)}`;
  return others.map((message, i) => (i === at ? { ...message, content } : message));
}

/** The text of a content that may come in parts. */
export function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  return Array.isArray(content) ? content.map((part) => (part as { text?: unknown })?.text).filter((text) => typeof text === 'string').join('') : '';
}
