// From the chunks of a chat to the items of a response, and the events that tell them in OpenAI's order.
import { randomId } from '../../random.ts';
import { type ChatDelta } from '../completions/chat.ts';
import { type ChatToolCallDelta, isWholeObject } from '../completions/tools.ts';
import { type ResponseEvent, type ResponseItemStatus, type ResponseOutputItem } from './types.ts';

/** An event without its number. */
export type Unnumbered = ResponseEvent extends infer Event ? (Event extends ResponseEvent ? Omit<Event, 'sequence_number'> : never) : never;

interface OutputItems {
  /** So far, those that have ended, in the order in which they began. */
  readonly output: ResponseOutputItem[];
  /** The events of what a chunk says. */
  take(delta: ChatDelta): Unnumbered[];
  /** Of the end; where nothing was said there is an empty message. `isCut`: items that are open are not complete. */
  end(isCut: boolean): Unnumbered[];
}

/** An item that more may come of. */
interface Open {
  item: ResponseOutputItem;
  text: string;
  /** Its place in the output. */
  at: number;
  /** Of a call: the index by which its pieces are told. */
  call?: number;
}

/**
 * Items come one after the other: where one begins, those before have ended, but for calls whose arguments have not, as servers may mix the pieces
 * of several.
 */
export function outputItems(): OutputItems {
  const output: ResponseOutputItem[] = [];
  let open: Open[] = [];
  let count = 0;

  const close = (ended: readonly Open[], status: ResponseItemStatus = 'completed'): Unnumbered[] => {
    open = open.filter((each) => !ended.includes(each));
    return ended.flatMap(({ item, text, at }) => {
      const done = filled(item, text, status);
      output[at] = done;
      return [...ends(done, text, at), { type: 'response.output_item.done' as const, output_index: at, item: done }];
    });
  };
  const begin = (item: ResponseOutputItem, call?: number): Unnumbered[] => {
    const events = close(open.filter(({ item: { type }, text }) => type !== 'function_call' || isWholeObject(text)));
    const at = count++;
    open.push({ item, text: '', at, call });
    return [...events, { type: 'response.output_item.added', output_index: at, item }, ...begins(item, at)];
  };
  const say = (to: Open | undefined, delta: string): Unnumbered[] => {
    if (!delta || !to) return [];
    to.text += delta;
    return [piece(to.item, delta, to.at)];
  };
  const text = (type: 'message' | 'reasoning', delta: string): Unnumbered[] => {
    if (!delta) return [];
    const there = open.find(({ item }) => item.type === type);
    return there ? say(there, delta) : [...begin(type === 'message' ? message() : reasoning()), ...say(open.at(-1), delta)];
  };
  /** The first piece of a call has its id and its name. */
  const call = ({ index, id, function: { name, arguments: args } }: ChatToolCallDelta): Unnumbered[] => {
    const there = open.find((each) => each.call === index);
    if (there || name === undefined) return say(there, args); // behind a whole call there are blanks at most
    return [
      ...begin({ type: 'function_call', id: `fc-${randomId()}`, call_id: id!, name, arguments: '', status: 'in_progress' }, index),
      ...say(open.at(-1), args),
    ];
  };

  return {
    output,
    take: ({ reasoning_content: thought = '', content = '', tool_calls: calls = [] }) => [
      ...text('reasoning', thought), ...text('message', content), ...calls.flatMap(call),
    ],
    end: (isCut) => [...(count ? [] : begin(message())), ...close(open, isCut ? 'incomplete' : 'completed')],
  };
}

const message = (): ResponseOutputItem => ({ type: 'message', id: `msg-${randomId()}`, role: 'assistant', status: 'in_progress', content: [] });
const reasoning = (): ResponseOutputItem => ({ type: 'reasoning', id: `rs-${randomId()}`, summary: [], content: [], status: 'in_progress' });

function filled(item: ResponseOutputItem, text: string, status: ResponseItemStatus): ResponseOutputItem {
  if (item.type === 'message') return { ...item, status, content: [{ type: 'output_text', text, annotations: [] }] };
  if (item.type === 'reasoning') return { ...item, status, content: [{ type: 'reasoning_text', text }] };
  return { ...item, status, arguments: text };
}

/** Of a text or of reasoning, the part that it stands in. */
function begins(item: ResponseOutputItem, output_index: number): Unnumbered[] {
  if (item.type === 'function_call') return [];
  const part = item.type === 'message' ? { type: 'output_text' as const, text: '', annotations: [] as [] } : { type: 'reasoning_text' as const, text: '' };
  return [{ type: 'response.content_part.added', item_id: item.id, output_index, content_index: 0, part }];
}

function piece({ type, id: item_id }: ResponseOutputItem, delta: string, output_index: number): Unnumbered {
  if (type === 'function_call') return { type: 'response.function_call_arguments.delta', item_id, output_index, delta };
  if (type === 'reasoning') return { type: 'response.reasoning_text.delta', item_id, output_index, content_index: 0, delta };
  return { type: 'response.output_text.delta', item_id, output_index, content_index: 0, delta, logprobs: [] };
}

/** Of an item that has ended, what comes before `output_item.done`. */
function ends(item: ResponseOutputItem, text: string, output_index: number): Unnumbered[] {
  const at = { item_id: item.id, output_index };
  if (item.type === 'function_call') return [{ type: 'response.function_call_arguments.done', ...at, name: item.name, arguments: text }];
  const done: Unnumbered =
    item.type === 'message'
      ? { type: 'response.output_text.done', ...at, content_index: 0, text, logprobs: [] }
      : { type: 'response.reasoning_text.done', ...at, content_index: 0, text };
  return [done, { type: 'response.content_part.done', ...at, content_index: 0, part: item.content[0] }];
}
