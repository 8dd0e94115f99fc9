// A conversation: what was said, and whose turn it is.
import { type ChatCompletionParams, type ChatFinishReason, type ChatMessageParam } from '../api/completions/chat.ts';
import { type ChatToolCall } from '../api/completions/tools.ts';
import { withInstruction } from '../api/completions/instruction.ts';
import { anySignal } from '../signals.ts';
import { type Constraint, toConstraint } from './constraint.ts';
import { untilAborted } from '../signals.ts';
import { type Engines, type PromptEngine } from './engines.ts';
import { quotaExceeded, toDomException } from './errors.ts';
import { joined, toAppended, toFollowing, withoutOldest } from './prompts.ts';
import { type Sampling } from './sampling.ts';
import { callTools, toChatTools, toolParams } from './tools.ts';
import { type LanguageModelSession, type PromptInput, type PromptOptions, type Tool } from './types.ts';

export interface SessionParts {
  engines: Engines;
  /** Acquired for this session. */
  engine: PromptEngine;
  sampling: Sampling;
  tools: readonly Tool[];
  /** Stays, whatever else is left out. */
  initial: readonly ChatMessageParam[];
  history: readonly ChatMessageParam[];
  /** Tokens of both. */
  usage: number;
}

interface Generated {
  text: string;
  calls: ChatToolCall[];
  /** The context was full before its end. */
  isCut: boolean;
}

type EventHandler = ((event: Event) => unknown) | null;

export class Session extends EventTarget implements LanguageModelSession {
  oncontextoverflow: EventHandler = null;
  onquotaoverflow: EventHandler = null;
  readonly #parts: SessionParts;
  readonly #destroyed = new AbortController();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: SessionParts) {
    if (!parts?.engine) throw new TypeError('Sessions are made by create().');
    super();
    this.#parts = { ...parts };
    this.addEventListener('contextoverflow', (event) => this.oncontextoverflow?.(event));
    this.addEventListener('quotaoverflow', (event) => this.onquotaoverflow?.(event));
  }

  get contextUsage(): number {
    return this.#parts.usage;
  }
  get inputUsage(): number {
    return this.#parts.usage;
  }
  get contextWindow(): number {
    return this.#parts.engine.info.context;
  }
  get inputQuota(): number {
    return this.contextWindow;
  }
  get temperature(): number {
    return this.#parts.sampling.temperature;
  }
  get topK(): number {
    return this.#parts.sampling.topK;
  }

  async prompt(input: PromptInput, options: PromptOptions = {}): Promise<string> {
    let text = '';
    await this.#inTurn(options.signal, (signal) => this.#answer(input, options, signal, (piece) => (text += piece)));
    return text;
  }

  promptStreaming(input: PromptInput, options: PromptOptions = {}): ReadableStream<string> {
    const left = new AbortController();
    const given = options.signal ? anySignal([options.signal, left.signal]) : left.signal;
    // Answers whether it is read or not, so that an unread stream holds up no other turn.
    return new ReadableStream<string>({
      start: (stream) => {
        this.#inTurn(given, (signal) => this.#answer(input, options, signal, (piece) => stream.enqueue(piece))).then(
          () => {
            if (!left.signal.aborted) stream.close();
          },
          (error: unknown) => stream.error(error),
        );
      },
      cancel: (reason) => left.abort(reason),
    });
  }

  async append(input: PromptInput, { signal }: { signal?: AbortSignal } = {}): Promise<undefined> {
    await this.#inTurn(signal, async (ended) => {
      const turns = toAppended(input);
      await this.#makeRoom((history) => this.#conversation(turns, {}, history));
      await this.#remember(turns, ended);
    });
  }

  measureContextUsage(input: PromptInput, options: PromptOptions = {}): Promise<number> {
    return this.#inTurn(options.signal, async () => {
      const messages = this.#conversation(this.#toTurns(input), toConstraint(options));
      return Math.max(0, (await this.#count(messages)) - this.#parts.usage);
    });
  }

  measureInputUsage(input: PromptInput, options?: PromptOptions): Promise<number> {
    return this.measureContextUsage(input, options);
  }

  clone({ signal }: { signal?: AbortSignal } = {}): Promise<LanguageModelSession> {
    return this.#inTurn(signal, async (ended) => {
      const { engines } = this.#parts;
      await engines.acquire();
      if (ended.aborted) engines.release();
      ended.throwIfAborted();
      return new (this.constructor as typeof Session)(this.#parts);
    });
  }

  destroy(): undefined {
    if (this.#destroyed.signal.aborted) return;
    this.#destroyed.abort(new DOMException('The session was destroyed.', 'AbortError'));
    this.#parts.engines.release();
  }

  /** Does `work` once what was asked before has ended. Its signal is aborted with the session, too. */
  async #inTurn<T>(given: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (this.#destroyed.signal.aborted) throw new DOMException('The session was destroyed. Create another.', 'InvalidStateError');
    const signal = given ? anySignal([given, this.#destroyed.signal]) : this.#destroyed.signal;
    const done = this.#turn.then(() => {
      signal.throwIfAborted();
      return work(signal);
    });
    this.#turn = done.catch(() => {});
    try {
      return await untilAborted(done, signal);
    } catch (error) {
      throw signal.aborted ? signal.reason : toDomException(error);
    }
  }

  /** Functions are called until the model calls none; what it says meanwhile is part of the answer's text. */
  async #answer(input: PromptInput, options: PromptOptions, signal: AbortSignal, onText: (piece: string) => void): Promise<void> {
    const { tools } = this.#parts;
    const turns = this.#toTurns(input);
    const constraint = toConstraint(options);
    for (let rounds = 0; ; rounds++) {
      await this.#makeRoom((history) => this.#conversation(turns, constraint, history));
      const asked = { messages: this.#conversation(turns, constraint), ...constraint.params, ...toolParams(tools, rounds) };
      const { text, calls, isCut } = await this.#generate(asked, signal, onText);
      const last = turns.at(-1)!;
      const begun = last.prefix ? (turns.pop()!.content as string) : '';
      turns.push({ role: 'assistant', content: begun + text, ...(calls.length && { tool_calls: calls }) });
      if (!calls.length) break;
      if (isCut) throw this.#noRoomFor(calls.at(-1)!);
      turns.push(...(await untilAborted(callTools(tools, calls), signal))); // a function may never return
      signal.throwIfAborted();
    }
    await this.#remember(turns, signal);
  }

  async #generate(asked: ChatCompletionParams, signal: AbortSignal, onText: (piece: string) => void): Promise<Generated> {
    const { engine: { info, chat }, sampling: { temperature, topK: top_k } } = this.#parts;
    const isBegun = asked.messages.at(-1)?.prefix && info.thinking; // what is begun is the answer, not what is thought before it
    const variables = isBegun ? { chat_template_kwargs: { [isBegun.variable]: false } } : {};
    const params = { ...asked, ...variables, temperature, top_k, reasoning_format: 'auto' as const, stream: true as const };
    let text = '';
    const calls: ChatToolCall[] = [];
    let reason: ChatFinishReason | null = null;
    for await (const { choices } of await chat.completions.create(params, { signal })) {
      signal.throwIfAborted();
      const { content: piece, tool_calls: parts = [] } = choices[0]?.delta ?? {};
      if (piece) onText(piece);
      text += piece ?? '';
      for (const { index, id = '', function: called } of parts) {
        const call = (calls[index] ??= { id, type: 'function', function: { name: called?.name ?? '', arguments: '' } });
        call.function.arguments += called?.arguments ?? '';
      }
      reason = choices[0]?.finish_reason ?? reason;
    }
    signal.throwIfAborted();
    if (!reason) throw new DOMException('The engine ended the answer.', 'AbortError');
    return { text, calls, isCut: reason === 'length' };
  }

  /** Of a call that the model had no room to finish; what else it called is not called then, either. */
  #noRoomFor({ function: { name } }: ChatToolCall): DOMException {
    const window = this.contextWindow;
    return quotaExceeded(`The context of ${window} tokens was full before the call of ${name} was whole. Shorten the conversation.`, window + 1, window);
  }

  #toTurns(input: PromptInput): ChatMessageParam[] {
    return toFollowing(input, [...this.#parts.initial, ...this.#parts.history]);
  }

  #conversation(turns: readonly ChatMessageParam[], { instruction }: Partial<Constraint>, history = this.#parts.history): ChatMessageParam[] {
    const messages = joined([...this.#parts.initial, ...history, ...turns]);
    return instruction === undefined ? messages : withInstruction(messages, instruction);
  }

  #count(messages: readonly ChatMessageParam[]): Promise<number> {
    return countTurns(this.#parts.engine, messages, this.#parts.tools);
  }

  /** Leaves out the oldest turns, where there is no room for an answer, until a quarter of the context is free. `asked`: what is asked after a history. */
  async #makeRoom(asked: (history: readonly ChatMessageParam[]) => ChatMessageParam[]): Promise<void> {
    const window = this.contextWindow;
    if ((await this.#count(asked(this.#parts.history))) < window) return;
    const least = await this.#count(asked([]));
    if (least >= window)
      throw quotaExceeded(`The prompt has ${least} tokens with what the conversation began with; the context has ${window}. Shorten it.`, least, window);
    let history = this.#parts.history;
    let tokens = window;
    while (history.length && tokens > window * 0.75) {
      history = withoutOldest(history);
      tokens = await this.#count(asked(history));
    }
    this.#parts.history = history;
    for (const name of ['contextoverflow', 'quotaoverflow']) this.dispatchEvent(new Event(name));
  }

  async #remember(turns: readonly ChatMessageParam[], signal: AbortSignal): Promise<void> {
    const history = joined([...this.#parts.history, ...turns]);
    const usage = await this.#count(this.#conversation([], {}, history));
    signal.throwIfAborted(); // what is rejected is not remembered
    Object.assign(this.#parts, { history, usage });
  }
}

/** Tokens of a conversation, with the functions that are told. Chat templates want something of the user: where there is nothing, it is counted as empty. */
export async function countTurns(engine: PromptEngine, messages: readonly ChatMessageParam[], tools: readonly Tool[]): Promise<number> {
  if (!messages.length && !tools.length) return 0;
  const all = [...messages];
  if (!all.some(({ role }) => role === 'user')) all.splice(all.at(-1)?.prefix ? -1 : all.length, 0, { role: 'user', content: '' });
  const told = toChatTools(tools);
  return engine.countTokens(all, told.length ? { chat_template_kwargs: { tools: told, xml_tools: told } } : {});
}
