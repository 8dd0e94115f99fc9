// The errors that a caller may branch on, by class or, finer, by code. Everything else is a plain Error. The message carries
// the facts (what, actual, needed, what to do) and may change; classes and codes do not. docs/errors.md says when each comes.

/** The codes of each class; the first is that of what has no own one. */
export const errorCodes = {
  InvalidFileError: ['invalid_file', 'wrong_hash', 'file_changed', 'stored_model_damaged'],
  UnsupportedModelError: ['unsupported_model'],
  BudgetError: ['over_budget', 'adapter_limit', 'gpu_out_of_memory', 'storage_quota', 'storage_full'],
  DeviceError: ['no_gpu', 'gpu_lost', 'gpu_refused_work', 'kernel_failed', 'worker_failed'],
  RequestError: [
    'invalid_request',
    'unsupported_parameter',
    'unsupported_schema',
    'unsupported_grammar',
    'context_length_exceeded',
    'not_loaded',
    'not_found',
    'access_denied',
    'rate_limited',
    'key_required',
    'wrong_key',
    'model_in_use',
    'queue_full',
  ],
} as const;

type ErrorName = keyof typeof errorCodes;
type CodeOf<Name extends ErrorName> = (typeof errorCodes)[Name][number];
export type ErrorCode = CodeOf<ErrorName>;

interface Details<Name extends ErrorName> extends ErrorOptions {
  code?: CodeOf<Name>;
}

/** The file is not a GGUF, is damaged, or its bytes differ from what its hash promises. */
export class InvalidFileError extends Error {
  override readonly name = 'InvalidFileError';
  readonly code: CodeOf<'InvalidFileError'>;

  constructor(message?: string, { code = 'invalid_file', ...options }: Details<'InvalidFileError'> = {}) {
    super(message, options);
    this.code = code;
  }
}

/** The file is sound, but asks for something windrow does not implement; computing anyway would give wrong numbers. */
export class UnsupportedModelError extends Error {
  override readonly name = 'UnsupportedModelError';
  readonly code = 'unsupported_model';
}

/** Something does not fit: GPU bytes, an adapter limit, the browser's storage, the context. */
export class BudgetError extends Error {
  override readonly name = 'BudgetError';
  readonly code: CodeOf<'BudgetError'>;

  constructor(message?: string, { code = 'over_budget', ...options }: Details<'BudgetError'> = {}) {
    super(message, options);
    this.code = code;
  }
}

/** No usable GPU, or it or the worker that uses it was lost. */
export class DeviceError extends Error {
  override readonly name = 'DeviceError';
  readonly code: CodeOf<'DeviceError'>;

  constructor(message?: string, { code = 'no_gpu', ...options }: Details<'DeviceError'> = {}) {
    super(message, options);
    this.code = code;
  }
}

/** The request itself is wrong: an empty prompt, an option out of range, a call on an unloaded engine. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly code: CodeOf<'RequestError'>;

  constructor(message?: string, { code = 'invalid_request', ...options }: Details<'RequestError'> = {}) {
    super(message, options);
    this.code = code;
  }
}

/** Whether `error` has one of these codes. */
export const hasCode = (error: unknown, ...codes: ErrorCode[]): boolean =>
  codes.includes((error as { code?: ErrorCode } | null | undefined)?.code as ErrorCode);

const named = { InvalidFileError, UnsupportedModelError, BudgetError, DeviceError, RequestError };

/** Restores the class of an error that crossed a worker boundary by its name, with its code. */
export function reviveError({ name, message, code }: { name: string; message: string; code?: string }): Error {
  const Class = (named[name as ErrorName] ?? Error) as new (message: string, details: { code?: string }) => Error;
  return new Class(message, { code });
}

/** A value that somebody gave, for a message about it: as JSON where it has a spelling there, at most 80 characters. Never throws. */
export function shown(value: unknown): string {
  let text: string | undefined;
  try {
    text = typeof value === 'number' || typeof value === 'bigint' ? String(value) : JSON.stringify(value);
  } catch {
    // a circle, or a bigint within
  }
  text ??= typeof value === 'object' ? Object.prototype.toString.call(value) : String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** Bytes, as messages tell them. */
export const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** What `make` gives; undefined where that is refused, as it cannot be or has no room. */
export function unlessRefused<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof BudgetError || error instanceof RequestError) return undefined;
    throw error;
  }
}
