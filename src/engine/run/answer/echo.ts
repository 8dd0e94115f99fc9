// The prompt given back before the answer, with how likely each of its tokens was, if that is asked for.
import { type GenerateRequest, type Token, type TokenLogprob } from '../../../protocol.ts';
import { createStreamDecoder } from '../../../text/tokenizer/stream-decoder.ts';
import { type Text } from '../../load/opened.ts';
import { type AnswerOptions } from './answers.ts';
import { spelt } from './output.ts';

export interface Echo extends Pick<AnswerOptions, 'onChunk'> {
  /** The prompt's tokens and its text. What the model's texts begin with (BOS) is none of them. */
  tell(): [tokens: Token[], text: string];
}

/** For a prompt of `ids`. */
export function createEcho({ prompt, sampling, distributions }: GenerateRequest, ids: readonly number[], text: Text | undefined): Echo {
  const top = sampling?.logprobs;
  const told: Token[] = ids.map((id) => (top === undefined ? { id } : { id, top: [] })); // of the first nothing is known
  const first = text && ids.length > 1 && ids[0] === text.tokenizer.bos ? 1 : 0;
  return {
    ...(top !== undefined && {
      onChunk: (on, position, rows) =>
        on.readRows(position, rows, Math.max(0, Math.min(rows, ids.length - 1 - position)), (row, logits) => {
          const id = ids[position + row + 1];
          told[position + row + 1] = { id, ...logprobOf(logits, id, top), ...(distributions && { all: logSoftmax(logits) }) };
        }),
    }),
    tell() {
      const tokens = told.slice(first).map((token) => (text ? spelt(token, text) : token));
      if (!text) return [tokens, ''];
      if ('text' in prompt) return [trimmed(tokens, prompt.text), prompt.text];
      const decoder = createStreamDecoder(text.tokenizer);
      return [tokens, ids.slice(first).map((id) => decoder.push(id)).join('') + decoder.flush()];
    },
  };
}

/** Some tokenizers put a space before a text, which is none of it. */
function trimmed(tokens: Token[], text: string): Token[] {
  const [{ bytes, ...token }, ...others] = tokens;
  return bytes?.[0] === 0x20 && !text.startsWith(' ') ? [{ ...token, bytes: bytes.subarray(1) }, ...others] : tokens;
}

/** From a logit to ln of its probability among those that are finite. */
function logSoftmaxOf(logits: Float32Array): (logit: number) => number {
  const highest = logits.reduce((most, logit) => (Number.isFinite(logit) && logit > most ? logit : most), -Infinity);
  const sum = logits.reduce((total, logit) => total + (Number.isFinite(logit) ? Math.exp(logit - highest) : 0), 0);
  return (logit) => logit - highest - Math.log(sum);
}

/** (vocab); what has no finite logit is impossible. */
function logSoftmax(logits: Float32Array): Float32Array {
  const of = logSoftmaxOf(logits);
  return logits.map((logit) => (Number.isFinite(logit) ? of(logit) : -Infinity));
}

/** How likely a token was by `logits` (vocab), and the `top` most likely ones, in order; those without a finite logit are none. */
export function logprobOf(logits: Float32Array, id: number, top: number): { logprob: number; top: TokenLogprob[] } {
  const of = logSoftmaxOf(logits);
  const logprob = (token: number): number => of(logits[token]);
  const best: number[] = [];
  for (let token = 0; token < logits.length && top > 0; token++) {
    if (!Number.isFinite(logits[token]) || (best.length === top && !(logits[token] > logits[best[top - 1]]))) continue;
    const at = best.findIndex((other) => logits[token] > logits[other]);
    best.splice(at < 0 ? best.length : at, 0, token);
    if (best.length > top) best.pop();
  }
  return { logprob: logprob(id), top: best.map((token) => ({ id: token, logprob: logprob(token) })) };
}
