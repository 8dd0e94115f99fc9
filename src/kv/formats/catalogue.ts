// Every format of keys and values, found by file: adding one is adding a file here and one in shaders/kv.
import { RequestError } from '../../errors.ts';
import { type KvFormat } from './format.ts';

const files = import.meta.glob<{ format?: KvFormat }>(['./*.ts', '!./catalogue.ts', '!./affine.ts', '!./*.test.ts'], { eager: true });

/** By name, the most exact first: those that take more bytes. */
export const kvFormats: ReadonlyMap<string, KvFormat> = new Map(
  Object.values(files)
    .flatMap(({ format }) => format ?? [])
    .sort((a, b) => b.words(64) - a.words(64))
    .map((format) => [format.name, format]),
);

/** RequestError for a name that there is no format of. */
export function kvFormat(name: string): KvFormat {
  const format = kvFormats.get(name);
  if (!format) throw new RequestError(`kv is ${JSON.stringify(name)}; it must be one of ${[...kvFormats.keys()].join(', ')}.`);
  return format;
}

/** What to take in turn where the kernels of a format fail: the next more exact one first. */
export function moreExact(format: KvFormat): KvFormat[] {
  const all = [...kvFormats.values()];
  return all.slice(0, all.indexOf(format)).reverse();
}
