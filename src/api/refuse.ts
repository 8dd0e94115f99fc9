// A parameter that windrow does not know is refused by name, never ignored.
import { RequestError, shown } from '../errors.ts';

export function refuseParameters(params: object, known: readonly string[]): void {
  const other = Object.entries(params).find(([name, value]) => !known.includes(name) && value !== undefined && value !== null);
  if (other) throw new RequestError(`The parameter ${other[0]} (${shown(other[1])}) is not supported. Leave it out.`, { code: 'unsupported_parameter' });
}
