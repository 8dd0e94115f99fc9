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

/** (layer, kv head) what slots of the first set were paid, by position: of a policy whose first plane says that, the last one positions. */
async function paidOf({ gpu: { device }, ledger, sequence: { shaped } }: LoadedModel): Promise<Map<number, number>[][]> {
  const all: Map<number, number>[][] = [];
  const planes = shaped!.shape.plan.planes.length;
  for (const { sets: [set], lists, heads: { kvHeads } } of shaped!.layers) {
    const bytes = (buffer: GPUBuffer) => readBytes(device, ledger, 'test.paid', { buffer, byteLength: buffer.size });
    const [list, noted] = [new Uint32Array(await bytes(lists)), await bytes(set.planes!)];
    const at = (head: number, slot: number, plane: number) => (list[list[2 * head] + (slot >> 5)] * planes + plane) * 32 + (slot & 31);
    all.push(Array.from({ length: kvHeads }, (_, head) => new Map(Array.from({ length: set.counts[head] }, (_, slot) =>
      [new Uint32Array(noted)[at(head, slot, planes - 1)], new Float32Array(noted)[at(head, slot, 0)]]))));
  }
  return all;
}

describe.skipIf(!adapterFile || !isFull)('what slots were paid under heavy-prompt', () => {
  it('is of the text that there is, behind a cut', async () => {
    const policy = { name: 'heavy-prompt', options: { share: 1, window: 16, interval: 16, chunk: 64, positions: 1 } };
    const paid = async (first: number): Promise<Map<number, number>[][]> => {
      const model = await openFixture(await sharedGpu(), 'tiny/tiny-llama-f16.gguf', {
        choice: { ...testChoice, splits: 1, prefill: 'rows' }, context: 512, policy,
      });
      const runner = createRunner(model);
      await runner.feed(tokens(first, 37), 0);
      expect(model.sequence.truncate(140)).toBe(140);
      await runner.feed(tokens(35, 3), 140, undefined, true);
      await runner.feed(tokens(40, 11), 175);
      const found = await paidOf(model);
      await model.destroy();
      return found;
    };
    const [longer, never] = [await paid(150), await paid(140)];
    for (const [layer, heads] of never.entries()) {
      for (const [head, slots] of heads.entries()) {
        for (let position = 140; position < 199; position++)
          expect(Math.abs(slots.get(position)! - longer[layer][head].get(position)!), `layer ${layer}, head ${head}, ${position}`).toBeLessThan(1e-3);
      }
    }
  });
});
