// What is left of a saved sequence under a policy that could not be put whole, and what it takes while it is put.
import { expect, it } from 'vitest';
import { fakeDevice } from '../../../test/doubles/fake-device.ts';
import { fixture } from '../../../test/models/fixture.ts';
import { openModel } from '../../engine/load/opened.ts';
import { readHeader } from '../../gguf/read.ts';
import { createLedger } from '../../gpu/ledger.ts';
import { bytesSource } from '../../weights/source/source.ts';
import { kvFormat } from '../formats/catalogue.ts';
import { shapeWithin } from '../policies/catalogue.ts';
import { createSequence } from '../sequence.ts';
import { type HeldNumbers } from '../sets.ts';
import { restoreParts } from './saved.ts';
import { shapeOfSaved } from './shaped.ts';
import { packParts, pageVersion } from './snapshot.ts';

/** An empty sequence of a tiny model on a device that computes nothing, and what puts numbers of a saved one there. */
async function shapedBy(policy: string, options: Record<string, number>) {
  const { device, ...fake } = fakeDevice();
  const ledger = createLedger(device, Infinity);
  const { graph } = await openModel(await readHeader(bytesSource(fixture('tiny/tiny-llama-f16.gguf'), 'tiny')));
  const room = { context: 512, chunk: 64, format: kvFormat('f16') };
  const shape = shapeWithin(graph, policy, options, { ...room, budgetBytes: Infinity, sequences: 1 });
  const home = { device, ledger, config: graph.config, ...room, shape, release: () => {} };
  const sequence = createSequence(home);
  const restore = (layers: HeldNumbers[]): Promise<void> => restoreParts(home, sequence, packParts({
    of: { model: 'tiny', format: 'f16', pages: pageVersion, ...shapeOfSaved(shape) }, tokens: Array.from({ length: 40 }, (_, i) => i), layers: [],
    shaped: { base: 32, since: 40, promptLength: 40, length: 40, layers },
  }), 'tiny');
  return { ...fake, ledger, sequence, shaped: sequence.shaped!, restore };
}

it('has no page that is not listed, where the second layer had no room', async () => {
  const { outOfMemory, written, sequence, shaped, restore } = await shapedBy('streaming', { slots: 64 });
  const set = { taken: 2, counts: [20, 20], room: [32, 32], tails: [0, 0] };
  const layers = shaped.layers.map(() => ({ sets: [set], runs: [0, 0] }));
  outOfMemory.add('kv.1.set.0');
  await expect(restore(layers)).rejects.toThrow('kv.1.set.0');
  const { all: [own] } = shaped.setsOf(0);
  expect([sequence.tokens.length, shaped.base, ...own.counts, ...own.room]).toEqual([0, 0, 0, 0, 0, 0]);

  outOfMemory.clear();
  await shaped.setsOf(0).makeRoom(own, [20, 20]);
  const { buffer: lists } = written.get('kv.0.lists')!;
  const words = new Uint32Array(lists);
  expect([0, 1].map((head) => words[words[2 * head]])).toEqual([0, 1]); // of each head its page
});

it('takes no more for what is known of its layers than the sequence in whose place it is put', async () => {
  const { ledger, sequence, shaped, restore } = await shapedBy('leoam', {});
  await sequence.makeRoom(40);
  const sets = [0, 1].map((layer) => shaped.setsOf(layer));
  await sets[1].resize(16); // of half as many slots together there is twice as much to know
  expect(sets.map(({ size }) => size)).toEqual([32, 16]);
  const before = ledger.peakBytes;
  const set = { taken: 0, counts: [0, 0], room: [0, 0], tails: [0, 0] };
  await expect(restore([16, 32].map((size) => ({ sets: [set], runs: [0, 0], size })))).rejects.toThrow(/damaged/); // without what pages hold
  expect(sets.map(({ size }) => size)).toEqual([16, 32]);
  expect(ledger.peakBytes).toBe(before);
});
