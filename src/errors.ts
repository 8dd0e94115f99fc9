// The errors that a caller may branch on. Everything else is a plain Error. The message carries the facts
// (what, actual, needed, what to do), since a worker boundary keeps only name, message and stack.

/** The file is not a GGUF, is damaged, or its bytes differ from what its hash promises. */
export class InvalidFileError extends Error {
  override readonly name = 'InvalidFileError';
}

/** The file is sound, but asks for something windrow does not implement; computing anyway would give wrong numbers. */
export class UnsupportedModelError extends Error {
  override readonly name = 'UnsupportedModelError';
}

/** Something does not fit: GPU bytes, an adapter limit, storage quota, the context. */
export class BudgetError extends Error {
  override readonly name = 'BudgetError';
}

/** No usable GPU, or it was lost. */
export class DeviceError extends Error {
  override readonly name = 'DeviceError';
}

/** The request itself is wrong: an empty prompt, an option out of range, a call on an unloaded engine. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
}

const named = { InvalidFileError, UnsupportedModelError, BudgetError, DeviceError, RequestError };

/** Restores the class of an error that crossed a worker boundary by its name. */
export function reviveError(error: { name: string; message: string }): Error {
  const Class = named[error.name as keyof typeof named] ?? Error;
  return new Class(error.message);
}
