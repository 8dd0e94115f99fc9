// Calls of functions and their results in earlier messages, for templates that do not take them as OpenAI's API has them: else they
// would be lost in silence. Plain data in and out.
import { RequestError } from '../errors.ts';
import { type Message, textOf } from './messages.ts';

interface Call {
  readonly id?: unknown;
  readonly function?: { readonly name?: unknown; readonly arguments?: unknown };
}

/** A template that compares roles with this one writes results itself. */
const readsResults = /[=!]=\s*["']tool["']/;

/**
 * The messages as a template, of which `source` is the text, renders them with each call and each result once. `own` makes a text the
 * template's own, so that control tokens in it are such. @throws RequestError where the template has no calls in any way known here.
 */
export function withCalls(messages: readonly Message[], source: string, own: (text: string) => string): readonly Message[] {
  if (!messages.some(({ role, tool_calls }) => role === 'tool' || tool_calls)) return messages;
  const named = withNames(messages);
  if (source.includes('tool_responses') && !readsResults.test(source)) return withResponses(named);
  if (/\btool_calls\b/.test(source)) return source.includes('<start_function_response>') ? named : messages;
  const write = /<\|tool_(?:list|call)_start\|>|List of tools: \[/.test(source) ? python : source.includes('<|tool_call|>') ? list : undefined;
  return messages.map(({ tool_calls, ...message }) => {
    if (!tool_calls) return message;
    if (write) return { ...message, content: textOf(message.content) + write(tool_calls as Call[], own) };
    throw new RequestError(
      "The conversation has calls of functions, which the model's chat template does not write: they would be lost. " +
        'Leave the messages with tool_calls and of the role tool out, or choose a model that has tools.',
      { code: 'unsupported_parameter' },
    );
  });
}

/** LFM2: `<|tool_call_start|>[f(a="x", b=True)]<|tool_call_end|>`. */
const python = (calls: readonly Call[], own: (text: string) => string): string => {
  const written = calls.map(({ function: called }) => {
    const members = Object.entries(objectOf(called?.arguments)).map(([key, value]) => `${key}=${json(value, ['True', 'False', 'None'])}`);
    return `${String(called?.name)}(${members.join(', ')})`;
  });
  return `${own('<|tool_call_start|>')}[${written.join(', ')}]${own('<|tool_call_end|>')}`;
};

/** Granite 3: `<|tool_call|>[{"name": "f", "arguments": {...}}]`. */
const list = (calls: readonly Call[], own: (text: string) => string): string =>
  own('<|tool_call|>') + json(calls.map(({ function: called }) => ({ name: called?.name, arguments: objectOf(called?.arguments) })));

const objectOf = (value: unknown): object => (typeof value === 'object' && value !== null ? value : {});

/** As Python's json.dumps writes it; `words`: for true, false and null. Half surrogate pairs, which are marks, stay as they are. */
function json(value: unknown, words: readonly [string, string, string] = ['true', 'false', 'null']): string {
  if (Array.isArray(value)) return `[${value.map((each) => json(each, words)).join(', ')}]`;
  if (typeof value === 'object' && value !== null) return `{${Object.entries(value).map(([key, each]) => `${json(key)}: ${json(each, words)}`).join(', ')}}`;
  if (typeof value === 'string')
    return JSON.stringify(value).replace(/\\(?:u(d[c-f][0-9a-f]{2})|.)/g, (all, mark?: string) => (mark ? String.fromCharCode(parseInt(mark, 16)) : all));
  return typeof value === 'number' ? JSON.stringify(value) : words[value === true ? 0 : value === false ? 1 : 2];
}

/** Results with the name of what was called. */
function withNames(messages: readonly Message[]): Message[] {
  const names = new Map<unknown, unknown>();
  return messages.map((message) => {
    for (const { id, function: called } of (message.tool_calls ?? []) as Call[]) names.set(id, called?.name);
    const { name, tool_call_id: id } = message as { name?: unknown; tool_call_id?: unknown };
    return message.role === 'tool' && name === undefined && names.has(id) ? { ...message, name: names.get(id) } : message;
  });
}

/**
 * Gemma 4: a turn of the model has its calls, then `tool_responses`, then what it said after them. Text before calls is a turn
 * of its own, as the template would write it after the results.
 */
function withResponses(messages: readonly Message[]): Message[] {
  const turns: (Message & { tool_responses?: object[] })[] = [];
  for (const message of messages) {
    const last = turns.at(-1);
    const { tool_calls: calls, ...said } = message;
    if (message.role === 'tool' && last?.tool_calls && !textOf(last.content)) {
      const response = { name: (message as { name?: unknown }).name, response: resultOf(textOf(message.content)) };
      turns[turns.length - 1] = { ...last, tool_responses: [...(last.tool_responses ?? []), response] };
    } else if (message.role === 'assistant' && !calls && last?.tool_responses && !textOf(last.content)) {
      turns[turns.length - 1] = { ...last, content: message.content };
    } else if (calls && textOf(message.content)) turns.push(said, { ...message, content: '' });
    else turns.push(message);
  }
  return turns;
}

/** A result that is an object as one, else as text. */
function resultOf(text: string): unknown {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : text;
  } catch {
    return text;
  }
}
