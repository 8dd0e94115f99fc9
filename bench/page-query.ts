// What the address of bench.html asks for: ?model=URL&prompt=64&new=16&contexts=128,512&sweep=1&quick=1&f32=1&kernels=...&kv=q8
// &expect=IDS&budget=2GiB&one-submit=1. With a model it runs at once.
import { parseBytes } from '../src/bytes.ts';
import { type PageOptions } from './bench-worker.ts';

export interface BenchQuery {
  model?: string;
  options: PageOptions;
}

/** Throws for what is not the number that it has to be. */
export function readQuery(search: string): BenchQuery {
  const query = new URLSearchParams(search);
  const on = (name: string) => query.has(name) && query.get(name) !== '0';
  const parse = (name: string, text: string, least: number): number => {
    const value = Number(text);
    if (!(text.trim() && Number.isInteger(value) && value >= least))
      throw new RangeError(`${name} is ${text}; it has to be a whole number of at least ${least}.`);
    return value;
  };
  const number = (name: string): number | undefined => (query.get(name) ? parse(name, query.get(name)!, 1) : undefined);
  const list = (name: string, least: number): number[] | undefined =>
    query.get(name)
      ? query
          .get(name)!
          .split(',')
          .map((text) => parse(name, text, least))
      : undefined;
  return {
    model: query.get('model') ?? undefined,
    options: {
      promptTokens: number('prompt') ?? 64,
      newTokens: number('new') ?? 16,
      contexts: list('contexts', 1),
      expect: list('expect', 0),
      sweep: on('sweep'),
      quick: on('quick'),
      load: {
        f32: on('f32') || undefined,
        kernels: query.get('kernels') ?? undefined,
        kv: query.get('kv') ?? undefined,
        budgetBytes: query.get('budget') ? parseBytes(query.get('budget')!, 'budget') : undefined,
        experiment: on('one-submit') ? { tokensPerSubmit: 1 } : undefined,
      },
    },
  };
}
