// A model on a server as a conversation asks it. Loaded when the visitor connects to one.
import { type Create } from '../../api/create.ts';
import { type ChatCompletion, type ChatCompletionChunk, type ChatCompletionParams } from '../../api/completions/chat.ts';
import { createRemoteEngine, type RemoteEngine, type RemoteOptions } from '../../api/remote/remote.ts';
import { type Answerer } from '../chat/answerer.ts';
import { defaultSettings } from '../chat/chat.ts';

export interface ServerEngine extends Answerer {
  readonly info: Answerer['info'] & { readonly host: string };
  /** Names as the server lists them, the first one first. */
  readonly models: readonly string[];
  unload(): Promise<void>;
}

/** @throws as `createRemoteEngine` */
export async function connectServer(options: RemoteOptions): Promise<ServerEngine> {
  const engine = await createRemoteEngine(options);
  const { data } = await engine.models.list();
  const { name, server } = engine.info;
  return {
    info: { name, host: new URL(server).host },
    chat: { completions: { create: createFor(engine) } },
    models: data.map(({ id }) => id),
    unload: () => engine.unload(),
  };
}

function createFor({ chat }: RemoteEngine): Create<ChatCompletionParams, ChatCompletion, ChatCompletionChunk> {
  const create = async (params: ChatCompletionParams): Promise<unknown> => {
    const answer = await chat.completions.create(sent(params));
    return Symbol.asyncIterator in answer ? withMarks(answer as AsyncIterable<ChatCompletionChunk>) : answer;
  };
  return create as Create<ChatCompletionParams, ChatCompletion, ChatCompletionChunk>;
}

/**
 * Servers have defaults of their own, and some refuse what they do not know: what the visitor has left as it was is not sent. The limit
 * goes by the name that all of them know.
 */
function sent({ temperature, top_p, top_k, min_p, repeat_penalty, max_completion_tokens: max_tokens, ...others }: ChatCompletionParams): ChatCompletionParams {
  const usual = { temperature: defaultSettings.temperature, top_p: defaultSettings.topP, top_k: defaultSettings.topK, min_p: 0, repeat_penalty: 1 };
  const asked = { temperature, top_p, top_k, min_p, repeat_penalty };
  const changed = Object.entries(asked).filter(([name, value]) => value !== usual[name as keyof typeof usual]);
  return { ...others, ...Object.fromEntries(changed), ...(max_tokens !== undefined && { max_tokens }) };
}

/** Conversations read reasoning by the marks around it; servers tell it apart. */
async function* withMarks(chunks: AsyncIterable<ChatCompletionChunk>): AsyncGenerator<ChatCompletionChunk> {
  let isOpen = false;
  for await (const chunk of chunks) {
    const [choice, ...others] = chunk.choices;
    if (!choice) {
      yield chunk;
      continue;
    }
    const { reasoning_content: reasoning, content } = choice.delta;
    const opens: string = reasoning && !isOpen ? '<think>\n' : '';
    const closes: string = (content || choice.finish_reason) && (isOpen || opens) ? '\n</think>\n\n' : '';
    isOpen = (isOpen || opens !== '') && closes === '';
    yield { ...chunk, choices: [{ ...choice, delta: { ...choice.delta, content: `${opens}${reasoning ?? ''}${closes}${content ?? ''}` } }, ...others] };
  }
}
