// windrow logits: raw logits to a file, (tokens, vocabulary) little-endian f32.
import { open } from 'node:fs/promises';
import { RequestError } from '../errors.ts';
import { type Result } from './result.ts';
import { type ModelFlags, openEngine } from './options.ts';

export async function logits(path: string, flags: ModelFlags & { tokens: number[]; out: string; last?: boolean }): Promise<Result> {
  if (!flags.tokens.length) throw new RequestError('--tokens is empty. Give at least one token, as in 1,2,3.');
  const engine = await openEngine(path, flags, { allLogits: !flags.last });
  const { runner, model } = engine.loaded();
  const file = await open(flags.out, 'w');
  let rows = 0;
  try {
    if (flags.last) {
      await runner.feed(flags.tokens, 0);
      await file.write(new Uint8Array((await runner.readLogits()).buffer));
      rows = 1;
    } else {
      const written: Promise<unknown>[] = [];
      await runner.feedAll(flags.tokens, 0, (values, count) => {
        const position = rows * model.graph.config.vocab * 4;
        const write = file.write(new Uint8Array(values.buffer), 0, values.byteLength, position);
        write.catch(() => {}); // awaited in the end; a full disk must not end the process before
        written.push(write);
        rows += count;
      });
      await Promise.all(written);
    }
  } finally {
    await file.close();
  }
  const { vocab } = model.graph.config;
  return { json: { rows, vocab, out: flags.out }, text: `${rows} x ${vocab} logits written to ${flags.out}` };
}
