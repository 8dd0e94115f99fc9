// The messages of a chat, and what its template is told beside them.
import { RequestError, shown } from '../../errors.ts';
import { type ChatMessage } from '../../protocol.ts';
import { isNeutral } from '../refuse.ts';
import { type ChatCompletionParams, type ChatMessageParam } from './chat.ts';
import { toCallFields } from './tools.ts';

const roles = ['system', 'developer', 'user', 'assistant', 'tool'];
/** The same of messages; answers of OpenAI's are given back to it with all of their fields. */
const neutralInMessages: Record<string, unknown[]> = { annotations: [[]] };

export function toMessages(messages: ChatMessageParam[]): ChatMessage[] {
  if (!Array.isArray(messages) || messages.length === 0) {
    throw new RequestError(`messages is ${shown(messages)}; it must be an array of at least one { role, content }.`);
  }
  return messages.map((message, i) => {
    if (!roles.includes(message?.role)) {
      throw new RequestError(`messages[${i}].role is ${shown(message?.role)}; it must be one of ${roles.join(', ')}.`);
    }
    const { role, content, tool_calls, tool_call_id, name, reasoning_content, prefix, ...others } = message;
    for (const [name, value] of Object.entries(others)) {
      if (!isNeutral(name, value, neutralInMessages))
        throw new RequestError(`messages[${i}].${name} (${shown(value)}) is not supported. Leave it out.`, { code: 'unsupported_parameter' });
    }
    const where = `messages[${i}]`;
    if (prefix && (prefix !== true || role !== 'assistant' || i === 0 || i < messages.length - 1 || tool_calls))
      throw new RequestError(`${where}.prefix is ${shown(prefix)}; it may be true of the last message, if that is a text of the assistant behind others.`);
    const fields = toCallFields(role, { tool_calls, tool_call_id, name, reasoning_content }, where);
    const isSilent = fields.tool_calls && (content === null || content === undefined); // it called functions and said nothing
    return { role: role === 'developer' ? 'system' : role, content: isSilent ? '' : toText(content, `${where}.content`), ...fields, ...(prefix && { prefix }) };
  });
}

function toText(content: ChatMessageParam['content'], name: string): string {
  if (typeof content === 'string') return content;
  if (Array.isArray(content) && content.every((part) => part?.type === 'text' && typeof part.text === 'string')) {
    return content.map((part) => part.text).join('');
  }
  throw new RequestError(`${name} is ${shown(content)}; it must be text, or an array of { type: "text", text }.`);
}

/** Plain data: it goes to the worker, and a template knows nothing else. */
export function toTemplateVariables(variables: ChatCompletionParams['chat_template_kwargs']): Record<string, unknown> | undefined {
  if (variables === undefined || variables === null) return undefined;
  const wrong = (): never => {
    throw new RequestError(`chat_template_kwargs is ${shown(variables)}; it must be an object of JSON, as in { enable_thinking: false }.`);
  };
  if (typeof variables !== 'object' || Array.isArray(variables)) return wrong();
  try {
    return JSON.parse(JSON.stringify(variables)) as Record<string, unknown>;
  } catch {
    return wrong();
  }
}
