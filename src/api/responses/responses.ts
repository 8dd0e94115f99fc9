// OpenAI's `responses.create` over chats: the answer as one object, or its events in OpenAI's order. Conversations are gone on from by the
// id of an answer, as long as this is in memory.
import { RequestError, shown } from '../../errors.ts';
import { randomId } from '../../random.ts';
import { type Backend } from '../backend.ts';
import { type ChatFinishReason, type ChatMessageParam, type ChatUsage } from '../completions/chat.ts';
import { type ChatCompletions } from '../completions/chat-completions.ts';
import { type Create } from '../create.ts';
import { AsyncQueue } from '../queue.ts';
import { toChat, toMessages } from './parameters.ts';
import { type Response, type ResponseEvent, type ResponseOutputMessage, type ResponseParams, type ResponseUsage } from './types.ts';

export interface Responses {
  /** Requests, errors and aborts are as those of `chat.completions.create`; a stream tells a later error by `response.failed`. */
  create: Create<ResponseParams, Response, ResponseEvent>;
}

/** Answers that may be gone on from: the latest ones. */
const mostKept = 256;

export function responses(backend: Backend, chat: ChatCompletions): Responses {
  const kept = new Map<string, ChatMessageParam[]>();
  const create = async (params: ResponseParams, options: { signal?: AbortSignal } = {}): Promise<unknown> => {
    const before = conversation(kept, params.previous_response_id);
    const asked = toChat(params, before);
    const draft = draftOf(params, backend.info.name);
    const keep = (text: string): void => {
      if (params.store === false) return;
      kept.set(draft.id, [...before, ...toMessages(params.input), { role: 'assistant', content: text }]);
      if (kept.size > mostKept) kept.delete(kept.keys().next().value!);
    };
    if (params.stream) return stream(draft, chat, { ...asked, stream: true, stream_options: { include_usage: true } }, options, keep);
    const { choices: [{ message, finish_reason }], usage } = await chat.create({ ...asked, stream: false }, options);
    keep(message.content ?? '');
    return ended(draft, itemOf(message.content ?? '', finish_reason), finish_reason, usage);
  };
  return { create: create as Responses['create'] };
}

function conversation(kept: Map<string, ChatMessageParam[]>, id: string | null | undefined): ChatMessageParam[] {
  if (id === undefined || id === null) return [];
  const found = kept.get(id);
  if (!found)
    throw new RequestError(
      `There is no answer ${shown(id)} to go on from: the last ${mostKept} of this engine are kept, unless store is false. Send the conversation.`,
      { code: 'not_found' },
    );
  return found;
}

/** What an answer is before anything of it is known. */
const draftOf = (params: ResponseParams, model: string): Response => ({
  id: `resp-${randomId()}`,
  object: 'response',
  created_at: Math.floor(Date.now() / 1000),
  status: 'in_progress',
  error: null,
  incomplete_details: null,
  instructions: params.instructions ?? null,
  max_output_tokens: params.max_output_tokens ?? null,
  metadata: params.metadata ?? {},
  model,
  output: [],
  output_text: '',
  parallel_tool_calls: true,
  previous_response_id: params.previous_response_id ?? null,
  temperature: params.temperature ?? 0,
  text: { format: { type: 'text' } },
  tool_choice: 'auto',
  tools: [],
  top_p: params.top_p ?? 1,
  truncation: params.truncation ?? 'disabled',
});

const itemOf = (text: string, reason?: ChatFinishReason, id = `msg-${randomId()}`): ResponseOutputMessage => ({
  type: 'message',
  id,
  role: 'assistant',
  status: reason === undefined ? 'in_progress' : reason === 'length' ? 'incomplete' : 'completed',
  content: reason === undefined ? [] : [partOf(text)],
});
const partOf = (text: string): ResponseOutputMessage['content'][number] => ({ type: 'output_text', text, annotations: [] });

const ended = (draft: Response, item: ResponseOutputMessage, reason: ChatFinishReason, usage: ChatUsage): Response => ({
  ...draft,
  status: reason === 'length' ? 'incomplete' : 'completed',
  incomplete_details: reason === 'length' ? { reason: 'max_output_tokens' } : null,
  output: [item],
  output_text: item.content[0].text,
  usage: usageOf(usage),
});

const usageOf = ({ prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details: { cached_tokens } }: ChatUsage): ResponseUsage => ({
  input_tokens: prompt_tokens,
  input_tokens_details: { cached_tokens, cache_write_tokens: prompt_tokens - cached_tokens },
  output_tokens: completion_tokens,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens,
});

/** An event without its number. */
type Unnumbered = ResponseEvent extends infer Event ? (Event extends ResponseEvent ? Omit<Event, 'sequence_number'> : never) : never;

async function stream(
  draft: Response,
  chat: ChatCompletions,
  asked: Parameters<ChatCompletions['create']>[0] & { stream: true },
  options: { signal?: AbortSignal },
  keep: (text: string) => void,
): Promise<AsyncIterableIterator<ResponseEvent>> {
  const chunks = await chat.create(asked, options);
  const queue = new AsyncQueue<ResponseEvent>(() => void chunks.return?.());
  let number = 0;
  const tell = (event: Unnumbered): void => queue.push({ ...event, sequence_number: number++ } as ResponseEvent);
  const { id, ...item } = itemOf('');
  const at = { item_id: id, output_index: 0, content_index: 0 } as const;
  let text = '';
  let reason: ChatFinishReason | undefined;
  const run = async (): Promise<void> => {
    tell({ type: 'response.created', response: draft });
    tell({ type: 'response.in_progress', response: draft });
    for await (const { choices: [choice], usage } of chunks) {
      if (choice?.delta.role) {
        tell({ type: 'response.output_item.added', output_index: 0, item: { ...item, id } });
        tell({ type: 'response.content_part.added', part: partOf(''), ...at });
      }
      const delta = choice?.delta.content ?? '';
      text += delta;
      if (delta) tell({ type: 'response.output_text.delta', delta, logprobs: [], ...at });
      reason ??= choice?.finish_reason ?? undefined;
      if (!usage || reason === undefined) continue;
      const done = itemOf(text, reason, id);
      keep(text);
      tell({ type: 'response.output_text.done', text, logprobs: [], ...at });
      tell({ type: 'response.content_part.done', part: partOf(text), ...at });
      tell({ type: 'response.output_item.done', output_index: 0, item: done });
      tell({ type: reason === 'length' ? 'response.incomplete' : 'response.completed', response: ended(draft, done, reason, usage) });
    }
    queue.close();
  };
  run().catch((error: Error) => {
    if (text) tell({ type: 'response.failed', response: { ...draft, status: 'failed', error: { code: 'server_error', message: error.message } } });
    queue.close(text ? {} : { error });
  });
  return queue;
}
