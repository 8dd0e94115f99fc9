// A second prompt that comes when an answer has gone on for one token less than an interval: its first step finds all slots that have to be there.
import { describe, expect, it } from 'vitest';
import { createRunner } from '../../../src/engine/run/runner.ts';
import { adapterFile } from '../../dawn.ts';
import { type TestOptions, openDawn, openFixture, testChoice } from '../../models/model.ts';

const [chunk, interval] = [128, 128];
const tokens = Array.from({ length: 512 }, (_, i) => (i * 37 + ((i * i) % 11)) % 256);

/** The logits after a second prompt of `second` tokens, and after 20 tokens of its answer. */
async function logits(policy: TestOptions['policy'], second: number): Promise<Float32Array[]> {
  const gpu = await openDawn();
  const model = await openFixture(gpu, 'tiny/tiny-llama-f16.gguf', { choice: { ...testChoice, splits: 1, prefill: 'rows' }, context: 512, chunk, policy });
  const runner = createRunner(model);
  let at = 0;
  const feed = (count: number, chosen: boolean) => runner.feed(tokens.slice(at, (at += count)), at - count, undefined, chosen);
  await feed(120, false);
  await feed(interval - 1, true);
  await feed(second, false);
  const found = [await runner.readLogits()];
  await feed(20, true);
  found.push(await runner.readLogits());
  expect(model.ledger.bytes.kv).toBeLessThanOrEqual(model.plan.bytes.kv);
  await model.destroy();
  gpu.device.destroy();
  return found;
}

const furthest = (a: Float32Array[], b: Float32Array[]): number => Math.max(...a.flatMap((row, n) => [...row].map((logit, i) => Math.abs(logit - b[n][i]))));

describe.skipIf(!adapterFile)('a second prompt', () => {
  it('longer than a step, of h2o that keeps all, gives the logits of a plain memory', async () => {
    const found = await logits({ name: 'h2o', options: { share: 1, window: 32, interval, chunk } }, 200);
    expect(furthest(found, await logits(undefined, 200))).toBeLessThan(1e-3);
  });

  it('of one step, of streaming, gives the logits that it gives where nothing goes round', async () => {
    const options = { slots: 64, interval };
    const found = await logits({ name: 'streaming', options }, chunk);
    const apart = await logits({ name: 'streaming', options: { ...options, wholePrompt: 1 } }, chunk);
    expect(furthest(found, apart)).toBeLessThan(1e-3);
    expect(furthest(found, await logits(undefined, chunk))).toBeGreaterThan(1e-2);
  });
});
