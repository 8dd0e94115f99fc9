// Formats that pages are sealed in: codes of a few bits, each with a scale and a minimum in f16 for some of them together: keys for a channel
// over the 32 slots of a page (KIVI, arXiv 2402.02750) or for a token and 32 channels; values always for a token and 32 channels. Or keys have a scale
// alone, for a token and 16 channels of like size, wherever in the head those are.
//
// A page: the codes of keys as (word, slot), the pairs of keys as (channel) or (group, slot), codes of values as (slot, word), pairs as (slot, group).
import { type SealedFormat, pageSlots } from './format.ts';

/** What numbers are divided by before they become codes, channel by channel of each head, and multiplied with as they are read. */
export type Factored = 'keys' | 'values';

export interface AffineFormat extends SealedFormat {
  readonly bits: number;
  /** What a scale of keys is of. A page by token is sealed slot by slot, another as a whole. */
  readonly keysBy: 'token' | 'channel' | 'block';
  /** Which numbers have factors. Where values have, a slot's have one scale together. */
  readonly factored?: Factored;
  readonly consts: Readonly<Record<string, number>>;
}

/** Channels that share a pair. */
export const groupChannels = 32;

/** u32 words of the codes of a head: of whole groups. */
export const codeWords = (bits: number, headDim: number): number => bits * Math.ceil(headDim / groupChannels);

/** Channels of a key that share a scale where it has no minimum. */
export const blockChannels = 16;

/** u32 words of the pairs of a page's keys, or of their scales, two to a word. */
export function keyPairWords(keysBy: AffineFormat['keysBy'], headDim: number): number {
  if (keysBy === 'channel') return 4 * Math.ceil(headDim / 4);
  return pageSlots * (keysBy === 'token' ? Math.ceil(headDim / groupChannels) : Math.ceil(headDim / (2 * blockChannels)));
}

/** More than a head has. */
const allChannels = 1 << 20;

function affine(bits: number, keysBy: AffineFormat['keysBy'], factored?: Factored): AffineFormat {
  const factors = factored
    ? ['kv/affine/factors', `kv/affine/factors-of-${factored}`]
    : ['kv/affine/factors-none', keysBy === 'block' ? 'kv/affine/blocks' : 'kv/affine/no-blocks'];
  const ofHead = factored !== undefined || keysBy === 'block';
  const files = ['kv/affine/page', ...factors, `kv/affine/codes-${bits}`, `kv/affine/keys-by-${keysBy}`];
  const valueChannels = factored === 'values' ? allChannels : groupChannels;
  return {
    name: `q${bits}${keysBy[0]}${factored ? `-${factored}` : ''}`,
    bits,
    keysBy,
    factored,
    consts: { ValueChannels: valueChannels },
    words(headDim) {
      const pairs = keyPairWords(keysBy, headDim) + pageSlots * Math.ceil(headDim / valueChannels);
      return 2 * pageSlots * codeWords(bits, headDim) + pairs + (ofHead ? 1 : 0);
    },
    headWords: (headDim) => (ofHead ? 4 * Math.ceil(headDim / 4) : 0),
    sealer: 'kv-seal',
    read: [...files, 'kv/affine/read'],
    seal: [...files, 'kv/affine/round', `kv/affine/seal-keys-by-${keysBy}`],
  };
}

const byName = (formats: readonly AffineFormat[]): ReadonlyMap<string, AffineFormat> => new Map(formats.map((format) => [format.name, format]));

/** By name: q4t and q2t by token, q4c, q3c and q2c with keys by channel. */
export const affineFormats = byName([affine(4, 'token'), affine(2, 'token'), affine(4, 'channel'), affine(3, 'channel'), affine(2, 'channel')]);

/** q4b and q3b, keys by blocks of channels that a head has an order of. */
export const blockFormats = byName([affine(4, 'block'), affine(3, 'block')]);

/** Those with factors, which only slots have that are listed: q4t-keys (MiKV, arXiv 2402.18096), q4c-values (ZipCache, arXiv 2405.14256) and so on. */
export const factoredFormats = byName([4, 3, 2].flatMap((bits) => [affine(bits, 'token', 'keys'), affine(bits, 'channel', 'values')]));
