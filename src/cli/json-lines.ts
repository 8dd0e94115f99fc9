// Files of JSON, a value on each line, to which what is measured is added as it comes.
import { readFile } from 'node:fs/promises';
import { RequestError } from '../errors.ts';

/** What there is, or `empty` the first time. */
export const orEmpty = <T, E>(read: Promise<T>, empty: E): Promise<T | E> =>
  read.catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return empty;
    throw error;
  });

/** The values of a file that may not be there yet. `option` named it; RequestError for a line that is none: `what` is measured again without it. */
export async function readLines<T>(option: string, path: string, what: string): Promise<T[]> {
  const text = await orEmpty(readFile(path, 'utf8'), '');
  return text.split('\n').filter(Boolean).map((line, i) => {
    try {
      return JSON.parse(line) as T;
    } catch {
      throw new RequestError(`${option}: line ${i + 1} of ${path} is no JSON. Remove it; its ${what} is measured again.`);
    }
  });
}
