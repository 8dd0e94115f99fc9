// DRY ("don't repeat yourself"): tokens that would go on with what was said before become less likely, in the order and arithmetic of llama.cpp.
// Found on the GPU from the ids, so that tokens are made ahead of the CPU. Loaded when a request first asks.
import { RequestError } from '../../../errors.ts';
import { type DryOptions } from '../../../protocol.ts';
import { mostTailWords } from '../buffers.ts';
import { type DryBreaker, type SamplerStage, whole, within } from '../stage.ts';

const all = 0xffffffff;
/** Tokens beyond what is allowed that are told apart: a step looks at no more for each position. */
const mostExponent = 1024;
/** Beyond it a penalty leaves nothing of a probability. */
const largest = 2 ** 100;

interface Dry {
  multiplier: number;
  base: number;
  allowed: number;
  last: number;
  most: number;
}

function read({ multiplier, base = 1.75, allowedLength = 2, last = -1 }: DryOptions): Dry {
  within('dry.multiplier', multiplier, 0, 100);
  within('dry.base', base, 1, 100);
  const allowed = whole('dry.allowedLength', allowedLength, 0, 1024);
  const lookBack = whole('dry.last', last, -1, 2 ** 31 - 1);
  const exponent = base === 1 ? 0 : Math.min(mostExponent, Math.floor(Math.log(largest) / Math.log(base)));
  return { multiplier, base, allowed, last: lookBack < 0 ? all : lookBack, most: allowed + exponent };
}

/** See `Dry` in shaders/kernels/rare/dry.wgsl. */
export function packDry(options: DryOptions, breakers: readonly DryBreaker[], vocab: number): Uint8Array<ArrayBuffer> {
  const { multiplier, base, allowed, last, most } = read(options);
  const alone = new Uint32Array(Math.ceil(vocab / 32));
  for (const { tail, heads } of breakers) if (!tail.length) for (const id of heads) alone[id >> 5] |= 1 << (id & 31);
  const longer = breakers.filter(({ tail }) => tail.length);
  const tails = longer.flatMap(({ tail, heads }) => [heads.length, tail.length, ...tail, ...heads]);
  if (tails.length > mostTailWords)
    throw new RequestError(
      `The texts that end repetitions can begin in ${longer.reduce((sum, { heads }) => sum + heads.length, 0)} ways where they are several tokens; ` +
      `that takes ${tails.length} words, and there is room for ${mostTailWords}. Give fewer, or shorter ones.`,
    );
  const words = Uint32Array.from([0, 0, allowed, last, most, longer.length, ...alone, ...tails]);
  new Float32Array(words.buffer).set([multiplier, base]);
  return new Uint8Array(words.buffer);
}

export const dry: SamplerStage = {
  name: 'dry',
  asked({ dry: options }) {
    if (!options) return false;
    const { multiplier, last } = read(options);
    return multiplier > 0 && last > 0;
  },
  dispatches: [{ kernel: 'dry', buffers: ['state', 'ids', 'dry', 'counts', 'logits'], workgroups: 'one' }],
  start: ({ dry: options, dryBreakers = [] }, vocab) => ({ buffer: 'dry', bytes: packDry(options!, dryBreakers, vocab) }),
};
