// Conversations under policies that are saved and gone on from in a sequence that had another one before: the same logits, bit for bit, over ticks that
// come after, and the same slots.
import { describe, expect, it } from 'vitest';
import { createRunner } from '../../../src/engine/run/runner.ts';
import { keptSlots } from '../../../src/kv/kept-slots.ts';
import { saveParts, checkParts, restoreParts } from '../../../src/kv/saved/saved.ts';
import { type Snapshot, packParts } from '../../../src/kv/saved/snapshot.ts';
import { RequestError } from '../../../src/errors.ts';
import { adapterFile } from '../../dawn.ts';
import { openFixture, sharedGpu, testChoice } from '../../models/model.ts';
import { isFull } from '../../verified.ts';

const tokens = (count: number, step: number): number[] => Array.from({ length: count }, (_, i) => (i * step + ((i * i) % 13)) % 256);
const half = { share: 0.5, window: 16, interval: 16 };

interface Run {
  kv: string;
  options: Record<string, number>;
}

const runs: Run[] = [
  { kv: 'h2o', options: { ...half, chunk: 64 } },
];
const further: Run[] = [
  { kv: 'streaming', options: { slots: 48, interval: 16 } },
  { kv: 'kivi4', options: { interval: 16 } },
  { kv: 'q4', options: { interval: 16 } },
  { kv: 'q8-later', options: { interval: 16 } },
  { kv: 'permuted4', options: { interval: 16 } },
  { kv: 'lazyeviction', options: { ...half, chunk: 64 } },
  { kv: 'snapkv', options: half },
  { kv: 'epicache', options: { ...half, chunk: 64 } },
  { kv: 'kvquant3', options: { interval: 16 } },
  { kv: 'xquant4', options: { interval: 16 } },
  { kv: 'minicache', options: { start: 0, retain: 0.2, window: 16, interval: 16 } },
  { kv: 'think', options: half },
  { kv: 'duo-kivi', options: { share: 0.5, recent: 32 } },
  { kv: 'razor', options: { share: 0.5, recent: 32, chunk: 64 } },
  { kv: 'kvmerger', options: { ...half, sinks: 4 } },
  { kv: 'zipcache', options: { window: 16, interval: 16, salient: 0.5 } },
  { kv: 'mikv', options: { window: 16, interval: 16, hot: 0.25, chunk: 64 } },
  { kv: 'quest', options: { share: 0.5, window: 16, interval: 16, size: 8 } },
  { kv: 'quest', options: { share: 0.5, window: 16, interval: 16, size: 8, away: 1 } },
  { kv: 'scout', options: { window: 16, interval: 16 } },
  { kv: 'scout', options: { window: 16, interval: 16, lag: 1 } },
  { kv: 'scout', options: { window: 16, interval: 16, ahead: 1 } },
  { kv: 'leoam', options: half },
  { kv: 'shadowkv', options: { ...half, rank: 24 } },
  { kv: 'shadowkv', options: { ...half, rank: 24, away: 1 } },
  { kv: 'leoam', options: { ...half, away: 1 } },
  { kv: 'a2ats', options: { share: 0.5, window: 16, interval: 16 } },
  { kv: 'tokenselect', options: { share: 0.5, window: 16, interval: 16 } },
  { kv: 'squeezed', options: { share: 0.5, window: 16, interval: 16, size: 8 } },
];

describe.skipIf(!adapterFile)('a saved conversation', () => {
  it.each([...runs, ...(isFull ? further : [])])('goes on under $kv as it would have ($options)', async ({ kv, options }) => {
    const gpu = await sharedGpu();
    const model = await openFixture(gpu, 'tiny/tiny-llama-f16.gguf', {
      choice: { ...testChoice, splits: 1, prefill: 'rows' }, context: 512, policy: { name: kv, options, retrieval: [[0.9, 0.1], [0.2, 0.8]] },
    });
    const runner = createRunner(model);
    const { sequence } = model;
    await runner.feed(tokens(150, 37), 0);
    await runner.feed(tokens(37, 11), 150, undefined, true);
    const logits = await runner.readLogits();
    const parts = await saveParts(model.home, sequence, 'tiny');
    const bytes = await sequence.save('tiny');
    expect(bytes.byteLength).toBe(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));

    const goOn = async (of: typeof runner): Promise<Float32Array[]> => {
      const found: Float32Array[] = [];
      for (let at = 187; at < 187 + 40; at += 8) {
        await of.feed(tokens(8, 5 + at), at, undefined, true);
        found.push(await of.readLogits());
      }
      return found;
    };
    const other = model.createSequence();
    await runner.of(other).feed(tokens(300, 19), 0);
    await other.restore(bytes, 'tiny');
    expect([other.tokens, keptSlots(other)]).toEqual([sequence.tokens, keptSlots(sequence)]);
    const found = await goOn(runner.of(other));
    expect(found).toEqual(await goOn(runner));
    expect(keptSlots(other)).toEqual(keptSlots(sequence));

    const { shape } = model.home;
    const withOthers = { ...model.home, shape: { ...shape!, options: { ...shape!.options, interval: 5 } } };
    expect(() => checkParts(withOthers, parts, 'tiny')).toThrow(/its policy is .*interval=.*, here it is .*interval=5/);
    expect(() => checkParts({ ...model.home, shape: undefined }, parts, 'tiny')).toThrow(RequestError);
    await expect(other.restore(bytes.slice(0, -4), 'tiny')).rejects.toThrow(RequestError);

    // Of the first layer's pages a part is missing: what is read then is as if nothing had been put.
    const header = JSON.parse(new TextDecoder().decode(parts[0].subarray('windrow sequence\n'.length + 4))) as Snapshot;
    const damaged = packParts({ ...header, layers: parts.slice(1).map((part, i) => (i === 0 ? part.slice(0, -4) : part)) });
    const third = model.createSequence();
    await expect(restoreParts(model.home, third, damaged, 'tiny')).rejects.toThrow(/has other parts than this model keeps/);
    await runner.of(third).feed(tokens(150, 37), 0);
    await runner.of(third).feed(tokens(37, 11), 150, undefined, true);
    expect(await runner.of(third).readLogits()).toEqual(logits);
    await model.destroy();
  });
});
