// Bias: a number added to the logits of tokens that the request names, before any other stage, as in llama.cpp.
import { RequestError } from '../../errors.ts';
import { type SamplingOptions } from '../../protocol.ts';
import { mostBiases } from './buffers.ts';
import { type SamplerStage, whole, within } from './stage.ts';

function entriesOf({ logitBias = {} }: SamplingOptions): [token: number, bias: number][] {
  const entries = Object.entries(logitBias).map(([token, bias]): [number, number] => [
    whole('A token of logitBias', token.trim() === '' ? NaN : Number(token), 0, 2 ** 31 - 1),
    within(`logitBias of token ${token}`, bias, -100, 100),
  ]);
  if (entries.length > mostBiases) throw new RequestError(`logitBias has ${entries.length} tokens; it may have ${mostBiases}.`);
  return entries;
}

export const bias: SamplerStage = {
  name: 'bias',
  fields: (options) => ({ biases: entriesOf(options).length }),
  asked: (options) => entriesOf(options).length > 0,
  dispatches: [{ kernel: 'bias', buffers: ['biases', 'logits'], workgroups: 'one' }],
  start(options, vocab) {
    const entries = entriesOf(options);
    const view = new DataView(new ArrayBuffer(8 * entries.length));
    entries.forEach(([token, value], i) => {
      if (token >= vocab) throw new RequestError(`logitBias names the token ${token}; the vocabulary has ${vocab}.`);
      view.setUint32(8 * i, token, true);
      view.setFloat32(8 * i + 4, value, true);
    });
    return { buffer: 'biases', bytes: new Uint8Array(view.buffer) };
  },
};
