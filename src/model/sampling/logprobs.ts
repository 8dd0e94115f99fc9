// Log-probabilities: how likely the chosen token was, with the most likely ones, of the logits before any other stage. Two
// stages, first and last of a list: what they leave in `records` is read back with the id.
import { type Token, type SamplingOptions } from '../../protocol.ts';
import { mostTop, recordCount, recordWords } from './buffers.ts';
import { type SamplerStage, whole } from './stage.ts';

const consts = { MostTop: mostTop };
const asked = ({ logprobs }: SamplingOptions): boolean => logprobs !== undefined;

export const logprobs: SamplerStage = {
  name: 'logprobs',
  fields: ({ logprobs: top = 0 }) => ({ top: whole('logprobs', top, 0, mostTop) }),
  asked,
  dispatches: [{ kernel: 'logprobs', consts, buffers: ['logits', 'kept', 'listed'], workgroups: 'slices' }],
};

export const records: SamplerStage = {
  name: 'records',
  asked,
  dispatches: [
    {
      kernel: 'logprobs-finish',
      consts: { ...consts, Records: recordCount },
      label: 'record',
      buffers: ['kept', 'listed', 'state', 'ids', 'records'],
      workgroups: 'one',
    },
  ],
};

/**
 * The token `id` at `position` with what its record says: the first `top` of those listed, fewer if fewer have a finite logit. `words`:
 * (recordCount, recordWords).
 */
export function readRecord(id: number, words: Uint32Array<ArrayBuffer>, position: number, top: number, vocab: number): Token {
  const start = (position % recordCount) * recordWords;
  const floats = new Float32Array(words.buffer, words.byteOffset, words.length);
  const listed = Array.from({ length: top }, (_, i) => ({ id: words[start + 1 + 2 * i], logprob: floats[start + 2 + 2 * i] }));
  return { id, logprob: floats[start], top: listed.filter((each) => each.id < vocab) };
}
