// A parameter that windrow does not know is refused by name, never ignored, unless it asks for nothing.
import { RequestError, shown } from '../errors.ts';

/** `neutral`: values that ask for nothing, beside null and undefined. */
export const asksNothing = (value: unknown, neutral: unknown[] = []): boolean =>
  value === undefined || value === null || neutral.some((each) => shown(each) === shown(value));

/** The same of a parameter by its name, which may be any text, also one that objects inherit. */
export const isNeutral = (name: string, value: unknown, neutral: Record<string, unknown[]>): boolean =>
  asksNothing(value, Object.hasOwn(neutral, name) ? neutral[name] : []);

export function refuseParameters(params: object, known: readonly string[], neutral: Record<string, unknown[]> = {}): void {
  const other = Object.entries(params).find(([name, value]) => !known.includes(name) && !isNeutral(name, value, neutral));
  if (other) throw new RequestError(`The parameter ${other[0]} (${shown(other[1])}) is not supported. Leave it out.`, { code: 'unsupported_parameter' });
}
