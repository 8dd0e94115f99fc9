// Turns requests into tokens and text. Keeps the keys and values of what was said, of several conversations while there is
// room, so that one that goes on pays only for what is new.
import { RequestError } from '../../errors.ts';
import { type FinishReason, type GenerateRequest, type GenerateStats, type Token, type TransferStats } from '../../protocol.ts';
import { createStopStrings } from '../../text/stop-strings.ts';
import { createStreamDecoder } from '../../text/tokenizer/stream-decoder.ts';
import { type ChatTemplate } from '../../text/template.ts';
import { type Tokenizer } from '../../text/tokenizer/tokenizer.ts';
import { type Sequence } from '../../kv/sequence.ts';
import { type LoadedModel } from '../load/load.ts';
import { type Runner } from './runner.ts';
import { createSequences } from './sequences.ts';

export interface Text {
  tokenizer: Tokenizer;
  template: ChatTemplate;
}

export interface Session {
  /** The ids of a prompt. @throws RequestError, UnsupportedModelError for a prompt that the model cannot have. */
  encode(prompt: GenerateRequest['prompt']): number[];
  /** Runs a request to its end. `onTokens` gets tokens and the text that is certain with them. */
  generate(request: GenerateRequest, onTokens: (tokens: Token[], text: string) => void, signal?: AbortSignal): Promise<{ reason: FinishReason; stats: GenerateStats }>;
}

/** Most conversations whose keys and values are kept, where there is room for them. */
const mostKept = 8;

/** `text` is undefined for a file without a tokenizer: then only prompts of tokens work. */
export function createSession(model: LoadedModel, runner: Runner, text?: Text): Session {
  const { context } = model.options;
  const sequences = createSequences<Sequence>({ first: model.sequence, create: model.createSequence, mostBytes: model.plan.bytes.kv, most: mostKept });
  model.home.makeWay = (sequence, positions) => sequences.makeRoom(sequence, positions);

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

  return {
    encode,
    async generate(request, onTokens, signal) {
      const sampling = { seed: Math.floor(Math.random() * 2 ** 32), ...withoutUndefined(request.sampling ?? {}) };
      const { maxTokens = Infinity } = request;
      if (!(maxTokens === Infinity || (Number.isInteger(maxTokens) && maxTokens >= 1))) throw new RequestError(`maxTokens is ${maxTokens}; it has to be a whole number of at least 1.`);
      const prompt = encode(request.prompt);
      if (!prompt.length) throw new RequestError('The prompt is empty. Write something to continue.');
      if (prompt.length >= context) {
        throw new RequestError(`The prompt has ${prompt.length} tokens; the context of ${context} has room for ${context - 1} and an answer. Shorten it, or load the model with a longer context.`, { code: 'context_length_exceeded' });
      }
      const endOfTurn = text?.template.endOfTurn;
      const sampler = await model.samplerFor({ ...sampling, ends: [...(endOfTurn ?? [])] });
      const decoder = text && createStreamDecoder(text.tokenizer);
      const stops = createStopStrings([...(request.stop ?? []), ...(text && 'messages' in request.prompt ? text.template.stop : [])]);

      const sequence = await sequences.take(prompt);
      const on = runner.of(sequence);
      const shared = sequence.tokens.length;
      const started = performance.now();
      let firstToken = started;
      const transferBefore = runner.transfer();
      let transferFirst = transferBefore;
      const made: number[] = [];
      let reason: FinishReason = 'length';
      try {
        await on.feed(prompt.slice(shared), shared, signal);
        answer: for await (const tokens of on.tokens(sampler, prompt.length, Math.min(maxTokens, context - prompt.length), signal)) {
          if (!made.length) {
            firstToken = performance.now();
            transferFirst = runner.transfer();
          }
          for (const token of tokens) {
            const { id } = token;
            signal?.throwIfAborted();
            if (made.length) sequence.note(prompt.length + made.length - 1, made.slice(-1)); // it was run to choose this one
            if (endOfTurn?.has(id)) {
              reason = 'stop';
              break answer;
            }
            made.push(id);
            const { text: shown, stopped } = stops.push(decoder ? decoder.push(id) : '');
            onTokens([spelt(token)], shown);
            if (stopped) {
              reason = 'stop';
              break answer;
            }
          }
        }
      } catch (error) {
        if (!signal?.aborted) throw error;
        reason = 'abort';
      } finally {
        sequences.give(sequence);
      }
      if (reason !== 'abort') {
        const last = stops.push(decoder ? decoder.flush() : '');
        const rest = last.text + (last.stopped ? '' : stops.flush());
        if (rest) onTokens([], rest);
      }
      const ended = performance.now();
      return {
        reason,
        stats: {
          promptTokens: prompt.length, cachedTokens: shared, newTokens: made.length,
          prefillMs: firstToken - started, decodeMs: ended - firstToken, gpuBytesPeak: model.ledger.peakBytes,
          transfer: model.plan.verdict === 'fits' ? undefined : { prefill: difference(transferFirst, transferBefore), decode: difference(runner.transfer(), transferFirst) },
        },
      };
    },
  };
}

const withoutUndefined = <T extends object>(value: T): T => Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T;

const difference = (after: TransferStats, before: TransferStats): TransferStats => Object.fromEntries(Object.entries(after).map(([name, value]) => [name, value - before[name as keyof TransferStats]])) as unknown as TransferStats;
