// Texts that were run apart and put together, against float64 runs (scripts/fixtures/compose-goldens.py): one behind the other, beside each other, and with
// what a question looks at run again.
import { afterAll, describe, expect, it } from 'vitest';
import { type LoadedModel } from '../../../src/engine/load/load.ts';
import { mostPaid, repair } from '../../../src/engine/run/repair.ts';
import { createRunner } from '../../../src/engine/run/runner.ts';
import { type Asked, askedOf } from '../../../src/kv/policies/documents.ts';
import { keyTurn } from '../../../src/kv/saved/composed.ts';
import { type ComposeMode, type SavedDocument, putComposed, tokensOf } from '../../../src/kv/saved/put-composed.ts';
import { savePlain, unpackPlain } from '../../../src/kv/saved/saved.ts';
import { cachesOf } from '../../../src/kv/segment.ts';
import { type Sequence } from '../../../src/kv/sequence.ts';
import { adapterFile } from '../../dawn.ts';
import { jsonFixture } from '../../models/fixture.ts';
import { openFixture, sharedGpu, testChoice } from '../../models/model.ts';
import { isFull } from '../../verified.ts';

interface Golden {
  prefix: number[];
  documents: number[][];
  question: number[];
  share: number;
  chosen: number[];
  logits: Record<'sequential' | 'stacked' | 'repaired' | 'ape 1.0 1.0' | 'ape 0.8 0.9', number[]>;
}

const golden = jsonFixture<Golden>('kv/tiny-llama-f16.compose.json');
const { prefix, documents, question, share, chosen, logits } = golden;
const furthest = (found: ArrayLike<number>, wanted: ArrayLike<number>) => Math.max(...Array.from(wanted, (x, i) => Math.abs(x - found[i])));

describe.skipIf(!adapterFile)('composed texts', () => {
  const models: LoadedModel[] = [];
  afterAll(async () => {
    for (const model of models) await model.destroy();
  });

  async function open(options?: Record<string, number>): Promise<LoadedModel> {
    const model = await openFixture(await sharedGpu(), 'tiny/tiny-llama-f16.gguf', {
      choice: { ...testChoice, splits: 1, prefill: 'rows' }, context: 256, ...(options && { policy: { name: 'documents', options } }),
    });
    models.push(model);
    return model;
  }

  /** Puts the documents together in a sequence of its own. */
  async function composed(model: LoadedModel, mode: ComposeMode): Promise<Sequence> {
    const { home, sequence, graph } = model;
    const saved: SavedDocument[] = [];
    for (const document of documents) {
      await createRunner(model).feed([...prefix, ...document], 0);
      saved.push(unpackPlain(home, await savePlain(home, sequence, 'tiny'), 'tiny'));
    }
    const target = model.createSequence();
    const turns = cachesOf(home.config).map(() => keyTurn(graph.ropes[0]));
    await putComposed(home, target, { documents: saved, prefix: prefix.length, mode, turns, pause: () => undefined });
    expect(target.tokens).toEqual([...prefix, ...documents.flat()]);
    expect(tokensOf({ documents: saved, prefix: prefix.length })).toEqual(target.tokens);
    return target;
  }

  async function ask(model: LoadedModel, sequence: Sequence, tokens = question): Promise<Float32Array> {
    const runner = createRunner(model).of(sequence);
    await runner.feed(tokens, sequence.tokens.length);
    return runner.readLogits();
  }

  it('lie one behind the other as if they had been run there', async () => {
    const model = await open();
    expect(furthest(await ask(model, await composed(model, 'stacked')), logits.stacked)).toBeLessThan(1e-3);
  });

  const scales = [[0.8, 0.9], ...(isFull ? [[1, 1]] : [])];

  it.each(scales)('lie beside each other at temperature %d and scale %d, in prompts and in answers', async (temperature, scale) => {
    const model = await open({ temperature, scale });
    const wanted = logits[temperature === 1 ? 'ape 1.0 1.0' : 'ape 0.8 0.9'];
    const sequence = await composed(model, 'ape');
    const copy = await sequence.fork();
    expect(furthest(await ask(model, sequence), wanted)).toBeLessThan(1e-3);
    for (const token of question) await ask(model, copy, [token]); // a row by itself
    expect(furthest(await createRunner(model).of(copy).readLogits(), wanted)).toBeLessThan(1e-3);
    // The last tokens are those of a document, the last slots those of the prefix: a text that ends before is run as one.
    const all = [...prefix, ...documents.flat()];
    expect(copy.truncate(all.length - 1)).toBe(0);
    expect(furthest(await ask(model, copy, [...all, ...question]), logits.sequential)).toBeLessThan(1e-3);
  });

  it.runIf(isFull)('are repaired where the question looks, and as a whole give what one run gives', async () => {
    const model = await open({});
    const sequence = await composed(model, 'stacked');
    const probe = await sequence.fork();
    const asked: Asked = { length: probe.tokens.length + question.length, queries: question.length };
    askedOf.set(probe, asked);
    await ask(model, await probe.fork()); // of the same length
    expect(asked.paid).toBeUndefined();
    await ask(model, probe);
    askedOf.delete(probe);
    expect(mostPaid(asked.paid!.subarray(0, sequence.tokens.length), share)).toEqual(chosen);
    const whole = await sequence.fork();
    await repair(createRunner(model).of(sequence), sequence, chosen);
    expect(furthest(await ask(model, sequence), logits.repaired)).toBeLessThan(1e-3);
    await repair(createRunner(model).of(whole), whole, [...whole.tokens.keys()]);
    expect(furthest(await ask(model, whole), logits.sequential)).toBeLessThan(1e-3);
  });
});
