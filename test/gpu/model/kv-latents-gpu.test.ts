// Conversations of latents that are copied and cut: a copy has pages of its own, of which it makes its keys and values, and what was cut is not read again.
// Of a model without biases, and of one that has some.
import { describe, expect, it } from 'vitest';
import { createRunner } from '../../../src/engine/run/runner.ts';
import { adapterFile } from '../../dawn.ts';
import { openFixture, sharedGpu, testChoice } from '../../models/model.ts';
import { isFull } from '../../verified.ts';

const tokens = (count: number, step: number): number[] => Array.from({ length: count }, (_, i) => (i * step + ((i * i) % 13)) % 256);

describe.skipIf(!adapterFile || !isFull).each(['tiny-llama-f16', 'tiny-qwen2'])('latents of %s', (name) => {
  const opened = async (kv?: string) => openFixture(await sharedGpu(), `tiny/${name}.gguf`, {
    choice: { ...testChoice, splits: 1, prefill: 'rows' }, context: 512, ...(kv && { policy: { name: kv, options: { interval: 16 } } }),
  });

  it('go on in a copy as in what was copied, each by itself, and behind a cut as if what is cut had not been', async () => {
    const model = await opened('xquant4');
    const own = createRunner(model);
    const logits = async (of: typeof own, ids: number[], at: number) => {
      await of.feed(ids, at, undefined, true);
      return of.readLogits();
    };
    await own.feed(tokens(150, 37), 0);
    const copy = await model.sequence.fork();
    const other = own.of(copy);
    expect(model.sequence.shaped!.base).toBe(96);

    // In turns, each with another text, over ticks.
    for (let at = 150; at < 214; at += 16) {
      await own.feed(tokens(16, at), at, undefined, true);
      await other.feed(tokens(16, at + 1), at, undefined, true);
    }
    const [mine, others] = [await logits(own, [7], 214), await logits(other, [7], 214)];
    expect(mine).not.toEqual(others);

    // Both are cut to what they have in common, within a page of latents, and have the same end then.
    const end = tokens(60, 11);
    const again = await logits(own, end, 70);
    expect(copy.shaped!.base).toBe(160);
    expect(await logits(other, end, 70)).toEqual(again);

    // One that was never longer has fewer positions as codes when it reads them: off by what codes are, far less than by another text. So is plain memory.
    const third = model.createSequence();
    await own.of(third).feed(tokens(150, 37).slice(0, 70), 0);
    const never = await logits(own.of(third), end, 70);
    const plain = await opened();
    const runner = createRunner(plain);
    await runner.feed(tokens(150, 37).slice(0, 70), 0);
    const exact = await logits(runner, end, 70);
    const off = (a: Float32Array, b: Float32Array) => Math.max(...a.map((x, i) => Math.abs(x - b[i])));
    expect(Math.max(off(again, never), off(again, exact))).toBeLessThan(off(mine, others) / 3);
    third.close();
    copy.close();
    await model.destroy();
    await plain.destroy();
  });
});
