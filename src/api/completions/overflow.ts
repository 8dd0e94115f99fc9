// What is done with a conversation that is longer than the context.
import { RequestError, shown } from '../../errors.ts';

export type ContextOverflow = 'error' | 'truncate' | 'shift';

/** `maxTokens`: of the answer, if the request says so. */
export function toOverflow(value: ContextOverflow | null | undefined, maxTokens?: number): ContextOverflow | undefined {
  if (value === undefined || value === null) return undefined;
  if (value === 'error' || value === 'truncate') return value;
  if (value !== 'shift') throw new RequestError(`context_overflow is ${shown(value)}; it must be error, truncate or shift.`);
  if (maxTokens === undefined) throw new RequestError('context_overflow is "shift" without max_completion_tokens: the answer might never end. Give it.');
  return value;
}
