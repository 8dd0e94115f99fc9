// Numbers by name, and pairs of both, as people write them.
import { RequestError } from './errors.ts';

export function parseNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new RequestError(`"${text}" is not a number.`);
  return value;
}

/** Pairs like `a=1,b=2`, whose names are as `name` asks; `wrong` is said of one that is none. */
export function parsePairs(text: string, name: RegExp, wrong: string): [name: string, value: number][] {
  return text.split(',').map((entry) => {
    const [, key, value] = /^\s*(\w+)\s*=\s*(\S+)\s*$/.exec(entry) ?? [];
    if (key === undefined || !name.test(key)) throw new RequestError(`"${entry}" is ${wrong}.`);
    return [key, parseNumber(value)];
  });
}
