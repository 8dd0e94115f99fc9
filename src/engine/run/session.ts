// Turns requests into tokens and text. Keeps the keys and values of what was said, of several conversations while there is
// room, so that one that goes on pays only for what is new. An answer's tokens outlive what runs them: on another model in
// the place of the first they are fed again, and the answer goes on.
import { RequestError } from '../../errors.ts';
import { type FinishReason, type GenerateRequest, type GenerateStats, type Token, type TransferStats } from '../../protocol.ts';
import { createStopStrings } from '../../text/stop-strings.ts';
import { createStreamDecoder } from '../../text/tokenizer/stream-decoder.ts';
import { type Sequence } from '../../kv/sequence.ts';
import { type SamplerOptions } from '../../model/sampling/stage.ts';
import { type LoadedModel } from '../load/load.ts';
import { type Text } from '../load/opened.ts';
import { type Runner, createRunner } from './runner.ts';
import { type Sequences, createSequences } from './sequences.ts';

/** A model on a GPU, what runs it, and its conversations there: all three are replaced together. */
export interface Running {
  readonly model: LoadedModel;
  readonly runner: Runner;
  readonly sequences: Sequences<Sequence>;
}

/** Resolves when an answer of `made` tokens can go on after `error`; else rejects with what is to be told. */
export type Recover = (error: unknown, made: number) => Promise<void>;

const tell: Recover = (error) => Promise.reject(error as Error);

export interface Session {
  /** The ids of a prompt. @throws RequestError, UnsupportedModelError for a prompt that the model cannot have. */
  encode(prompt: GenerateRequest['prompt']): number[];
  /** Runs a request to its end. `onTokens` gets tokens and the text that is certain with them; `recover` is asked after an error of the model. */
  generate(request: GenerateRequest, onTokens: (tokens: Token[], text: string) => void, signal?: AbortSignal, recover?: Recover): Promise<{ reason: FinishReason; stats: GenerateStats }>;
}

interface AnswerOptions {
  sampling: SamplerOptions;
  /** Most tokens, the prompt among them. */
  most: number;
  /** Gets the number of tokens whose keys and values are there. */
  onFeed(shared: number): void;
  signal?: AbortSignal;
}

/** Most conversations whose keys and values are kept, where there is room for them. */
const mostKept = 8;

export function runningOf(model: LoadedModel, runner: Runner = createRunner(model)): Running {
  const sequences = createSequences<Sequence>({ first: model.sequence, create: model.createSequence, mostBytes: model.plan.bytes.kv, most: mostKept });
  model.home.makeWay = (sequence, positions) => sequences.makeRoom(sequence, positions);
  return { model, runner, sequences };
}

/** `text` is undefined for a file without a tokenizer: then only prompts of tokens work. */
export function createSession(running: () => Running, text?: Text): Session {
  let transferredBefore: TransferStats | undefined; // by runners that are gone
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

  /** Goes on from `tokens`, which grow by what is made, up to `most` of them. */
  async function* goOn({ model, runner, sequences }: Running, tokens: number[], { sampling, most, onFeed, signal }: AnswerOptions): AsyncGenerator<Token, void> {
    const sampler = await model.samplerFor(sampling);
    const sequence = await sequences.take(tokens);
    try {
      const on = runner.of(sequence);
      const shared = sequence.tokens.length;
      onFeed(shared);
      await on.feed(tokens.slice(shared), shared, signal);
      const fed = tokens.length;
      for await (const made of on.tokens(sampler, fed, most - fed, signal)) {
        for (const token of made) {
          signal?.throwIfAborted();
          if (tokens.length > fed) sequence.note(tokens.length - 1, tokens.slice(-1)); // it was run to choose this one
          tokens.push(token.id);
          yield token;
        }
      }
    } finally {
      sequences.give(sequence);
    }
  }

  /** The tokens that follow a prompt. Whatever runs them, they depend on those before them, their positions and the seed alone. */
  async function* answer(prompt: readonly number[], options: AnswerOptions, recover: Recover): AsyncGenerator<Token, void> {
    const tokens = prompt.slice();
    for (;;) {
      const { runner } = running();
      try {
        return yield* goOn(running(), tokens, options);
      } catch (error) {
        if (options.signal?.aborted) throw error;
        await recover(error, tokens.length - prompt.length);
        if (running().runner !== runner) transferredBefore = sum(runner.transfer(), transferredBefore);
      }
    }
  }

  return {
    encode,
    async generate(request, onTokens, signal, recover = tell) {
      const { context } = running().model.sizes;
      const sampling = { seed: Math.floor(Math.random() * 2 ** 32), ...withoutUndefined(request.sampling ?? {}) };
      const { maxTokens = Infinity } = request;
      if (!(maxTokens === Infinity || (Number.isInteger(maxTokens) && maxTokens >= 1))) throw new RequestError(`maxTokens is ${maxTokens}; it has to be a whole number of at least 1.`);
      const prompt = encode(request.prompt);
      if (!prompt.length) throw new RequestError('The prompt is empty. Write something to continue.');
      if (prompt.length >= context) {
        throw new RequestError(`The prompt has ${prompt.length} tokens; the context of ${context} has room for ${context - 1} and an answer. Shorten it, or load the model with a longer context.`, { code: 'context_length_exceeded' });
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
      let reason: FinishReason = 'length';
      try {
        const how = { sampling: { ...sampling, ends: [...(endOfTurn ?? [])] }, most: Math.min(context, prompt.length + maxTokens), onFeed: (shared: number) => (cachedTokens ??= shared), signal };
        for await (const token of answer(prompt, how, recover)) {
          if (!made) {
            firstToken = performance.now();
            transferFirst = transferred();
          }
          const { id } = token;
          if (endOfTurn?.has(id)) {
            reason = 'stop';
            break;
          }
          made++;
          const { text: shown, stopped } = stops.push(decoder ? decoder.push(id) : '');
          onTokens([spelt(token)], shown);
          if (stopped) {
            reason = 'stop';
            break;
          }
        }
      } catch (error) {
        if (!signal?.aborted) throw error;
        reason = 'abort';
      }
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
          promptTokens: prompt.length, cachedTokens: cachedTokens ?? 0, newTokens: made,
          prefillMs: firstToken - started, decodeMs: ended - firstToken, gpuBytesPeak: ledger.peakBytes,
          transfer: plan.verdict === 'fits' ? undefined : { prefill: difference(transferFirst, transferBefore), decode: difference(transferred(), transferFirst) },
        },
      };
    },
  };
}

const withoutUndefined = <T extends object>(value: T): T => Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T;

const sum = (a: TransferStats, b?: TransferStats): TransferStats => (b ? (Object.fromEntries(Object.entries(a).map(([name, value]) => [name, value + b[name as keyof TransferStats]])) as unknown as TransferStats) : a);

const difference = (after: TransferStats, before: TransferStats): TransferStats => Object.fromEntries(Object.entries(after).map(([name, value]) => [name, value - before[name as keyof TransferStats]])) as unknown as TransferStats;
