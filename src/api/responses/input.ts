// From the items of a response's conversation to the messages of a chat.
import { RequestError, shown } from '../../errors.ts';
import { type ChatMessageParam } from '../completions/chat.ts';
import { isJson } from '../completions/tools.ts';
import { asksNothing } from '../refuse.ts';
import { type ResponseInputItem, type ResponseParams } from './types.ts';

/** What is asked, as items. */
export function toItems(input: ResponseParams['input']): ResponseInputItem[] {
  if (typeof input === 'string') return [{ role: 'user', content: input }];
  if (!Array.isArray(input) || !input.length) throw new RequestError(`input is ${shown(input)}; it must be a text, or a list of items.`);
  input.forEach(check);
  return input;
}

const fields: Record<string, readonly string[]> = {
  message: ['role', 'content'],
  function_call: ['call_id', 'name', 'arguments'],
  function_call_output: ['call_id', 'output'],
  reasoning: ['content'],
};
const roles = ['system', 'developer', 'user', 'assistant'];

/** Of items whose fields are read as they are, that they are texts; no field is ignored in silence. What answers have beside them goes back with them. */
function check(item: ResponseInputItem, i: number): void {
  const type = item?.type ?? 'message';
  const known = Object.hasOwn(fields, type) ? fields[type] : undefined;
  if (!known)
    throw new RequestError(
      `input[${i}] is of the type ${shown(type)}, which is not supported: there are ${Object.keys(fields).join(', ')}.`, { code: 'unsupported_parameter' },
    );
  for (const [name, value] of Object.entries(item ?? {})) {
    if (!['type', 'id', 'status', ...known].includes(name) && !asksNothing(value, name === 'summary' ? [[]] : []))
      throw new RequestError(`input[${i}].${name} (${shown(value)}) is not supported. Leave it out.`, { code: 'unsupported_parameter' });
  }
  for (const name of ['call_id', 'name', 'arguments']) {
    const value = (item as unknown as Record<string, unknown>)?.[name];
    if (known.includes(name) && typeof value !== 'string') throw new RequestError(`input[${i}].${name} is ${shown(value)}; it must be text.`);
  }
  if (item?.type === 'function_call' && item.arguments.trim() && !isJson(item.arguments))
    throw new RequestError(`input[${i}].arguments is ${shown(item.arguments)}, which is no JSON.`);
  if (type !== 'message') return;
  const role: unknown = (item as { role?: unknown } | null)?.role;
  if (!roles.includes(role as string)) throw new RequestError(`input[${i}].role is ${shown(role)}; it must be one of ${roles.join(', ')}.`);
}

/**
 * The turns of checked items: what the assistant thought, said and called one after the other is one message. `before`: how many of them come
 * before those that are asked with, which errors count alone.
 */
export function toMessages(items: readonly ResponseInputItem[], before = 0): ChatMessageParam[] {
  const messages: ChatMessageParam[] = [];
  const answer = (isOpen: (message: ChatMessageParam) => boolean): ChatMessageParam => {
    const last = messages.at(-1);
    if (last?.role === 'assistant' && isOpen(last)) return last;
    const message: ChatMessageParam = { role: 'assistant', content: null };
    messages.push(message);
    return message;
  };
  items.forEach((item, at) => {
    const i = at - before;
    if (item.type === 'function_call') {
      const { call_id: id, name, arguments: args } = item;
      const message = answer(() => true);
      message.tool_calls = [...(message.tool_calls ?? []), { id, type: 'function', function: { name, arguments: args } }];
    } else if (item.type === 'function_call_output') {
      messages.push({ role: 'tool', tool_call_id: item.call_id, content: toText(item.output, `input[${i}].output`) });
    } else if (item.type === 'reasoning') {
      const text = item.content === undefined ? '' : toText(item.content, `input[${i}].content`);
      if (text) answer(() => false).reasoning_content = text;
    } else if (item.role === 'assistant') {
      answer(({ content, tool_calls: calls }) => content === null && !calls).content = toText(item.content, `input[${i}].content`);
    } else {
      messages.push({ role: item.role, content: toText(item.content, `input[${i}].content`) });
    }
  });
  // Reasoning that nothing followed: the answer was cut in it.
  return messages.map((message) => (message.content === null && !message.tool_calls ? { ...message, content: '' } : message));
}

function toText(content: unknown, name: string): string {
  if (typeof content === 'string') return content;
  if (Array.isArray(content) && content.every((part) => ['input_text', 'output_text', 'reasoning_text'].includes(part?.type) && typeof part.text === 'string'))
    return content.map((part: { text: string }) => part.text).join('');
  throw new RequestError(`${name} is ${shown(content)}; it must be text, or an array of { type: "input_text", text }.`);
}
