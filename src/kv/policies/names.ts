// The policies by name, for those who choose one, as names and words alone: what they do is loaded when one is chosen. A test holds this list to the
// files.
import { RequestError } from '../../errors.ts';
import { kvFormats } from '../formats/catalogue.ts';

export const policyNames: readonly { name: string; label: string }[] = [
  { name: 'kivi4', label: '4 bits, keys by channel: a third of the room, nearly no loss' },
  { name: 'q4', label: '4 bits: about a third of the room, some loss' },
  { name: 'kivi3', label: '3 bits, keys by channel: a quarter of the room, little loss' },
  { name: 'kivi2', label: '2 bits, keys by channel: a fifth of the room, for large models at most' },
  { name: 'q2', label: '2 bits: a fifth of the room, for large models at most' },
  { name: 'streaming', label: 'the beginning and the last tokens: a chat of any length in the same room, which forgets' },
];

/** Of formats and policies. */
export const kvNames = (): string[] => [...kvFormats.keys(), ...policyNames.map(({ name }) => name)];

/** RequestError for a name that neither a format nor a policy has. */
export function kvName(name: string): string {
  if (kvNames().includes(name)) return name;
  throw new RequestError(`kv is ${JSON.stringify(name)}; it must be one of ${kvNames().join(', ')}.`);
}

export const isPolicy = (name: string): boolean => policyNames.some((each) => each.name === name);
