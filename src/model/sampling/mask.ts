// Mask: only tokens whose bit is set may be chosen, all others get the logit -infinity. Where the CPU makes the mask of each
// token from those before it, as for a grammar, tokens cannot be made ahead of it.
import { RequestError } from '../../errors.ts';
import { type SamplerStage, type TokenMask, type Writing } from './stage.ts';

/** The mask's bytes; a RequestError if it has another size than the vocabulary, or allows nothing. `place`: of the token in the answer, from 0. */
function checked(mask: TokenMask, vocab: number, place?: number): Writing {
  const which = place === undefined ? 'The mask' : `The mask of token ${place + 1} of the answer`;
  const words = Math.ceil(vocab / 32);
  if (mask.length !== words) throw new RequestError(`${which} has ${mask.length} words; a vocabulary of ${vocab} tokens needs ${words}.`);
  const spare = 32 * words - vocab; // bits of the last word that are no token's
  const some = mask.some((word, i) => (i < words - 1 ? word : (word << spare) >>> spare) !== 0);
  if (!some) throw new RequestError(`${which} allows none of the ${vocab} tokens, so that the answer cannot go on. Allow at least one that ends it.`);
  return { buffer: 'mask', bytes: new Uint8Array(mask.buffer, mask.byteOffset, mask.byteLength) };
}

export const mask: SamplerStage = {
  name: 'mask',
  asked: ({ mask: given }) => given !== undefined,
  dispatches: [{ kernel: 'mask', buffers: ['mask', 'logits'], workgroups: 'slices' }],
  start: ({ mask: given }, vocab) => (typeof given === 'function' ? undefined : checked(given!, vocab)),
  before: ({ mask: given }, vocab) => (typeof given === 'function' ? (chosen) => checked(given(chosen), vocab, chosen.length) : undefined),
};
