// A row of the table of policies whose texts are broken off after every step and gone on with, others run between: the same as in one go.
import { describe, expect, it } from 'vitest';
import { type Pace, type Paused, rowOf, documentPiece, runDocument, runRecords } from '../../../src/bench/memory/row.ts';
import { type Loaded } from '../../../src/engine/engine.ts';
import { createRunner } from '../../../src/engine/run/runner.ts';
import { type Sequence } from '../../../src/kv/sequence.ts';
import { adapterFile } from '../../dawn.ts';
import { openFixture, sharedGpu, testChoice } from '../../models/model.ts';
import { isFull } from '../../verified.ts';

const ids = (count: number, step: number): number[] => Array.from({ length: count }, (_, i) => (i * step + ((i * i) % 13)) % 256);
const document = { prompt: ids(150, 37), more: ids(20, 11) };
const records = { prompt: ids(90, 7), records: [ids(5, 3), ids(5, 5)], given: 3 };

/** Begins and goes on until it is run to its end, and how often that was; `between`: other texts that the same model has read by then. */
async function inSteps<T extends object>(run: (pace: Pace) => Promise<T | Paused>, between: () => Promise<void>): Promise<{ found: T; steps: number }> {
  let from: Paused | undefined;
  for (let steps = 1; ; steps++) {
    const found = await run({ from, isOver: () => true, now: () => 0 });
    if (!('sequence' in found)) return { found: found, steps };
    from = found;
    await between();
  }
}

/** Of the document's tokens those whose keys and values are there behind its last one: what ticks between decoded tokens keep, and the tokens since. */
const kept = { '': 170, h2o: 79, snapkv: 95 };

describe.skipIf(!adapterFile || !isFull).each(['', 'h2o', 'snapkv'] as const)('a row of %s', (name) => {
  it('is gone on with step by step', async () => {
    const gpu = await sharedGpu();
    const policy = name ? { name, options: { share: 0.5, window: 16, interval: 16, ...(name === 'h2o' && { chunk: 64 }) } } : undefined;
    const model = await openFixture(gpu, 'tiny/tiny-llama-f16.gguf', { choice: { ...testChoice, splits: 1, prefill: 'rows' }, context: 512, policy });
    const loaded = { model, runner: createRunner(model) } as unknown as Loaded;
    const pace = { isOver: () => false, now: () => 0 };
    const whole = await runDocument(loaded, document, pace);
    const asked = await runRecords(loaded, records, pace);
    if ('sequence' in whole || 'sequence' in asked) throw new Error('It was paused.');
    expect(whole.bytes * (model.kv.name === 'f32' ? 0.5 : 1) * 170).toBeCloseTo(kept[name]);
    const between = () => loaded.runner.feed(ids(200, 19), 0);
    const later = await inSteps((at) => runDocument(loaded, document, at), between);
    const laterAsked = await inSteps((at) => runRecords(loaded, records, at), between);
    expect([later.steps, laterAsked.steps]).toEqual([21, 3]);
    expect(later.found).toEqual(whole);
    expect(laterAsked.found).toEqual(asked);
    expect(rowOf([documentPiece(later.found, whole.logits), laterAsked.found]).kl).toBe(0);
    await model.destroy();
  });
});

describe.skipIf(!adapterFile || !isFull)('a row of retrieval', () => {
  it('is measured with its index, in one go, and refused where a text is too short for one', async () => {
    const options = { least: 32, share: 0.5, window: 16, interval: 32 };
    const model = await openFixture(await sharedGpu(), 'tiny/tiny-llama-f16.gguf', {
      choice: { ...testChoice, splits: 1, prefill: 'rows' }, context: 512, policy: { name: 'retrieval', options },
    });
    const loaded = { model, runner: createRunner(model) } as unknown as Loaded;
    const { answers } = model.sequence.shaped!.away!;
    const copies: Sequence[] = [];
    const fork = model.sequence.fork;
    Object.assign(model.sequence, { fork: async () => (copies.push(await fork()), copies.at(-1)!) });
    const { found, steps } = await inSteps((at) => runRecords(loaded, records, at), () => Promise.resolve());
    expect([steps, found.right.length, answers!.counters.index!.keys > 0]).toEqual([1, 4, true]);
    expect(copies.length).toBe(records.records.length);
    for (const { shaped } of copies) {
      const { counters } = shaped!.away!.answers!;
      expect(counters.answers).toBeGreaterThan(0);
      expect(counters.index!.keys).toBe(answers!.counters.index!.keys);
      expect(counters.scored).toBeLessThan(0.8 * counters.slots);
    }
    expect(model.sequence.tokens).toEqual(records.prompt);
    expect((await inSteps((at) => runDocument(loaded, document, at), () => Promise.resolve())).steps).toBe(1);

    const from = { tokens: 0, ms: 0, logits: [], right: [], sequence: new Uint8Array() };
    const pace = { isOver: () => false, now: () => 0 };
    await expect(runDocument(loaded, document, { ...pace, from })).rejects.toThrow('an index over keys, which is no part of what is saved');
    await expect(runRecords(loaded, { ...records, prompt: ids(40, 7) }, pace)).rejects.toThrow('index is for 32 slots of a head or more; of a text of 40');
    const long = await runRecords(loaded, { ...records, records: [ids(40, 3)], given: 36 }, pace); // with ticks of its own
    expect('right' in long && long.right.length).toBe(4);
    expect(model.sequence.tokens).toEqual(records.prompt);
    await model.destroy();
  });
});
