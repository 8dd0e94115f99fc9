// Texts under a policy that looks at its last queries, cut and fed again: what is read then is what is read of a text that was never longer.
import { describe, expect, it } from 'vitest';
import { createRunner } from '../../../src/engine/run/runner.ts';
import { type LoadedModel } from '../../../src/engine/load/load.ts';
import { readBytes } from '../../../src/gpu/read-bytes.ts';
import { adapterFile } from '../../dawn.ts';
import { openFixture, sharedGpu, testChoice } from '../../models/model.ts';
import { isFull } from '../../verified.ts';

const tokens = (count: number, step: number): number[] => Array.from({ length: count }, (_, i) => (i * step + ((i * i) % 13)) % 256);
const options = { share: 0.5, window: 16, interval: 16, observed: 32, parts: 8 };

const open = async (): Promise<LoadedModel> => openFixture(await sharedGpu(), 'tiny/tiny-llama-f16.gguf', {
  choice: { ...testChoice, splits: 1, prefill: 'rows' }, context: 512, policy: { name: 'a2ats', options },
});

/** Centroids and metrics of all layers. */
async function booksOf({ gpu: { device }, ledger, sequence }: LoadedModel): Promise<number[][]> {
  const all: number[][] = [];
  for (const { books } of sequence.shaped!.layers) {
    const bytes = await readBytes(device, ledger, 'test.books', { buffer: books!, byteLength: books!.size });
    all.push([...new Float32Array(bytes)]);
  }
  return all;
}

/** Logits of some tokens behind position 170. */
async function decoded(model: LoadedModel): Promise<number[][]> {
  const runner = createRunner(model);
  const logits: number[][] = [];
  for (const [i, token] of tokens(5, 7).entries()) {
    await runner.feed([token], 170 + i, undefined, true);
    logits.push([...(await runner.readLogits())]);
  }
  return logits;
}

// Kernels by shares take processors tens of seconds to compile.
describe.skipIf(!adapterFile || !isFull)('a text that was cut', () => {
  it('far back is fed again, and goes on as one that had no other end', async () => {
    const fresh = await open();
    const on = createRunner(fresh);
    await on.feed(tokens(100, 37), 0);
    await on.feed(tokens(70, 11), 100);
    const expected = { books: await booksOf(fresh), logits: await decoded(fresh) };
    await fresh.destroy();

    const model = await open();
    const runner = createRunner(model);
    await runner.feed(tokens(100, 37), 0);
    await runner.feed(tokens(90, 5), 100);
    for (const [i, token] of tokens(40, 3).entries()) await runner.feed([token], 190 + i, undefined, true);
    await runner.feed(tokens(70, 11), 100);
    expect(await booksOf(model)).toEqual(expected.books);
    expect(await decoded(model)).toEqual(expected.logits);
    await model.destroy();
  });

  it('within its window keeps the centroids that it had, where too few of its last queries are there', async () => {
    const model = await open();
    const runner = createRunner(model);
    await runner.feed(tokens(150, 37), 0);
    const before = await booksOf(model);
    for (const [i, token] of tokens(10, 3).entries()) await runner.feed([token], 150 + i, undefined, true);
    await runner.feed(tokens(5, 11), 150); // 5 in the place of 10: of the last 32 queries 5 are not there
    expect(model.sequence.shaped!.queried.first).toBe(128);
    expect(await booksOf(model)).toEqual(before);
    await runner.feed(tokens(20, 7), 155);
    expect(await booksOf(model)).not.toEqual(before);
    await model.destroy();
  });
});
