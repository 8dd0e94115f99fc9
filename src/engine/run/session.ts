// Turns requests into tokens and text. Keeps the keys and values of what was said, of several conversations while there is
// room, so that one that goes on pays only for what is new. An answer's tokens outlive what runs them: on another model in
// the place of the first they are fed again, and the answer goes on.
import { RequestError } from '../../errors.ts';
import { type FinishReason, type GenerateRequest, type GenerateStats, type Token, type TransferStats } from '../../protocol.ts';
import { createStopStrings } from '../../text/stop-strings.ts';
import { createStreamDecoder } from '../../text/tokenizer/stream-decoder.ts';
import { type Sequence } from '../../kv/sequence.ts';
import { choiceSeed } from '../../model/sampling/seed.ts';
import { type SamplerOptions } from '../../model/sampling/stage.ts';
import { type LoadedModel } from '../load/load.ts';
import { type Text } from '../load/opened.ts';
import { type Answer, type AnswerOptions, createAnswer, createAnswerSteps } from './answers.ts';
import { type Runner, createRunner } from './runner.ts';
import { type Scheduler, createScheduler } from './scheduler.ts';
import { createSequences } from './sequences.ts';

/** A model on a GPU, what runs it, and the answers under way there: all three are replaced together. */
export interface Running {
  readonly model: LoadedModel;
  readonly runner: Runner;
  readonly scheduler: Scheduler<Answer>;
}

/** Resolves when an answer of `made` tokens can go on after `error` of what ran it; else rejects with what is to be told. */
export type Recover = (error: unknown, made: number, running: Running) => Promise<void>;

const tell: Recover = (error) => Promise.reject(error as Error);

export interface Session {
  /** The ids of a prompt. @throws RequestError, UnsupportedModelError for a prompt that the model cannot have. */
  encode(prompt: GenerateRequest['prompt']): number[];
  /** Runs a request to its end. `onTokens` gets tokens and the text that is certain with them; `recover` is asked after an error of the model. */
  generate(
    request: GenerateRequest,
    onTokens: (tokens: Token[], text: string) => void,
    signal?: AbortSignal,
    recover?: Recover,
  ): Promise<{ reason: FinishReason; stats: GenerateStats }>;
}

/** Most conversations whose keys and values are kept, where there is room for them. */
const mostKept = 8;

export function runningOf(model: LoadedModel, runner: Runner = createRunner(model)): Running {
  const sequences = createSequences<Sequence>({
    first: model.sequence,
    create: model.createSequence,
    mostBytes: model.plan.bytes.kv,
    most: Math.max(mostKept, model.planned.chosen.options.sequences ?? 1),
  });
  model.home.makeWay = (sequence, positions, wished) => sequences.makeRoom(sequence, positions) && sequences.hasRoom(sequence, wished);
  return { model, runner, scheduler: createScheduler(createAnswerSteps(runner, sequences)) };
}

/** `text` is undefined for a file without a tokenizer: then only prompts of tokens work. */
export function createSession(running: () => Running, text?: Text): Session {
  let transferredBefore: TransferStats | undefined; // by runners that are gone
  const left = new WeakSet<Runner>();
  /** Counts once what was streamed by a runner that another one has replaced. */
  function leave(runner: Runner): void {
    if (left.has(runner) || running().runner === runner) return;
    left.add(runner);
    transferredBefore = sum(runner.transfer(), transferredBefore);
  }

  /** Streamed weights of all runners. */
  const transferred = (): TransferStats => sum(running().runner.transfer(), transferredBefore);

  function encode(prompt: GenerateRequest['prompt']): number[] {
    if ('tokens' in prompt) return prompt.tokens;
    if (!text) throw new RequestError('The file has no tokenizer; give the prompt as tokens.');
    if ('messages' in prompt) {
      if (!prompt.messages.length) throw new RequestError('There are no messages to answer.');
      return text.template.encode(prompt.messages, { variables: prompt.variables });
    }
    return text.tokenizer.encode(prompt.text, { addSpecial: 'begin' });
  }

  /** A token with its bytes, if it is one of a request for log-probabilities. */
  function spelt(token: Token): Token {
    if (!text || !token.top) return token;
    const bytes = (id: number) => text.tokenizer.piece(id, { special: true });
    return { ...token, bytes: bytes(token.id), top: token.top.map((each) => ({ ...each, bytes: bytes(each.id) })) };
  }

  /** Runs an answer to its end. Whatever runs them, its tokens depend on those before them, their positions and the seed alone. */
  async function answer({ sampling, ...options }: Omit<AnswerOptions, 'sampler'> & { sampling: SamplerOptions }, recover: Recover): Promise<void> {
    const { tokens, signal } = options;
    const promptTokens = tokens.length;
    for (;;) {
      const on = running();
      try {
        const sampler = await on.model.samplerFor(sampling);
        return await on.scheduler.run(createAnswer({ ...options, sampler }));
      } catch (error) {
        if (signal?.aborted) return;
        await recover(error, tokens.length - promptTokens, on);
        leave(on.runner);
      }
    }
  }

  return {
    encode,
    async generate(request, onTokens, signal, recover = tell) {
      const { context } = running().model.sizes;
      const { seed = Math.floor(Math.random() * 2 ** 32), ...asked } = withoutUndefined(request.sampling ?? {});
      const { maxTokens = Infinity } = request;
      if (!(maxTokens === Infinity || (Number.isInteger(maxTokens) && maxTokens >= 1)))
        throw new RequestError(`maxTokens is ${maxTokens}; it has to be a whole number of at least 1.`);
      const prompt = encode(request.prompt);
      if (!prompt.length) throw new RequestError('The prompt is empty. Write something to continue.');
      if (prompt.length >= context) {
        throw new RequestError(
          `The prompt has ${prompt.length} tokens; the context of ${context} has room for ${context - 1} and an answer. Shorten it, or load the ` +
          'model with a longer context.',
          { code: 'context_length_exceeded' },
        );
      }
      const decoder = text && createStreamDecoder(text.tokenizer);
      const stops = createStopStrings([...(request.stop ?? []), ...(text && 'messages' in request.prompt ? text.template.stop : [])]);
      const endOfTurn = text?.template.endOfTurn;

      const started = performance.now();
      let firstToken = started;
      const transferBefore = transferred();
      let transferFirst = transferBefore;
      let cachedTokens: number | undefined;
      let made = 0;
      let reason: FinishReason | undefined;
      const onToken = (token: Token): boolean => {
        if (!made) {
          firstToken = performance.now();
          transferFirst = transferred();
        }
        if (endOfTurn?.has(token.id)) {
          reason = 'stop';
          return false;
        }
        made++;
        const { text: shown, stopped } = stops.push(decoder ? decoder.push(token.id) : '');
        onTokens([spelt(token)], shown);
        if (stopped) reason = 'stop';
        return !stopped;
      };
      const how = {
        sampling: { ...asked, seed: request.choice ? choiceSeed(seed, request.choice) : seed, ends: [...(endOfTurn ?? [])] },
        tokens: prompt.slice(),
        most: Math.min(context, prompt.length + maxTokens),
        onFeed: (shared: number) => (cachedTokens ??= shared),
        onToken,
        signal,
      };
      await answer(how, recover);
      reason ??= signal?.aborted ? 'abort' : 'length';
      if (reason !== 'abort') {
        const last = stops.push(decoder ? decoder.flush() : '');
        const rest = last.text + (last.stopped ? '' : stops.flush());
        if (rest) onTokens([], rest);
      }
      const ended = performance.now();
      const { ledger, plan } = running().model;
      return {
        reason,
        stats: {
          promptTokens: prompt.length,
          cachedTokens: cachedTokens ?? 0,
          newTokens: made,
          prefillMs: firstToken - started,
          decodeMs: ended - firstToken,
          gpuBytesPeak: ledger.peakBytes,
          transfer:
            plan.verdict === 'fits' ? undefined : { prefill: difference(transferFirst, transferBefore), decode: difference(transferred(), transferFirst) },
        },
      };
    },
  };
}

const withoutUndefined = <T extends object>(value: T): T => Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T;

const sum = (a: TransferStats, b?: TransferStats): TransferStats =>
  b ? (Object.fromEntries(Object.entries(a).map(([name, value]) => [name, value + b[name as keyof TransferStats]])) as unknown as TransferStats) : a;

const difference = (after: TransferStats, before: TransferStats): TransferStats =>
  Object.fromEntries(Object.entries(after).map(([name, value]) => [name, value - before[name as keyof TransferStats]])) as unknown as TransferStats;
