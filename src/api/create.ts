// OpenAI's `create` over a worker's requests: the whole answer, or chunks as they come. Knows no ports, and of the answers'
// shapes only what all have.
import { type GenerateRequest, type GenerateStats, type Said, type Token, type ToolCallDelta } from '../protocol.ts';
import { type Backend, type StartRequest } from './backend.ts';
import { type ChatFinishReason, type ChatUsage } from './completions/chat.ts';
import { AsyncQueue } from './queue.ts';
import { randomId } from '../random.ts';
import { sum } from '../sum.ts';

export interface CreateOptions {
  signal?: AbortSignal;
  /** Called once, behind the first step of each of the prompts: what is wrong with a request is told before. */
  onBegun?(): void;
}

export interface Create<Params, Whole, Chunk> {
  (params: Params & { stream: true }, options?: CreateOptions): Promise<AsyncIterableIterator<Chunk>>;
  (params: Params & { stream?: false | null }, options?: CreateOptions): Promise<Whole>;
  (params: Params, options?: CreateOptions): Promise<Whole | AsyncIterableIterator<Chunk>>;
}

/** One of the choices of an answer, and what the answer is called. `tokens`: those of the text, if log-probabilities are asked for. */
export interface Shape {
  id: string;
  object: string;
  chunkObject: string;
  whole(told: { text: string; reason: ChatFinishReason; reasoning: string; calls: ToolCallDelta[] }, tokens?: Token[]): object;
  /** Of chunks: before the text, if anything; a piece of it; its end. */
  begin?: object;
  piece(text: string, tokens?: Token[], said?: Said): object;
  end(reason: ChatFinishReason): object;
}

interface Params {
  stream?: boolean | null;
  stream_options?: { include_usage?: boolean } | null;
  signal?: AbortSignal;
}

/** What became of one of the texts that a request asks for. */
interface Told {
  text: string;
  reasoning: string;
  calls: ToolCallDelta[];
  tokens: Token[];
  reason: ChatFinishReason;
  stats: GenerateStats;
}

/**
 * `toRequests` checks the parameters and gives a request for each choice, those of one prompt with the same object; `shapeOf` gives the
 * shape of a choice, which has to be that of `Whole` and `Chunk`.
 */
export function createOver<P extends Params, Whole, Chunk>(
  backend: Backend,
  toRequests: (params: P) => GenerateRequest[],
  shapeOf: (index: number) => Shape,
): Create<P, Whole, Chunk> {
  const create = async (params: P, options: CreateOptions = {}): Promise<unknown> => {
    const asked = toRequests(params);
    const signal = params.signal ?? options.signal;
    signal?.throwIfAborted();
    const shapes = asked.map((_, index) => shapeOf(index));
    const [{ id, object, chunkObject }] = shapes;
    const head = { id: `${id}-${randomId()}`, created: Math.floor(Date.now() / 1000), model: backend.info.name };
    const requests = asked.length > 1 ? asked.map((each) => ({ ...each, request: head.id })) : asked;
    const isTold = requests[0].sampling?.logprobs !== undefined;
    const begun = onceOfEach(requests, options.onBegun);
    const toldTokens = (tokens: Token[]) => (isTold ? tokens : undefined);

    if (!params.stream) {
      return new Promise((resolve, reject) => {
        startAll(backend.start, requests, signal, {
          begun,
          tokens() {},
          ended() {},
          done: (all) =>
            resolve({
              ...head,
              object,
              choices: all.map((told, i) => shapes[i].whole(told, toldTokens(told.tokens))),
              usage: usageOf(requests, all),
              stats: togetherStats(all.map((told) => told.stats)),
            }),
          stopped: () => reject(stopReason(signal)),
          failed: reject,
        });
      });
    }

    const withUsage = params.stream_options?.include_usage === true;
    const chunk = (...choices: object[]): object => ({ ...head, object: chunkObject, choices, ...(withUsage ? { usage: null } : {}) });
    const queue = new AsyncQueue<object>(() => stop());
    for (const { begin } of shapes) if (begin) queue.push(chunk(begin));
    const stop = startAll(backend.start, requests, signal, {
      begun,
      tokens: (i, text, tokens, said) => queue.push({ ...chunk(shapes[i].piece(text, toldTokens(tokens), said)), tokens: tokens.length }),
      ended: (i, { reason, stats }) => queue.push({ ...chunk(shapes[i].end(reason)), stats }),
      done(all) {
        if (withUsage) queue.push({ ...chunk(), usage: usageOf(requests, all) });
        queue.close();
      },
      stopped: () => queue.close({ drop: true }),
      failed: (error) => queue.close({ error }),
    });
    return queue;
  };
  return create as Create<P, Whole, Chunk>;
}

/** Calls `onBegun` once a request of each prompt has begun; those of one prompt are checked alike. */
function onceOfEach(requests: readonly GenerateRequest[], onBegun: (() => void) | undefined): (index: number) => void {
  const left = new Set(requests.map(({ prompt }) => prompt));
  return (index) => {
    if (left.delete(requests[index].prompt) && !left.size) onBegun?.();
  };
}

/** Why a request was stopped: the signal's reason, or that the worker ended it. */
export const stopReason = (signal: AbortSignal | undefined): Error =>
  (signal?.reason ?? new DOMException('The worker ended the request.', 'AbortError')) as Error;

/** Exactly one of `done`, `stopped` and `failed` is called, and nothing after it. */
interface Listener {
  /** Behind the first step of the prompt of one of the requests, by its index. */
  begun(index: number): void;
  /** Of one of the requests, by its index, as they come. */
  tokens(index: number, text: string, tokens: Token[], said?: Said): void;
  ended(index: number, told: Told): void;
  done(all: Told[]): void;
  stopped(): void;
  failed(error: Error): void;
}

/** Starts requests that are one to whoever asks: they end together where one fails or is stopped. Gives the way to stop them. */
function startAll(start: StartRequest, requests: readonly GenerateRequest[], signal: AbortSignal | undefined, listener: Listener): () => void {
  const all: Told[] = [];
  let open = requests.length;
  let isOver = false;
  const endWith = (tell: () => void): void => {
    if (isOver) return;
    isOver = true;
    tell();
    stopAll();
  };
  const stops = requests.map((request, i) => {
    let text = '';
    let reasoning = '';
    const calls: ToolCallDelta[] = [];
    const made: Token[] = [];
    return start(request, signal, {
      begun: () => !isOver && listener.begun(i),
      tokens(more, tokens, said) {
        if (isOver) return;
        text += more;
        reasoning += said?.reasoning ?? '';
        calls.push(...(said?.calls ?? []));
        made.push(...tokens);
        listener.tokens(i, more, tokens, said);
      },
      done(reason, stats) {
        if (isOver) return;
        all[i] = { text, reasoning, calls, tokens: made, reason, stats };
        listener.ended(i, all[i]);
        if (--open === 0) endWith(() => listener.done(all));
      },
      stopped: () => endWith(listener.stopped),
      failed: (error) => endWith(() => listener.failed(error)),
    });
  });
  const stopAll = () => stops.forEach((stop) => stop());
  return stopAll;
}

/** Tokens of all choices; those of a prompt count once, however many choices it has. */
function usageOf(requests: readonly GenerateRequest[], all: readonly Told[]): ChatUsage {
  const perPrompt = all.filter((_, i) => requests[i].prompt !== requests[i - 1]?.prompt).map(({ stats }) => stats);
  const prompt = sum(perPrompt.map(({ promptTokens }) => promptTokens));
  const made = sum(all.map(({ stats }) => stats.newTokens));
  return {
    prompt_tokens: prompt,
    completion_tokens: made,
    total_tokens: prompt + made,
    prompt_tokens_details: { cached_tokens: sum(perPrompt.map(({ cachedTokens }) => cachedTokens)) },
    ...targetsOf(all.map(({ stats }) => stats)),
  };
}

/** Of each target what came of it where it took longest. */
function targetsOf(stats: readonly GenerateStats[]): Pick<GenerateStats, 'targets'> {
  const given = stats.flatMap(({ targets }) => targets ?? []);
  const worst = (name: 'firstToken' | 'token') => {
    const all = given.flatMap((each) => each[name] ?? []);
    return all.length ? { [name]: all.reduce((a, b) => ((b.ms ?? 0) > (a.ms ?? 0) ? b : a)) } : {};
  };
  return given.length ? { targets: { ...worst('firstToken'), ...worst('token') } } : {};
}

const sumOf = (stats: readonly GenerateStats[], name: 'guessedTokens' | 'rightTokens'): Pick<GenerateStats, typeof name> =>
  stats.some((each) => each[name] !== undefined) ? { [name]: stats.reduce((total, each) => total + (each[name] ?? 0), 0) } : {};

/** Of several choices or texts, which were run at the same time, those of the one that took longest, with the tokens of all. */
export function togetherStats(stats: readonly GenerateStats[]): GenerateStats {
  const longest = stats.reduce((a, b) => (b.prefillMs + b.decodeMs > a.prefillMs + a.decodeMs ? b : a));
  const sum = (name: 'promptTokens' | 'cachedTokens' | 'newTokens') => stats.reduce((total, each) => total + each[name], 0);
  return {
    ...longest,
    ...targetsOf(stats),
    promptTokens: sum('promptTokens'),
    cachedTokens: sum('cachedTokens'),
    newTokens: sum('newTokens'),
    ...sumOf(stats, 'guessedTokens'),
    ...sumOf(stats, 'rightTokens'),
    gpuBytesPeak: Math.max(...stats.map(({ gpuBytesPeak }) => gpuBytesPeak)),
  };
}
