// What a request with DRY asks of the sampler, with the texts that end repetitions as tokens of its model. A chunk of its own.
import { RequestError } from '../../../errors.ts';
import { type SamplerOptions } from '../../../model/sampling/stage.ts';
import { breakersOf } from '../../../text/dry-breakers.ts';
import { type Text } from '../../load/opened.ts';

/** llama.cpp's. */
const usual = ['\n', ':', '"', '*'];

/** @throws RequestError where there are such texts and no tokenizer. */
export function withBreakers(sampling: SamplerOptions, text?: Text): SamplerOptions {
  const { breakers = usual } = sampling.dry!;
  if (!text && breakers.length)
    throw new RequestError('The file has no tokenizer, so that no text can end the repetitions that DRY looks for: give dry.breakers as [].');
  return { ...sampling, dryBreakers: text ? breakersOf(text.tokenizer, breakers) : [] };
}
