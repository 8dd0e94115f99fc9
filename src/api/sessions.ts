// Conversations that are kept where they are: what was said, and its state on the GPU, which is gone on from, copied, kept and brought back.
import { randomId } from '../random.ts';
import { RequestError, shown } from '../errors.ts';
import { type GenerateStats, type ComposeRequest, type Composed, type KeptSession, type Recalled, type Restored, type ToolCallDelta } from '../protocol.ts';
import { type Backend, type SessionCall } from './backend.ts';
import { type ChatCompletion, type ChatCompletionChunk, type ChatCompletionParams, type ChatMessageParam } from './completions/chat.ts';
import { chatCompletions, messageOf } from './completions/chat-completions.ts';
import { type Create, stopReason } from './create.ts';
import { toMessages } from './completions/messages.ts';
import { toChatRequests } from './completions/parameters.ts';
import { parseBytes } from '../bytes.ts';
import { untilAborted } from '../signals.ts';

/** As of `chat.completions.create`, for one answer. `messages` come after what was said. */
export type SessionParams = Omit<ChatCompletionParams, 'messages' | 'n'> & { messages?: ChatMessageParam[] };

export interface SessionOptions {
  /** Goes before what else a request asks: `tools` and `chat_template_kwargs` are best said here, as they are at the beginning of what the model reads. */
  defaults?: Omit<SessionParams, 'messages' | 'signal' | 'stream'>;
  messages?: ChatMessageParam[];
  signal?: AbortSignal;
}

/** Tokens of a conversation, and of them those that need not be run. */
export interface SessionTokens {
  promptTokens: number;
  cachedTokens: number;
}

export interface Session {
  /** What was said. It may be changed between answers: what it has in common with what the GPU has is not run again. */
  messages: ChatMessageParam[];
  /** Of one that was kept: whether its state was read or its prompt run again, whichever is expected to be sooner, and what both were to take. */
  readonly restored?: Restored;
  /** Of one that was put together: its tokens, those that were run as their documents were not kept, and those that were run again. */
  readonly composed?: Composed;
  /** Of one that was recalled: which episode of the conversation it is, of which turns, and the tokens that were run as it was not kept. */
  readonly recalled?: Recalled;
  /** Adds to what was said and runs it, so that an answer need not wait for that. */
  append(messages: ChatMessageParam | ChatMessageParam[], options?: { signal?: AbortSignal }): Promise<SessionTokens>;
  /**
   * Answers what was said and `messages` after it, as `chat.completions.create` does; once the answer has come to its end, both are part of what
   * was said, whether a stream of it is read or not. What is stopped or fails leaves no trace. One at a time.
   */
  create: Create<SessionParams, ChatCompletion, ChatCompletionChunk>;
  /** A conversation of its own that begins as this one. */
  fork(): Promise<Session>;
  /**
   * Keeps the conversation and its state in storage, in place of what has the name. `most`: bytes that all that is kept may have, as `2GiB`; the
   * least recently used goes. `compact`: in fewer bytes without a loss, which takes the worker time then and at `load`.
   */
  save(name: string, options?: { most?: number | string; compact?: boolean }): Promise<KeptSession>;
  /** Frees what it has on the GPU; later calls are refused. */
  close(): Promise<void>;
}

export interface ComposeOptions extends Pick<SessionOptions, 'defaults'> {
  /** What all documents are read behind: the system prompt begins with it. */
  prefix: string;
  /** Come behind it, in this order. */
  documents: string[];
  /** One behind the other (the default), or beside each other, in any order the same, where the model was loaded with `kv: 'documents'`. */
  mode?: 'stacked' | 'ape';
  /** Of stacked ones, with `kv: 'documents'` and `sequences: 2`: the share of tokens (0.2) to be run again, those that the question looks at most. */
  repair?: { question: string; share?: number };
  /** As of `save`, for documents that are kept: only documents give way to them, and one that has no room is not kept. */
  most?: number | string;
  compact?: boolean;
  /** Ends it between or within the runs of documents; those that were run to their end stay kept. */
  signal?: AbortSignal;
}

export interface RecallOptions extends Pick<SessionOptions, 'defaults'> {
  /** What was said. */
  messages: ChatMessageParam[];
  /** What is going to be asked. */
  question: string;
  /** Episodes that the conversation has at most (8). */
  episodes?: number;
  /**
   * As of `save`, for episodes that are kept: only episodes give way to them, and one that has no room is not kept. Those of a conversation that are kept
   * go in any case as one is kept of more of it.
   */
  most?: number | string;
  compact?: boolean;
  /** Ends it between or within the steps in which the conversation is read; nothing of it stays but episodes that were read to their end. */
  signal?: AbortSignal;
}

export interface Sessions {
  /** With `messages`, resolves when these were run. */
  create(options?: SessionOptions): Promise<Session>;
  /**
   * A conversation whose system prompt is `prefix` and documents, each of which was run by itself behind the prefix: once, as it is kept by what it says. So
   * nothing is run for those that are kept, in whatever order they come.
   */
  compose(options: ComposeOptions): Promise<Session>;
  /**
   * A conversation in which `messages` were said, longer than the budget of keys and values holds: it remembers what belongs to the episode that is nearest
   * to the question, for a model that was loaded with `kv: 'epicache'`. An episode is read once, and kept by what was said.
   */
  recall(options: RecallOptions): Promise<Session>;
  /**
   * A conversation that was kept: what was said then is not run again, if there is room for its state and reading that is not expected to take longer.
   * @throws RequestError with `not_found`; or where it was kept of another model, or by a version with another layout.
   */
  load(name: string): Promise<Session>;
  /** What is kept, the least recently used first. */
  list(): Promise<KeptSession[]>;
  /** Deletes what is kept under a name, if anything is. */
  remove(name: string): Promise<void>;
}

const longestName = 200;

function checkName(name: string): void {
  if (typeof name !== 'string' || !name || name.length > longestName)
    throw new RequestError(`The name of a session is ${shown(name)}; it must be a text of 1 to ${longestName} characters.`);
}

export function createSessions(backend: Backend): Sessions {
  const { session: call } = backend;
  if (!call) throw new RequestError('This engine keeps no states of conversations.');
  return {
    async create({ defaults = {}, messages = [], signal } = {}) {
      const session = createSession(backend, call, { defaults, messages: [] });
      if (messages.length) await session.append(messages, { signal });
      return session;
    },
    compose: (options) => compose(backend, call, options),
    recall: (options) => recall(backend, call, options),
    async load(name) {
      checkName(name);
      const id = randomId();
      const { about, ...restored } = await call('load', name, id);
      return createSession(backend, call, JSON.parse(about) as SessionState, id, { restored });
    },
    list: () => call('list'),
    async remove(name) {
      checkName(name);
      await call('remove', name);
    },
  };
}

/** What is kept with a state. */
interface SessionState {
  defaults: NonNullable<SessionOptions['defaults']>;
  messages: ChatMessageParam[];
}

/** What a session is, as data. */
interface Held extends SessionState {
  readonly backend: Backend;
  readonly call: SessionCall;
  readonly id: string;
  use: 'none' | 'answering' | 'closed';
}

function checkFree({ use }: Held): void {
  if (use === 'closed') throw new RequestError('The session was closed. Create another.');
  if (use === 'answering') throw new RequestError('The session answers already. Wait for that answer, stop it, or fork the session.');
}

const endUse = (held: Held): void => void (held.use = held.use === 'closed' ? 'closed' : 'none');

function createSession(
  backend: Backend, call: SessionCall, { defaults, messages }: SessionState, id: string = randomId(),
  how: Pick<Session, 'restored' | 'composed' | 'recalled'> = {},
): Session {
  const held: Held = { backend, call, id, defaults, messages, use: 'none' };
  return {
    ...how,
    get messages() {
      return held.messages;
    },
    set messages(messages) {
      held.messages = messages;
    },
    async append(more, { signal } = {}) {
      checkFree(held);
      signal?.throwIfAborted();
      const added = [more].flat();
      toMessages(added); // tells what is wrong with them
      const said = [...held.messages, ...added];
      const tokens = await run(held, said, signal);
      held.messages = said;
      return tokens;
    },
    create: (async (params: SessionParams, options?: { signal?: AbortSignal }) => {
      checkFree(held);
      const asked = [...held.messages, ...(params.messages ?? [])];
      return chatCompletions(answering(held, asked)).create({ ...defaults, ...params, n: 1, messages: asked } as ChatCompletionParams, options);
    }) as Session['create'],
    async fork() {
      checkFree(held);
      const to = randomId();
      await call('fork', id, to);
      return createSession(backend, call, { defaults, messages: [...held.messages] }, to);
    },
    async save(name, { most, compact } = {}) {
      checkFree(held);
      checkName(name);
      return save(held, name, most === undefined ? undefined : parseBytes(most, 'most'), compact);
    },
    async close() {
      if (held.use === 'closed') return;
      held.use = 'closed';
      await call('close', id);
    },
  };
}

async function compose(backend: Backend, call: SessionCall, options: ComposeOptions): Promise<Session> {
  const { defaults = {}, prefix, documents, mode = 'stacked', repair, most, compact, signal } = options;
  checkComposed(options);
  signal?.throwIfAborted();
  const promptOf = (content: string): ComposeRequest['whole'] => {
    const [{ prompt, tools }] = toChatRequests({ ...defaults, messages: [{ role: 'system', content }, { role: 'user', content: '' }] });
    return { prompt, tools };
  };
  const content = prefix + documents.join('');
  const id = randomId();
  const request: ComposeRequest = {
    beginning: promptOf(prefix), whole: promptOf(content), documents, mode, compact,
    ...(repair && { repair: { question: repair.question, share: repair.share ?? usualShare } }),
    ...(most !== undefined && { mostBytes: parseBytes(most, 'most') }),
  };
  const composed = await untilEnded(call, id, call('compose', id, request), signal);
  return createSession(backend, call, { defaults, messages: [{ role: 'system', content }] }, id, { composed });
}

/** What is made of a conversation; where the signal is aborted before, that is ended where it is made, and what it took is freed. */
const untilEnded = <T>(call: SessionCall, id: string, making: Promise<T>, signal: AbortSignal | undefined): Promise<T> =>
  untilAborted(making, signal).catch((error: unknown) => {
    if (signal?.aborted) call('close', id).catch(() => {});
    throw error;
  });

/** Of the tokens of documents, to be run again. */
const usualShare = 0.2;

const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';

function checkComposed({ prefix, documents, mode, repair }: ComposeOptions): void {
  if (!isText(prefix)) throw new RequestError(`prefix is ${shown(prefix)}; it must be a text, which all documents are read behind.`);
  if (!Array.isArray(documents) || !documents.length || !documents.every(isText))
    throw new RequestError(`documents is ${shown(documents)}; it must be an array of texts, none of them empty.`);
  if (mode !== undefined && mode !== 'stacked' && mode !== 'ape') throw new RequestError(`mode is ${shown(mode)}; it must be stacked or ape.`);
  if (!repair) return;
  const { question, share = usualShare } = repair;
  if (!isText(question)) throw new RequestError(`repair.question is ${shown(question)}; it must be the text that is going to be asked.`);
  if (!(share > 0 && share <= 1)) throw new RequestError(`repair.share is ${shown(share)}; it must be above 0 and at most 1.`);
  if (mode === 'ape') throw new RequestError('Documents beside each other (mode ape) cannot be repaired: they have no order. Leave out repair, or mode.');
}

/** Episodes of a conversation, where nothing says how many, and at most. */
const usualEpisodes = 8;
const mostEpisodes = 256;

async function recall(backend: Backend, call: SessionCall, options: RecallOptions): Promise<Session> {
  const { defaults = {}, messages, question, episodes = usualEpisodes, most, compact, signal } = options;
  if (!Array.isArray(messages) || !messages.some(({ role }) => role === 'user'))
    throw new RequestError(`messages is ${shown(messages)}; it must be what was said, with a message of the user among it.`);
  if (!isText(question)) throw new RequestError(`question is ${shown(question)}; it must be the text that is going to be asked.`);
  if (!(Number.isInteger(episodes) && episodes >= 1 && episodes <= mostEpisodes))
    throw new RequestError(`episodes is ${shown(episodes)}; it must be a whole number from 1 to ${mostEpisodes}.`);
  signal?.throwIfAborted();
  const [{ prompt, tools }] = toChatRequests({ ...defaults, messages: [...messages, { role: 'user', content: question }] });
  const id = randomId();
  const mostBytes = most === undefined ? undefined : parseBytes(most, 'most');
  const request = { conversation: { prompt, tools }, episodes, compact, ...(mostBytes !== undefined && { mostBytes }) };
  const recalled = await untilEnded(call, id, call('recall', id, request), signal);
  return createSession(backend, call, { defaults, messages: [...messages] }, id, { recalled });
}

/** Runs what was said. Chat templates want something of the user to be answered: where that is still to come, it is taken as empty. */
async function run(held: Held, said: ChatMessageParam[], signal?: AbortSignal): Promise<SessionTokens> {
  const { backend, defaults, id } = held;
  const isAsked = ['user', 'tool'].includes(said.at(-1)?.role ?? '');
  const [{ prompt, tools }] = toChatRequests({ ...defaults, messages: isAsked ? said : [...said, { role: 'user', content: '' }] });
  held.use = 'answering';
  try {
    const { promptTokens, cachedTokens } = await new Promise<GenerateStats>((resolve, reject) => {
      backend.start({ prompt, tools, session: id, maxTokens: 0 }, signal, {
        tokens() {},
        done: (_, stats) => resolve(stats),
        stopped: () => reject(stopReason(signal)),
        failed: reject,
      });
    });
    return { promptTokens, cachedTokens };
  } finally {
    endUse(held);
  }
}

/** What was said with the answer, which may have gone on from a beginning. */
function withAnswer(asked: ChatMessageParam[], message: ChatMessageParam): ChatMessageParam[] {
  const last = asked.at(-1);
  if (!last?.prefix) return [...asked, message];
  return [...asked.slice(0, -1), { ...message, content: `${textOf(last.content)}${textOf(message.content)}` }];
}
const textOf = (content: ChatMessageParam['content']): string =>
  typeof content === 'string' ? content : (content ?? []).map(({ text }) => text).join('');

/** The backend of one answer, which becomes part of what was said as it ends, whoever reads it. */
function answering(held: Held, asked: ChatMessageParam[]): Backend {
  const { backend, id } = held;
  return {
    ...backend,
    get info() {
      return backend.info;
    },
    start(request, signal, listener) {
      checkFree(held);
      held.use = 'answering';
      const answer = createAnswer();
      return backend.start({ ...request, session: id }, signal, {
        tokens(text, tokens, said) {
          answer.add(text, said);
          listener.tokens(text, tokens, said);
        },
        done(reason, stats) {
          held.messages = withAnswer(asked, answer.message());
          endUse(held);
          listener.done(reason, stats);
        },
        stopped: () => (endUse(held), listener.stopped()),
        failed: (error) => (endUse(held), listener.failed(error)),
      });
    },
  };
}

async function save(held: Held, name: string, mostBytes?: number, compact?: boolean): Promise<KeptSession> {
  const { call, id, defaults, messages } = held;
  const about = JSON.stringify({ defaults, messages } satisfies SessionState);
  const keep = () => call('save', id, name, about, mostBytes, compact);
  let kept = await keep();
  if (!kept && messages.length) { // it gave way to others
    await run(held, messages);
    kept = await keep();
  }
  if (!kept) throw new RequestError('Nothing was said in the session, so there is nothing to keep of it. Append or create something first.');
  return kept;
}

/** What an answer says, put together to a message. */
function createAnswer(): { add(text: string, said?: { reasoning?: string; calls?: ToolCallDelta[] }): void; message(): ChatMessageParam } {
  let text = '';
  let reasoning = '';
  const calls: ToolCallDelta[] = [];
  return {
    add(more, said) {
      text += more;
      reasoning += said?.reasoning ?? '';
      calls.push(...(said?.calls ?? []));
    },
    message: () => messageOf({ text, reasoning, calls }),
  };
}
