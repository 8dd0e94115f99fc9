// What feeding tokens leaves of a recurrent state, whose copies are of earlier tokens.
import { expect, it } from 'vitest';
import { fakeDevice } from '../../../test/doubles/fake-device.ts';
import { createLedger } from '../../gpu/ledger.ts';
import { kvFormat } from '../../kv/formats/catalogue.ts';
import { createSequence } from '../../kv/sequence.ts';
import { feed } from './feed.ts';
import { type RunState } from './run-state.ts';

const context = 256;

/** A model of a recurrent state without kernels. */
function open() {
  const { device } = fakeDevice();
  const ledger = createLedger(device, Infinity);
  const config = { layers: 1, kvHeads: 1, headDim: 8, vocab: 64 };
  const state = { buffer: ledger.create('activations', 'state', 64, 0) };
  const sequence = createSequence({ device, ledger, config, states: { scan: 512 }, context, format: kvFormat('f32'), release: () => {} });
  const run = {
    model: {
      gpu: { device }, graph: { config }, sizes: { chunk: 8, context }, activations: { state }, programs: { decode: [], prefill: [] }, heads: { last: [] },
    },
    submits: { wroteRows: () => {}, embed: async () => {}, run: async () => {} },
    cursors: new WeakMap(),
  } as unknown as RunState;
  return { sequence, feed: (ids: number[], position: number) => feed(run, { sequence, ids, position }) };
}
const tokens = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);

it('goes back to a copy of the same tokens, and to none of others that were fed before from the beginning', async () => {
  const { sequence, feed } = open();
  await feed(tokens(0, 16), 0);
  expect(sequence.truncate(12)).toBe(8); // a copy after the first chunk
  await feed(tokens(0, 16), 0); // with copies after 8 and 16
  for (let position = 0; position < 17; position++) await feed([30 + position], position); // one token leaves no copy
  expect(sequence.truncate(16)).toBe(0);
});
