// From the chunks of a chat to the items of a response, and the events that tell them in OpenAI's order.
import { randomId } from '../../random.ts';
import { type ChatDelta } from '../completions/chat.ts';
import { type ChatToolCallDelta } from '../completions/tools.ts';
import { type ResponseEvent, type ResponseItemStatus, type ResponseOutputItem } from './types.ts';

/** An event without its number. */
export type Unnumbered = ResponseEvent extends infer Event ? (Event extends ResponseEvent ? Omit<Event, 'sequence_number'> : never) : never;

interface OutputItems {
  /** So far, those that have ended. */
  readonly output: ResponseOutputItem[];
  /** The events of what a chunk says. */
  take(delta: ChatDelta): Unnumbered[];
  /** Of the end; where nothing was said there is an empty message. `isCut`: the item that is open is not complete. */
  end(isCut: boolean): Unnumbered[];
}

/** Items come one after the other: where one begins, the one before has ended. */
export function outputItems(): OutputItems {
  const output: ResponseOutputItem[] = [];
  let open: { item: ResponseOutputItem; text: string } | undefined;

  const close = (status: ResponseItemStatus = 'completed'): Unnumbered[] => {
    if (!open) return [];
    const { item, text } = open;
    const done = filled(item, text, status);
    const events = [...ends(done, text, output.length), { type: 'response.output_item.done' as const, output_index: output.length, item: done }];
    output.push(done);
    open = undefined;
    return events;
  };
  const begin = (item: ResponseOutputItem): Unnumbered[] => {
    const events = close();
    open = { item, text: '' };
    return [...events, { type: 'response.output_item.added', output_index: output.length, item }, ...begins(item, output.length)];
  };
  const say = (delta: string): Unnumbered[] => {
    if (!delta) return [];
    open!.text += delta;
    return [piece(open!.item, delta, output.length)];
  };
  const text = (type: 'message' | 'reasoning', delta: string): Unnumbered[] =>
    !delta ? [] : open?.item.type === type ? say(delta) : [...begin(type === 'message' ? message() : reasoning()), ...say(delta)];
  /** The first piece of a call has its id and its name, and those that follow are of it until the next one's. */
  const call = ({ id, function: { name, arguments: args } }: ChatToolCallDelta): Unnumbered[] => [
    ...(id === undefined ? [] : begin({ type: 'function_call', id: `fc-${randomId()}`, call_id: id, name: name!, arguments: '', status: 'in_progress' })),
    ...say(args),
  ];

  return {
    output,
    take: ({ reasoning_content: thought = '', content = '', tool_calls: calls = [] }) => [
      ...text('reasoning', thought), ...text('message', content), ...calls.flatMap(call),
    ],
    end: (isCut) => [...(open || output.length ? [] : begin(message())), ...close(isCut ? 'incomplete' : 'completed')],
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
