// Typed access to a header's metadata. Knows types, not what any key means.
import { InvalidFileError } from '../errors.ts';
import { type Metadata, type MetadataValue } from './header.ts';

/** The value of `key` as a number; `fallback` (or, without one, an InvalidFileError) if the file has no such key. */
export const getNumber = (metadata: Metadata, key: string, fallback?: number): number => get(metadata, key, 'a number', isNumber, fallback);

/** A count or an index: an integer of at least 0. */
export const getInteger = (metadata: Metadata, key: string, fallback?: number): number => get(metadata, key, 'an integer of at least 0', isCount, fallback);

export const getString = (metadata: Metadata, key: string, fallback?: string): string => get(metadata, key, 'a string', isString, fallback);

export const getBoolean = (metadata: Metadata, key: string, fallback?: boolean): boolean => get(metadata, key, 'a boolean', isBoolean, fallback);

export const getStrings = (metadata: Metadata, key: string, fallback?: readonly string[]): readonly string[] =>
  get(metadata, key, 'an array of strings', isStrings, fallback);

export const getNumbers = (metadata: Metadata, key: string, fallback?: ArrayLike<number>): ArrayLike<number> =>
  get(metadata, key, 'an array of numbers', isNumbers, fallback);

const isNumber = (value: MetadataValue): value is number => typeof value === 'number';
const isCount = (value: MetadataValue): value is number => Number.isInteger(value) && (value as number) >= 0;
const isString = (value: MetadataValue): value is string => typeof value === 'string';
const isBoolean = (value: MetadataValue): value is boolean => typeof value === 'boolean';
const isStrings = (value: MetadataValue): value is readonly string[] => Array.isArray(value) && (value.length === 0 || typeof value[0] === 'string');
const isNumbers = (value: MetadataValue): value is Extract<MetadataValue, ArrayLike<number>> =>
  ArrayBuffer.isView(value) || (Array.isArray(value) && value.every((element) => typeof element === 'number'));

function get<T>(metadata: Metadata, key: string, needed: string, is: (value: MetadataValue) => boolean, fallback: T | undefined): T {
  const value = metadata.get(key);
  if (value === undefined) {
    if (fallback !== undefined) return fallback;
    throw new InvalidFileError(`The file has no ${key}; needed is ${needed}. It is damaged or no language model.`);
  }
  if (!is(value)) throw new InvalidFileError(`The file's ${key} is ${describe(value)}; needed is ${needed}.`);
  return value as T;
}

function describe(value: MetadataValue): string {
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : `an array of ${value.length} (the first a ${typeof value[0]})`;
  if (ArrayBuffer.isView(value)) return `an array of ${(value as Uint8Array).length} numbers`;
  return `the ${typeof value} ${JSON.stringify(String(value).slice(0, 60))}`;
}
