// A number that a caller gives, or one of some words.
import { RequestError, shown } from '../../errors.ts';

interface Bounds {
  from?: number;
  above?: number;
  to: number;
  integer?: boolean;
}

/** Undefined for null too. @throws RequestError that names what is out of bounds, or no number. */
export function number(name: string, value: number | null | undefined, { from, above, to, integer }: Bounds): number | undefined {
  if (value === undefined || value === null) return undefined;
  const within = typeof value === 'number' && value <= to && (from === undefined || value >= from) && (above === undefined || value > above);
  if (within && (!integer || Number.isInteger(value))) return value;
  const low = from === undefined ? `above ${above}, at most` : `from ${from} to`;
  throw new RequestError(`${name} is ${shown(value)}; it must be ${integer ? 'a whole number' : 'a number'} ${low} ${to}.`);
}

/** @throws RequestError for what is none of these. */
export function oneOf<T extends string>(name: string, value: T | undefined, known: readonly T[]): T | undefined {
  if (value === undefined || known.includes(value)) return value;
  throw new RequestError(`${name} is ${shown(value)}; it must be one of ${known.join(', ')}.`);
}

/** As of requests that are answered: those of a lower one have their turns first. */
export const toPriority = (priority: number | null | undefined): number | undefined =>
  number('priority', priority, { from: -1000, to: 1000, integer: true });
