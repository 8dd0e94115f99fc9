// Turns requests into tokens and text. Keeps the keys and values of what was said, of several conversations while there is
// room, so that one that goes on pays only for what is new. An answer's tokens outlive what runs them: on another model in
// the place of the first they are fed again, and the answer goes on.
import { RequestError } from '../../errors.ts';
import {
  type EmbedInput, type Embedding, type FinishReason, type GenerateRequest, type GenerateStats, type Targets, type Token, type TransferStats,
} from '../../protocol.ts';
import { type Sequence } from '../../kv/sequence.ts';
import { choiceSeed } from '../../model/sampling/seed.ts';
import { type SamplerOptions } from '../../model/sampling/stage.ts';
import { type LoadedModel } from '../load/load.ts';
import { type Text } from '../load/opened.ts';
import { shortContextBytes } from '../load/plan/plan-bytes.ts';
import { type Answer, type AnswerOptions, createAnswer, createAnswerSteps } from './answer/answers.ts';
import { type Form } from './answer/constrained.ts';
import { showingThoughts } from './answer/showing.ts';
import { functionsOf } from './answer/functions.ts';
import { checkIds } from './feed.ts';
import { type OnTokens, createOutput } from './answer/output.ts';
import { type Shortened } from './answer/overflow.ts';
import { type Classifier } from './answer/pooling.ts';
import { countGuesses, withGuesses } from './guesses.ts';
import { type Runner, createRunner } from './runner.ts';
import { type Scheduler, createScheduler } from './schedule/scheduler.ts';
import { type Sequences, createSequences, sharedPrefix } from './sequences.ts';
import { metOf } from './schedule/urgency.ts';
import { countTransfers, difference } from './transfers.ts';
import { untilAborted } from '../../signals.ts';

/** A model on a GPU, what runs it, and the answers under way there: all three are replaced together. */
export interface Running {
  readonly model: LoadedModel;
  readonly runner: Runner;
  readonly scheduler: Scheduler<Answer>;
  readonly sequences: Sequences<Sequence>;
  /** What a load does behind placing it, so that no answer waits for that. */
  ready?(): Promise<void>;
}

/** Resolves when an answer of `made` tokens can go on after `error` of what ran it; else rejects with what is to be told. */
export type Recover = (error: unknown, made: number, running: Running) => Promise<void>;

const tell: Recover = (error) => Promise.reject(error as Error);

export interface Session {
  /** The ids of a prompt. @throws RequestError, UnsupportedModelError for a prompt that the model cannot have. */
  encode(prompt: GenerateRequest['prompt'], tools?: GenerateRequest['tools']): number[];
  /**
   * Runs a request to its end. `onTokens` gets tokens and the text that is certain with them; `recover` is asked after an error of the model,
   * `onBegun` called once, behind the first step of the prompt, `onFed` whenever it gets a sequence, with whether that was put together of parts.
   */
  generate(
    request: GenerateRequest,
    onTokens: OnTokens,
    signal?: AbortSignal,
    how?: { recover?: Recover; onBegun?: () => void; onFed?: (ofParts: boolean) => void },
  ): Promise<{ reason: FinishReason; stats: GenerateStats }>;
  /** The vector of a text, in turns with requests. `classifier` is a reranker's. Rejects with the signal's reason. */
  embed(input: EmbedInput, options: EmbedOptions): Promise<Embedding>;
}

export interface EmbedOptions {
  classifier?: Classifier;
  /** What a reranker has its question and text in; none: one behind the other. */
  rankTemplate?: string;
  /** What several texts of one request have in common. */
  request?: unknown;
  signal?: AbortSignal;
  priority?: number;
  recover?: Recover;
}

/** Most conversations of nobody whose keys and values are kept, where there is room for them. */
const mostKept = 8;
/** Requests that may be under way or wait where the load says nothing. */
const queueLimit = 4096;

export interface RunningOptions {
  runner?: Runner;
  /** Milliseconds; default performance.now. */
  now?: () => number;
  /** Most requests under way. */
  queue?: number;
}

export function runningOf(model: LoadedModel, { runner = createRunner(model), now, queue = queueLimit }: RunningOptions = {}): Running {
  const { options } = model.planned.chosen;
  const sequences = createSequences<Sequence>({
    first: model.sequence,
    create: model.createSequence,
    mostBytes: model.plan.bytes.kv - (options.shape?.bytes.shared ?? 0) - shortContextBytes(model.graph, options),
    most: Math.max(mostKept, options.sequences ?? 1),
  });
  const steps = createAnswerSteps(runner, sequences);
  model.home.makeWay = (sequence, positions, wished) => sequences.makeRoom(sequence, positions) && sequences.hasRoom(sequence, wished);
  const { steps: guessing, ready } = withGuesses(model, runner, steps);
  return { model, runner, sequences, ready, scheduler: createScheduler(guessing, { now, most: queue }) };
}

/** Runs an answer to its end. Whatever runs them, its tokens depend on those before them, their positions and the seed alone. */
export type RunAnswer = (options: Omit<AnswerOptions, 'sampler'> & { sampling: SamplerOptions }, recover: Recover) => Promise<void>;

/** `text` is undefined for a file without a tokenizer: then only prompts of tokens work. */
export function createSession(running: () => Running, text?: Text, now = (): number => performance.now()): Session {
  const transfers = countTransfers(() => running().runner);
  const mark = () => ({ at: now(), transfer: transfers.total() });

  const answer: RunAnswer = async ({ sampling, ...options }, recover) => {
    const { tokens, signal } = options;
    const promptLength = tokens.length;
    for (;;) {
      const on = running();
      try {
        const sampler = await on.model.samplerFor(sampling);
        if (options.most > tokens.length) await untilAborted(sampler.ready(), signal); // before its turn, which others wait for
        return await on.scheduler.run(createAnswer({ ...options, promptLength, sampler, ends: sampling.ends }));
      } catch (error) {
        if (signal?.aborted) return;
        await recover(error, tokens.length - promptLength, on);
        transfers.leave(on.runner);
      }
    }
  };

  return {
    encode: (prompt, tools) => encodePrompt(prompt, text, tools),
    embed: (input, options) => embed({ running, text, answer, mark }, input, options),
    async generate(request, onTokens, signal, { recover = tell, onBegun, onFed } = {}) {
      const { context } = running().model.sizes;
      const { maxTokens = Infinity, priority, targets, session: owner, request: of } = request;
      checkMost(request);
      const { ids, dropped, ...cut } = await promptOf(request, context, text);
      checkPrompt(ids, context);
      const prompt = await inTokensRun(ids, request, running(), text);
      const form = await formFor(request, running, text);
      const { constraint } = form;
      const echo = request.echo ? (await import('./answer/echo.ts')).createEcho(request, prompt, text) : undefined;
      const output = createOutput(request, text, onTokens, form);
      const asked = samplingOf(request);
      const sampling = asked.dry?.multiplier ? (await import('./answer/dry.ts')).withBreakers(asked, text) : asked;

      // What is only to be there is run but for its last token, which is run for its logits.
      const tokens = prompt.slice(0, maxTokens === 0 && !echo && prompt.length > 1 ? -1 : undefined);
      const started = mark();
      let firstToken: Mark | undefined;
      let cachedTokens: number | undefined;
      const guesses = countGuesses();
      const notices: string[] = [];
      const tellEcho = (): void => echo && onTokens(...echo.tell());
      const how = {
        sampling: { ...sampling, ends: [...(text?.template.endOfTurn ?? [])], ...(constraint && { mask: () => constraint.mask() }) },
        tokens,
        most: Math.min(context, tokens.length + maxTokens),
        onFeed: (shared: number) => (cachedTokens ??= shared),
        onPrefill() {
          onBegun?.();
          onBegun = undefined;
        },
        onGuesses: guesses.note,
        onNotice: (notice: string) => void notices.push(notice),
        onToken(token: Token) {
          if (!firstToken) tellEcho();
          firstToken ??= mark();
          return output.push(token);
        },
        ...(echo?.onChunk && { onChunk: echo.onChunk }),
        // A token that is not chosen has no log-probability.
        ...(constraint && sampling.logprobs === undefined && { forced: () => constraint.forced() }),
        signal, priority, targets, owner, request: of, onFed,
      };
      let { droppedTokens } = cut;
      const shift = request.overflow === 'shift' && (await import('./answer/overflow.ts')).shifting;
      const run = shift ? shift(answer, context, maxTokens, (count) => (droppedTokens = (droppedTokens ?? 0) + count)) : answer;
      await run(how, recover);
      if (!firstToken && !signal?.aborted) tellEcho();
      const reason = output.stopped ? (output.calls && constraint?.mayEnd ? 'tool_calls' : 'stop') : signal?.aborted ? 'abort' : 'length';
      if (reason !== 'abort') output.flush();
      const made = { newTokens: output.tokens, ...guesses.counted, ...(dropped && { droppedMessages: dropped }), ...(droppedTokens && { droppedTokens }) };
      const times = measured({ started, firstToken, ended: mark() }, { targets, made: output.tokens, ...running() });
      return { reason, stats: { promptTokens: prompt.length, cachedTokens: cachedTokens ?? 0, ...made, ...times, ...(notices.length && { notices }) } };
    },
  };
}

/** A time, with what was moved by then. */
interface Mark {
  at: number;
  transfer: TransferStats;
}

/** What was measured of an answer of `made` tokens. */
function measured(
  { started, firstToken, ended }: { started: Mark; firstToken?: Mark; ended: Mark },
  { targets, made, model: { ledger, plan, expected } }: { targets?: Targets; made: number } & Running,
): Omit<GenerateStats, 'promptTokens' | 'cachedTokens' | 'newTokens'> {
  const first = firstToken ?? started;
  const [prefillMs, decodeMs] = [first.at - started.at, ended.at - first.at];
  return {
    prefillMs, decodeMs,
    ...(targets && { targets: metOf(targets, { tokens: firstToken ? Math.max(1, made) : 0, firstMs: prefillMs, othersMs: decodeMs }) }),
    gpuBytesPeak: ledger.peakBytes,
    ...(plan.verdict !== 'fits' && {
      transfer: {
        prefill: difference(first.transfer, started.transfer), decode: difference(ended.transfer, first.transfer),
        ...(expected && { items: expected.of }),
      },
    }),
  };
}

/** Grammars and calls are a chunk of their own. What a chat answers as it is has the marks of what is thought. */
async function formFor(request: GenerateRequest, running: () => Running, text?: Text): Promise<Form> {
  if (!request.grammar && !request.tools && !request.reasoningApart)
    return text && 'messages' in request.prompt ? { tokenizer: showingThoughts(text.tokenizer, text.template.source) } : {};
  const { formOf } = await import('./answer/constrained.ts');
  return formOf(request, text, running().model.graph.config.vocab);
}

/** What a session embeds with. */
interface Embedder {
  running(): Running;
  text?: Text;
  answer: RunAnswer;
  mark(): Mark;
}

async function embed(
  { running, text, answer, mark }: Embedder,
  input: EmbedInput,
  { classifier, rankTemplate, request, signal, priority, recover = tell }: EmbedOptions,
): Promise<Embedding> {
  const { createPool, encodeInput, poolingOf } = await import('./answer/pooling.ts'); // a chunk of its own: few models give embeddings
  const { sizes: { context }, graph } = running().model;
  const pooling = poolingOf(graph);
  const tokens = encodeInput(input, text, rankTemplate);
  checkPrompt(tokens, context);
  checkIds(tokens, graph.config.vocab); // before it is run with others
  const { length } = tokens;
  const pool = createPool(pooling, graph.config.dim, length, classifier);
  const started = mark();
  let cachedTokens = 0;
  const onFeed = (shared: number): void => void (cachedTokens = shared);
  const how = { sampling: { seed: 0 }, tokens: [...tokens], most: length, request, signal, priority };
  await answer({ ...how, onFeed, onChunk: pool.onChunk, onNormed: pool.onNormed, onToken: () => false }, recover);
  signal?.throwIfAborted();
  const ended = mark();
  const times = measured({ started, firstToken: ended, ended }, { made: 0, ...running() });
  return { vector: pool.vector(), tokens: length, stats: { promptTokens: length, cachedTokens, newTokens: 0, ...times } };
}

function encodePrompt(prompt: GenerateRequest['prompt'], text?: Text, tools?: GenerateRequest['tools']): number[] {
  if ('tokens' in prompt) return prompt.tokens;
  if (!text) throw new RequestError('The file has no tokenizer; give the prompt as tokens.');
  if ('messages' in prompt) {
    if (!prompt.messages.length) throw new RequestError('There are no messages to answer.');
    const functions = tools && functionsOf(tools);
    // SmolLM3 has its own name for them.
    const variables = functions && text.template.reads('xml_tools') ? { xml_tools: functions, ...prompt.variables } : prompt.variables;
    return text.template.encode(prompt.messages, { variables, tools: functions });
  }
  return text.tokenizer.encode(prompt.text, { addSpecial: 'begin' });
}

/** The ids of a request's prompt, without the oldest turns, or tokens, where there is too much of it and the request says so. */
async function promptOf({ prompt, overflow, tools, maxTokens = Infinity }: GenerateRequest, context: number, text?: Text): Promise<Shortened> {
  if (overflow === 'shift') {
    const ids = encodePrompt(prompt, text, tools);
    if (ids.length < context) return { ids, dropped: 0 };
    const kept = (await import('./answer/overflow.ts')).shifted(ids, context);
    return { ids: kept, dropped: 0, droppedTokens: ids.length - kept.length };
  }
  if (overflow !== 'truncate' || !('messages' in prompt)) return { ids: encodePrompt(prompt, text, tools), dropped: 0 };
  const { shorten } = await import('./answer/overflow.ts');
  return shorten(prompt.messages, (messages) => encodePrompt({ ...prompt, messages: [...messages] }, text, tools), context, maxTokens);
}

/** The ids of an owner's conversation as it was run, where that is the same text: nobody else's prompt depends on what was asked before. */
async function inTokensRun(ids: number[], { prompt, session: owner }: GenerateRequest, { sequences, model }: Running, text?: Text): Promise<number[]> {
  const run = text && owner !== undefined && 'messages' in prompt ? sequences.of(owner)?.tokens : undefined;
  if (!run || sharedPrefix(run, ids) === Math.min(run.length, ids.length)) return ids;
  const written = (await import('./answer/as-written.ts')).asWritten(ids, run, text!.tokenizer);
  return written.length < model.sizes.context ? written : ids;
}

/** A prompt that is given back, or only to be there, need not be gone on from. */
function checkMost({ maxTokens = Infinity, echo, session, overflow }: GenerateRequest): void {
  if (overflow === 'shift' && maxTokens === Infinity) throw new RequestError('overflow is shift without maxTokens: the answer might never end. Give them.');
  const least = echo || session !== undefined ? 0 : 1;
  if (!(maxTokens === Infinity || (Number.isInteger(maxTokens) && maxTokens >= least)))
    throw new RequestError(`maxTokens is ${maxTokens}; it has to be a whole number of at least ${least}.`);
}

function checkPrompt({ length }: readonly number[], context: number): void {
  if (!length) throw new RequestError('The prompt is empty. Write something to continue.');
  if (length >= context) {
    throw new RequestError(
      `The prompt has ${length} tokens; the context of ${context} has room for ${context - 1} and an answer. Shorten it, or load the ` +
      'model with a longer context.',
      { code: 'context_length_exceeded' },
    );
  }
}

/** What a request asks of the sampler; without a seed each one has another. */
function samplingOf({ sampling, choice }: GenerateRequest): SamplerOptions {
  const { seed = Math.floor(Math.random() * 2 ** 32), ...asked } = withoutUndefined(sampling ?? {});
  return { ...asked, seed: choice ? choiceSeed(seed, choice) : seed };
}

const withoutUndefined = <T extends object>(value: T): T => Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T;
