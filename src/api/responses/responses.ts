// OpenAI's `responses.create` over chats: the answer as one object, or its events in OpenAI's order. Conversations are gone on from by the
// id of an answer, as long as this is in memory.
import { RequestError, shown } from '../../errors.ts';
import { type GenerateStats } from '../../protocol.ts';
import { randomId } from '../../random.ts';
import { type Backend } from '../backend.ts';
import { type ChatFinishReason, type ChatUsage } from '../completions/chat.ts';
import { type ChatCompletions } from '../completions/chat-completions.ts';
import { type Create, type CreateOptions, stopReason } from '../create.ts';
import { outputItems, type Unnumbered } from './events.ts';
import { toItems, toMessages } from './input.ts';
import { toChat } from './parameters.ts';
import { type Response, type ResponseEvent, type ResponseInputItem, type ResponseParams, type ResponseUsage } from './types.ts';

export interface Responses {
  /** Requests, errors and aborts are as those of `chat.completions.create`; a stream tells a later error by `response.failed`. */
  create: Create<ResponseParams, Response, ResponseEvent>;
}

/** Answers that may be gone on from: the latest ones. */
const mostKept = 256;

type Chunks = Awaited<ReturnType<typeof chunksOf>>;
const chunksOf = (chat: ChatCompletions, asked: Parameters<ChatCompletions['create']>[0], options: CreateOptions) =>
  chat.create({ ...asked, stream: true, stream_options: { include_usage: true } }, options);

/** What answers tell of sampling where nothing is asked; null where that is not known. */
type Defaults = Pick<Response, 'temperature' | 'top_p'>;

export function responses(
  backend: { readonly info: Pick<Backend['info'], 'name'> },
  chat: ChatCompletions,
  defaults: Defaults = { temperature: 0, top_p: 1 },
): Responses {
  const kept = new Map<string, ResponseInputItem[]>();
  const create = async (params: ResponseParams, options: CreateOptions = {}): Promise<unknown> => {
    const before = conversation(kept, params.previous_response_id);
    const items = [...before, ...toItems(params.input)];
    const asked = toChat(params, toMessages(items, before.length));
    const draft = draftOf(params, backend.info.name, defaults);
    const keep = ({ output }: Response): void => {
      if (params.store === false) return;
      kept.set(draft.id, [...items, ...output]);
      if (kept.size > mostKept) kept.delete(kept.keys().next().value!);
    };
    const chunks = await chunksOf(chat, asked, options);
    const events = eventsOf(draft, chunks, keep);
    return params.stream ? leavable(numbered(draft, events), chunks) : wholeOf(events, params.signal ?? options.signal);
  };
  return { create: create as Responses['create'] };
}

function conversation(kept: Map<string, ResponseInputItem[]>, id: string | null | undefined): ResponseInputItem[] {
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
const draftOf = (params: ResponseParams, model: string, defaults: Defaults): Response => ({
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
  parallel_tool_calls: params.parallel_tool_calls ?? true,
  previous_response_id: params.previous_response_id ?? null,
  temperature: params.temperature ?? defaults.temperature,
  text: { format: params.text?.format ?? { type: 'text' } },
  tool_choice: params.tool_choice ?? 'auto',
  tools: params.tools ?? [],
  top_p: params.top_p ?? defaults.top_p,
  truncation: params.truncation ?? 'disabled',
});

/** The events between `in_progress` and the last one, which tells the whole answer. An answer that was stopped has no last one. */
async function* eventsOf(draft: Response, chunks: Chunks, keep: (answer: Response) => void): AsyncGenerator<Unnumbered, void, void> {
  const items = outputItems();
  let thought = 0;
  let reason: ChatFinishReason | undefined;
  let stats: GenerateStats | undefined;
  for await (const { choices: [choice], usage, tokens = 0, stats: told } of chunks) {
    stats = told ?? stats;
    if (choice) yield* items.take(choice.delta);
    if (choice?.delta.reasoning_content && !choice.delta.content) thought += tokens;
    if (choice?.finish_reason) reason = choice.finish_reason;
    if (!usage || reason === undefined) continue;
    const cutBy = reason === 'length' ? 'max_output_tokens' : reason === 'content_filter' ? reason : undefined;
    const isCut = cutBy !== undefined;
    yield* items.end(isCut);
    const answer: Response = {
      ...draft,
      status: isCut ? 'incomplete' : 'completed',
      incomplete_details: isCut ? { reason: cutBy } : null,
      output: items.output,
      output_text: items.output.map((item) => (item.type === 'message' ? item.content[0].text : '')).join(''),
      usage: usageOf(usage, thought),
      stats,
    };
    keep(answer);
    yield { type: isCut ? 'response.incomplete' : 'response.completed', response: answer };
  }
}

/** `thought`: tokens that came as reasoning, where a server does not tell. */
function usageOf(usage: ChatUsage, thought: number): ResponseUsage {
  const { prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details: { cached_tokens }, completion_tokens_details, targets } = usage;
  return {
    input_tokens: prompt_tokens,
    input_tokens_details: { cached_tokens, cache_write_tokens: prompt_tokens - cached_tokens },
    output_tokens: completion_tokens,
    output_tokens_details: { reasoning_tokens: completion_tokens_details?.reasoning_tokens ?? thought },
    total_tokens,
    ...(targets && { targets }),
  };
}

async function wholeOf(events: AsyncGenerator<Unnumbered, void, void>, signal: AbortSignal | undefined): Promise<Response> {
  let last: Unnumbered | undefined;
  for await (const event of events) last = event;
  if (last && 'response' in last) return last.response;
  throw stopReason(signal);
}

/** With what comes before them, and what goes wrong after the first text as an event. */
async function* numbered(draft: Response, events: AsyncGenerator<Unnumbered, void, void>): AsyncGenerator<ResponseEvent, void, void> {
  let number = 0;
  const next = (event: Unnumbered): ResponseEvent => ({ ...event, sequence_number: number++ }) as ResponseEvent;
  yield next({ type: 'response.created', response: draft });
  yield next({ type: 'response.in_progress', response: draft });
  let isBegun = false;
  try {
    for await (const event of events) {
      yield next(event);
      isBegun = true;
    }
  } catch (error) {
    if (!isBegun) throw error;
    yield next({ type: 'response.failed', response: { ...draft, status: 'failed', error: { code: 'server_error', message: (error as Error).message } } });
  }
}

/** Leaving the events stops the request at once, also before the first was read or while one is waited for, when generators do not listen. */
const leavable = (events: AsyncGenerator<ResponseEvent, void, void>, chunks: Chunks): AsyncIterableIterator<ResponseEvent> => ({
  next: () => events.next(),
  async return() {
    await chunks.return?.();
    return events.return();
  },
  [Symbol.asyncIterator]() {
    return this;
  },
});
