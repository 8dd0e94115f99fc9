// Errors by the names that the Prompt API's specification has for them.
import { type ErrorCode, hasCode } from '../errors.ts';

type QuotaExceeded = new (message: string, numbers: { requested: number; quota: number }) => DOMException;

/** With the numbers, also in browsers where it is a plain DOMException of this name. */
export function quotaExceeded(message: string, requested: number, quota: number): DOMException {
  const { QuotaExceededError } = globalThis as { QuotaExceededError?: QuotaExceeded };
  return QuotaExceededError
    ? new QuotaExceededError(message, { requested, quota })
    : Object.assign(new DOMException(message, 'QuotaExceededError'), { requested, quota });
}

export const notSupported = (message: string): DOMException => new DOMException(message, 'NotSupportedError');

const codesByName: [name: string, codes: ErrorCode[]][] = [
  ['QuotaExceededError', ['context_length_exceeded']],
  ['InvalidStateError', ['not_loaded']],
  [
    'NotSupportedError',
    [
      'unsupported_parameter', 'unsupported_schema', 'unsupported_grammar', 'unsupported_model', 'over_budget', 'adapter_limit', 'storage_quota', 'no_gpu',
      'kernel_failed',
    ],
  ],
];

/** An error of the engine as a DOMException with the same message, and the error itself as its `cause`; others, as of wrong arguments, as they are. */
export function toDomException(error: unknown): unknown {
  if (error instanceof DOMException || error instanceof TypeError || error instanceof RangeError) return error;
  const name = codesByName.find(([, codes]) => hasCode(error, ...codes))?.[0] ?? 'OperationError';
  return Object.assign(new DOMException((error as Error).message, name), { cause: error });
}
