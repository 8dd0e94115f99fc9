// Members of calls that are not JSON: what their names and listed texts may be, so that what is written is read as the same.
import { RequestError } from '../../errors.ts';
import { type Property } from '../grammar/json-objects.ts';
import { type Tool } from './style.ts';

/** Words of JSON, by those of Python, which some templates write in calls. */
export const pythonWords: ReadonlyMap<string, string> = new Map([['True', 'true'], ['False', 'false'], ['None', 'null']]);

/** @throws RequestError always: what the schema has at a member cannot be held. */
export function refuseSchema(tool: Tool, key: string, what: string): never {
  throw new RequestError(`The schema of ${tool.name} has ${what} at ${key}; where this model writes no JSON it cannot be enforced. Leave it out.`, {
    code: 'unsupported_schema',
  });
}

/** The members, if all names are of the form that the style reads. @throws RequestError for others, by name. */
export function named<T extends Pick<Property, 'name'>>(tool: Tool, members: readonly T[], form: RegExp): readonly T[] {
  const other = members.find(({ name }) => !form.test(name));
  if (!other) return members;
  throw new RequestError(
    `The schema of ${tool.name} has the property ${JSON.stringify(other.name)}; where this model writes no JSON it cannot be told from what is around it. ` +
      'Name it with letters, digits and _.',
    { code: 'unsupported_schema' },
  );
}

/** A listed text, if it does not have in it what ends a text. @throws RequestError if it has. */
export function holdable(tool: Tool, key: string, listed: string, end: string): string {
  if (`${listed}${end}`.indexOf(end) < listed.length) refuseSchema(tool, key, `the value ${JSON.stringify(listed)}, which has in it what ends a text,`);
  return listed;
}
