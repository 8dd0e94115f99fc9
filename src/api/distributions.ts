// What a model expected in the place of each token of a text: the probabilities of all tokens of its vocabulary. For evaluation.
import { RequestError } from '../errors.ts';
import { type Backend } from './backend.ts';
import { stopReason } from './create.ts';

/**
 * Of each token of a prompt but the first: ln of the probabilities of all tokens, (vocab). A prompt is a text or token ids; it is long as it is
 * times the vocabulary. @throws RequestError for a single token. Rejects with the signal's reason.
 */
export type Distributions = (prompt: string | number[], options?: { signal?: AbortSignal }) => Promise<Float32Array[]>;

export const distributions = (backend: Backend): Distributions => (given, { signal } = {}) =>
  new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const prompt = typeof given === 'string' ? { text: given } : { tokens: given };
    const all: Float32Array[] = [];
    const none = () => reject(new RequestError('The text has a single token; at least two are needed, as the first has no place to be expected in.'));
    backend.start({ prompt, echo: true, maxTokens: 0, sampling: { logprobs: 0 }, distributions: true }, signal, {
      tokens: (_, tokens) => void all.push(...tokens.flatMap((token) => token.all ?? [])),
      done: () => (all.length ? resolve(all) : none()),
      stopped: () => reject(stopReason(signal)),
      failed: reject,
    });
  });
