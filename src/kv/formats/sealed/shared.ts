// Pages of slots whose directions two layers share: those of the first have them and its lengths, those of the second its lengths alone (MiniCache,
// arXiv 2405.14366).
import { type PageFormat, pageSlots } from '../format.ts';

export interface SharedFormat extends PageFormat {
  readonly consts: Readonly<Record<string, number>>;
  /** Files of shaders of a kernel that puts slots there, in front of those that tell which. */
  readonly put: readonly string[];
}

/** In 32 bits, or in 16, of heads of this size. */
export function sharedFormat(numbers: 'f32' | 'f16', which: 'first' | 'second', headDim: number): SharedFormat {
  const each = numbers === 'f32' ? 1 : 2;
  const channels = 4 * Math.ceil(headDim / 4);
  const read = [`kv/numbers/${numbers}`, 'kv/numbers/at', `kv/shared/${which}`, 'kv/shared/lengths'];
  return {
    name: `${numbers}-${which}`,
    consts: { KeyChannels: channels },
    words: () => pageSlots * ((which === 'first' ? (2 * channels) / each : 0) + 2 / each),
    read,
    put: [`kv/numbers/${numbers}`, 'kv/numbers/at', `kv/shared/${which}`, 'kv/shared/lengths', `kv/numbers/put-${numbers}`],
  };
}
