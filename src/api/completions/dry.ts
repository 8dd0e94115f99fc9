// DRY by llama.cpp's names of its parameters.
import { RequestError, shown } from '../../errors.ts';
import { type DryOptions } from '../../protocol.ts';
import { type SamplingParams } from './chat.ts';
import { number } from './number.ts';

export const dryNames = ['dry_multiplier', 'dry_base', 'dry_allowed_length', 'dry_penalty_last_n', 'dry_sequence_breakers'] as const;

/** Each is searched for in all tokens of the vocabulary. */
const mostBreakers = 32;

/** Undefined where there is nothing to take off. */
export function toDry(params: Pick<SamplingParams, (typeof dryNames)[number]>): DryOptions | undefined {
  const multiplier = number('dry_multiplier', params.dry_multiplier, { from: 0, to: 100 });
  const base = number('dry_base', params.dry_base, { from: 1, to: 100 });
  const allowedLength = number('dry_allowed_length', params.dry_allowed_length, { from: 0, to: 1024, integer: true });
  const last = number('dry_penalty_last_n', params.dry_penalty_last_n, { from: -1, to: 2 ** 31 - 1, integer: true });
  const breakers = toBreakers(params.dry_sequence_breakers);
  return multiplier ? { multiplier, base, allowedLength, last, breakers } : undefined;
}

function toBreakers(texts: SamplingParams['dry_sequence_breakers']): string[] | undefined {
  if (texts === undefined || texts === null) return undefined;
  if (!Array.isArray(texts)) throw new RequestError(`dry_sequence_breakers is ${shown(texts)}; it must be a list of texts.`);
  const wrong = texts.find((text) => typeof text !== 'string' || text === '');
  if (wrong !== undefined) throw new RequestError(`dry_sequence_breakers has ${shown(wrong)}; each must be a text that is not empty.`);
  if (texts.length > mostBreakers) throw new RequestError(`dry_sequence_breakers has ${texts.length} texts; it may have ${mostBreakers}.`);
  return texts;
}
