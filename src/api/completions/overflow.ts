// What is done with a conversation that is longer than the context.
import { RequestError, shown } from '../../errors.ts';

export type ContextOverflow = 'error' | 'truncate';

export function toOverflow(value: ContextOverflow | null | undefined): ContextOverflow | undefined {
  if (value === undefined || value === null) return undefined;
  if (value === 'error' || value === 'truncate') return value;
  if (shown(value) === '"shift"')
    throw new RequestError(
      'context_overflow is "shift", which is not supported: windrow keeps keys as they are turned for their positions and moves none. ' +
      'Use truncate, which leaves out the oldest turns, or error.',
      { code: 'unsupported_parameter' },
    );
  throw new RequestError(`context_overflow is ${shown(value)}; it must be error or truncate.`);
}
