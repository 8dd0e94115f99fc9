// What is done with a conversation that is longer than the context.
import { RequestError, shown } from '../../errors.ts';

export type ContextOverflow = 'error' | 'truncate' | 'shift';

/** `maxTokens`: of the answer, if the request says so; `most` is its name, for errors. */
export function toOverflow(
  value: ContextOverflow | null | undefined,
  maxTokens?: number,
  { most, ways } = { most: 'max_completion_tokens', ways: 'error, truncate or shift' },
): ContextOverflow | undefined {
  if (value === undefined || value === null) return undefined;
  if (value === 'error' || value === 'truncate') return value;
  if (value !== 'shift') throw new RequestError(`context_overflow is ${shown(value)}; it must be ${ways}.`);
  if (maxTokens === undefined) throw new RequestError(`context_overflow is "shift" without ${most}: the answer might never end. Give it.`);
  return value;
}

/** The same of raw text, which has no turns that could be left out. */
export function toRawOverflow(value: ContextOverflow | null | undefined, maxTokens?: number, echo?: boolean | null): ContextOverflow | undefined {
  if (value === 'truncate') throw new RequestError('context_overflow is "truncate", but a raw prompt has no turns to leave out; it must be error or shift.');
  if (value === 'shift' && echo) throw new RequestError('context_overflow is "shift" with echo: what is left out would be given back. Leave one out.');
  return toOverflow(value, maxTokens, { most: 'max_tokens', ways: 'error or shift' });
}
