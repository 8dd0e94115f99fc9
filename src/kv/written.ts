// Policies of keys and values with their options, as people write them.
import { parsePairs } from '../pairs.ts';
import { kvName } from './policies/names.ts';

/** `window=64,interval=16` */
export const parseKvOptions = (text: string): Record<string, number> =>
  Object.fromEntries(parsePairs(text, /^\w/, 'no option with its number; write them as in window=64,interval=16'));

export interface WrittenPolicy {
  kv: string;
  kvOptions?: Record<string, number>;
}

/** `snapkv:share=0.5,window=16` */
export function parsePolicy(text: string): WrittenPolicy {
  const [name, ...options] = text.split(':');
  return { kv: kvName(name), ...(options.length && { kvOptions: parseKvOptions(options.join(':')) }) };
}
