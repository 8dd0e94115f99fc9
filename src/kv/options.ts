// What options of policies have to be.
import { RequestError } from '../errors.ts';

/** RequestError unless it is a whole number within these. */
export function checkWhole(name: string, value: number, least: number, most = Infinity): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new RequestError(`${name} is ${value}; it has to be a whole number ${most === Infinity ? `of at least ${least}` : `from ${least} to ${most}`}.`);
}
