// A conversation as its episodes have it, against float64 runs (scripts/fixtures/episodes-goldens.py): which slots every head keeps of each episode, and the
// logits of a question; never more bytes than were planned.
import { describe, expect, it } from 'vitest';
import { type LoadedModel } from '../../../src/engine/load/load.ts';
import { createRunner } from '../../../src/engine/run/runner.ts';
import { readEpisode } from '../../../src/engine/sessions/episode.ts';
import { blockOf } from '../../../src/kv/policies/epicache.ts';
import { type Sequence } from '../../../src/kv/sequence.ts';
import { adapterFile } from '../../dawn.ts';
import { jsonFixture } from '../../models/fixture.ts';
import { keptPositions } from '../../models/kept-positions.ts';
import { openFixture, sharedGpu, testChoice } from '../../models/model.ts';
import { isFull, record } from '../../verified.ts';

interface Golden {
  prefix: number[];
  parts: number[][];
  share: number;
  query: number;
  medoids: number[];
  /** `kept`: (layer, kv head) positions. */
  episodes: { question: number[]; kept: number[][][]; logits: number[] }[];
}

const { prefix, parts, share, query, medoids, episodes } = jsonFixture<Golden>('kv/tiny-llama-f16.episodes.json');
const [first, ...others] = parts;
const blocks = [[...prefix, ...first], ...others];
const tokens = blocks.flat();

/** Reads an episode in a sequence of its own. */
async function read(model: LoadedModel, episode: number): Promise<Sequence> {
  const sequence = model.createSequence();
  const runner = createRunner(model).of(sequence);
  await readEpisode({ sequence, inTurn: (_, work) => work(runner) }, blocks, parts[medoids[episode]].slice(-query));
  return sequence;
}

describe.skipIf(!adapterFile || !isFull)('episodes', () => { // kernels are those of other policies, which the short run has
  it('keep the slots of the goldens, and answer with their logits, within the plan', async () => {
    const model = await openFixture(await sharedGpu(), 'tiny/tiny-llama-f16.gguf', {
      choice: { ...testChoice, splits: 1, prefill: 'rows' }, context: 256,
      policy: { name: 'epicache', options: { share, window: query, chunk: 64, positions: 1 } },
    });
    const { ledger, plan } = model;
    for (const [i, { question, kept, logits }] of episodes.entries()) {
      const sequence = await read(model, i);
      expect(sequence.tokens).toEqual(tokens);
      expect(await keptPositions(model, sequence, tokens.length)).toEqual(kept);
      expect(sequence.approximate).toBe(true);
      const runner = createRunner(model).of(sequence);
      await runner.feed(question, tokens.length);
      const found = await runner.readLogits();
      const most = Math.max(...logits.map((logit, at) => Math.abs(logit - found[at])));
      expect(most).toBeLessThan(1e-3);
      record({
        point: `Slots and logits of episode ${i} against its golden`, command: 'npx vitest run --project gpu test/gpu/model/episodes-gpu.test.ts',
        value: { 'largest difference': most.toPrecision(2) },
      });
      expect(sequence.byteLength).toBeLessThanOrEqual(sequence.bytesFor(256));
      sequence.close();
      expect(blockOf.get(sequence)).toBeUndefined();
    }
    expect(ledger.bytes.kv).toBeLessThanOrEqual(plan.bytes.kv);
    await model.destroy();
  });
});
