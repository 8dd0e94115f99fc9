// Which of several sequences of a step an error is of, where the others can go on. Imports nothing.

const owners = new WeakMap<object, object>();

/** Nothing was run yet of the step, and only this sequence is not as it was. */
export function noteFailed(error: unknown, sequence: object): void {
  if (typeof error === 'object' && error !== null) owners.set(error, sequence);
}

/** Undefined where it is of all of them. */
export const failedOf = (error: unknown): object | undefined => (typeof error === 'object' && error !== null ? owners.get(error) : undefined);
