// What the address of bench.html asks for: ?model=URL&prompt=64&new=16&contexts=128,512&sweep=1&quick=1&f32=1&variant=...&kv=q8
// &budget=BYTES&one-submit=1. With a model it runs at once.
import { type KvType } from '../src/protocol.ts';
import { type PageOptions } from './bench-worker.ts';

export interface BenchQuery {
  model?: string;
  options: PageOptions;
}

/** Throws RangeError for what is no whole number above 0. */
export function readQuery(search: string): BenchQuery {
  const query = new URLSearchParams(search);
  const on = (name: string) => query.has(name) && query.get(name) !== '0';
  const number = (name: string, text = query.get(name)): number | undefined => {
    if (!text) return undefined;
    const value = Number(text);
    if (!(Number.isInteger(value) && value > 0)) throw new RangeError(`${name} is ${text}; it has to be a whole number above 0.`);
    return value;
  };
  return {
    model: query.get('model') ?? undefined,
    options: {
      promptTokens: number('prompt') ?? 64,
      newTokens: number('new') ?? 16,
      contexts: query.get('contexts')?.split(',').map((text) => number('contexts', text.trim())!),
      sweep: on('sweep'),
      quick: on('quick'),
      load: {
        f32: on('f32') || undefined, variant: query.get('variant') ?? undefined, kv: (query.get('kv') as KvType | null) ?? undefined,
        budgetBytes: number('budget'), tokensPerSubmit: on('one-submit') ? 1 : undefined,
      },
    },
  };
}
