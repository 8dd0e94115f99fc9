// A tick that fails leaves nothing that looks sound.
import { expect, it } from 'vitest';
import { fakeDevice } from '../../../test/doubles/fake-device.ts';
import { fixture } from '../../../test/models/fixture.ts';
import { readHeader } from '../../gguf/read.ts';
import { createLedger } from '../../gpu/ledger.ts';
import { kvFormat } from '../../kv/formats/catalogue.ts';
import { shapeWithin } from '../../kv/policies/catalogue.ts';
import { createSequence } from '../../kv/sequence.ts';
import { bytesSource } from '../../weights/source/source.ts';
import { openModel } from '../load/opened.ts';
import { feed } from './feed.ts';
import { type RunState } from './run-state.ts';

it('is fed again from its beginning, where the second layer had no room', async () => {
  const { device, outOfMemory } = fakeDevice();
  const ledger = createLedger(device, Infinity);
  const { graph } = await openModel(await readHeader(bytesSource(fixture('tiny/tiny-llama-f16.gguf'), 'tiny')));
  const room = { context: 512, chunk: 64, format: kvFormat('f16') };
  const shape = shapeWithin(graph, 'streaming', { slots: 40 }, { ...room, budgetBytes: Infinity, sequences: 1 });
  const sequence = createSequence({ device, ledger, config: graph.config, ...room, shape, release: () => {} });
  const state = {
    model: {
      gpu: { device }, ledger, graph, sizes: { chunk: 64, context: 512 }, activations: { state: { buffer: ledger.create('activations', 'state', 64, 0) } },
      programs: { decode: [], prefill: [] }, heads: { last: [] }, planned: { chosen: { kernels: {} } },
    },
    submits: {
      wroteRows: () => {}, embed: async () => {}, run: async () => {},
      submit: (encoder: GPUCommandEncoder) => device.queue.submit([encoder.finish()]),
    },
    cursors: new WeakMap(),
  } as unknown as RunState;
  const ids = Array.from({ length: 100 }, (_, i) => i);
  const shaped = sequence.shaped!;
  const counts = () => shaped.layers.map(({ sets: [set] }) => [...set.counts]);

  outOfMemory.add('kv.1.set.0');
  await expect(feed(state, { sequence, ids, position: 0 })).rejects.toThrow(/no memory|memory/);
  expect([sequence.tokens.length, shaped.base, shaped.since, ...counts().flat()]).toEqual([0, 0, 0, 0, 0, 0, 0]);

  outOfMemory.clear();
  await feed(state, { sequence, ids, position: 0 });
  expect([sequence.tokens.length, shaped.base, shaped.since, ...counts().flat()]).toEqual([100, 64, 100, 4, 4, 4, 4]);
});
