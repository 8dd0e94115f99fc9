// A tick that fails leaves nothing that looks sound; what ticks keep is a model's, not a runner's.
import { expect, it, vi } from 'vitest';
import { fakeDevice } from '../../../test/doubles/fake-device.ts';
import { fixture } from '../../../test/models/fixture.ts';
import { readHeader } from '../../gguf/read.ts';
import { createKernelCache } from '../../gpu/kernels.ts';
import { createLedger } from '../../gpu/ledger.ts';
import { keptSlots } from '../../kv/kept-slots.ts';
import { kvFormat } from '../../kv/formats/catalogue.ts';
import { shapeWithin } from '../../kv/policies/catalogue.ts';
import { type Sequence, type SequenceHome, createSequence } from '../../kv/sequence.ts';
import { createTicker } from '../../kv/tick/ticker.ts';
import { bytesSource } from '../../weights/source/source.ts';
import { openModel } from '../load/opened.ts';
import { feed, feedChunk } from './feed.ts';
import { type RunState } from './run-state.ts';

vi.mock(import('../../kv/tick/ticker.ts'), async (original) => {
  const real = await original();
  return { ...real, createTicker: vi.fn(real.createTicker) };
});

/** A sequence under a policy on a device that computes nothing, and what runs it: one runner after the other of the same model. */
async function shapedBy(policy: string, options: Record<string, number>) {
  const { device, outOfMemory } = fakeDevice();
  const ledger = createLedger(device, Infinity);
  const { graph } = await openModel(await readHeader(bytesSource(fixture('tiny/tiny-llama-f16.gguf'), 'tiny')));
  const room = { context: 512, chunk: 64, format: kvFormat('f16') };
  const shape = shapeWithin(graph, policy, options, { ...room, budgetBytes: Infinity, sequences: 1, retrieval: [[0.9, 0.1], [0.2, 0.8]] });
  const home: SequenceHome = { device, ledger, config: graph.config, ...room, shape, release: () => {} };
  const sequence = createSequence(home);
  const model = {
    gpu: { device }, ledger, graph, sizes: { chunk: 64, context: 512 }, activations: { state: { buffer: ledger.create('activations', 'state', 64, 0) } },
    programs: { decode: [], prefill: [] }, heads: { last: [] }, planned: { chosen: { kernels: createKernelCache(device) } },
  };
  const runner = () => ({
    model,
    submits: {
      wroteRows: () => {}, embed: async () => {}, run: async () => {},
      submit: (encoder: GPUCommandEncoder) => device.queue.submit([encoder.finish()]),
    },
    cursors: new WeakMap(),
  }) as unknown as RunState;
  return { outOfMemory, ledger, home, shape, sequence, runner };
}

const ids = Array.from({ length: 100 }, (_, i) => i);

it('is fed again from its beginning, where the second layer had no room', async () => {
  const { outOfMemory, sequence, runner } = await shapedBy('streaming', { slots: 40 });
  const state = runner();
  const shaped = sequence.shaped!;
  const counts = () => shaped.layers.map(({ sets: [set] }) => [...set.counts]);

  outOfMemory.add('kv.1.set.0');
  await expect(feed(state, { sequence, ids, position: 0 })).rejects.toThrow(/no memory|memory/);
  expect([sequence.tokens.length, shaped.base, shaped.since, ...counts().flat()]).toEqual([0, 0, 0, 0, 0, 0, 0]);

  outOfMemory.clear();
  await feed(state, { sequence, ids, position: 0 });
  expect([sequence.tokens.length, shaped.base, shaped.since, ...counts().flat()]).toEqual([100, 64, 100, 4, 4, 4, 4]);
});

it('goes on after the code of ticks could not be loaded', async () => {
  const { sequence, runner } = await shapedBy('streaming', { slots: 40 });
  const state = runner();
  vi.mocked(createTicker).mockImplementationOnce(() => {
    throw new Error('no network');
  });
  await expect(feed(state, { sequence, ids, position: 0 })).rejects.toThrow('no network');
  await feed(state, { sequence, ids, position: 0 });
  expect(sequence.tokens.length).toBe(100);
});

it('is told of the signal of a prompt, and empties the sequence where that ends it', async () => {
  const { sequence, runner } = await shapedBy('streaming', { slots: 40 });
  const state = runner();
  const stop = new AbortController();
  vi.mocked(createTicker).mockImplementationOnce(() => ({
    async tick({ signal }) {
      if (signal) stop.abort();
      signal?.throwIfAborted();
    },
  }));
  await expect(feed(state, { sequence, ids, position: 0, signal: stop.signal })).rejects.toThrow('aborted');
  expect(sequence.tokens.length).toBe(0);
  await feed(state, { sequence, ids, position: 0 });
  expect(sequence.tokens.length).toBe(100);
});

it('has the ticks of a prompt up to where it ended, and behind that those of decode, whatever runs its tokens', async () => {
  const { sequence, runner } = await shapedBy('snapkv', { share: 0.5, interval: 32 });
  const ticks: [string, number, number][] = [];
  const real = createTicker;
  vi.mocked(createTicker).mockImplementationOnce((gpu) => {
    const ticker = real(gpu);
    return { tick: (at) => (ticks.push([at.phase, at.length, at.promptLength]), ticker.tick(at)) };
  });
  const state = runner();
  const all = Array.from({ length: 174 }, (_, i) => i);
  const rows: number[] = [];
  for (let position = 0; position < all.length; position += rows.at(-1)!)
    rows.push(await feedChunk(state, { sequence, ids: all.slice(position), position, promptLength: 100 }));
  expect(rows).toEqual([64, 36, 32, 32, 10]);
  expect(ticks).toEqual([['chunk', 64, 100], ['prompt', 100, 100], ['decode', 132, 100], ['decode', 164, 100]]);
  expect(sequence.shaped!.promptLength).toBe(100);

  // Tokens that are run again in front of others are no prompt of their own.
  ticks.length = 0;
  await feed(state, { sequence, ids: all.slice(50, 110), position: 50 });
  expect(ticks).toEqual([['chunk', 50, 110], ['prompt', 110, 110]]);
});

it.each(['h2o', 'lazyeviction', 'snapkv'])('%s has no more bytes where another runner has the next conversation', async (policy) => {
  const { ledger, shape, sequence, runner } = await shapedBy(policy, { share: 0.25 });
  const bytes: number[] = [];
  for (const state of [runner(), runner(), runner()]) {
    await feed(state, { sequence, ids, position: 0 });
    bytes.push(ledger.bytes.kv);
  }
  expect(bytes[1]).toBeLessThanOrEqual(shape.bytes.full + shape.bytes.shared);
  expect(bytes[2]).toBe(bytes[1]);
});

it.each([
  ['streaming', { slots: 40 }], ['kivi4', {}], ['q4', {}], ['quest', {}], ['h2o', { share: 1 }], ['snapkv', { share: 1 }], ['mikv', {}],
  ['duo-kivi', { share: 0.5 }],
])('%s keeps to what its budget counts whenever something of it grows', async (policy, options) => {
  const { ledger, shape: { bytes: { full, growing, shared } }, sequence, runner } = await shapedBy(policy, options);
  const { create } = ledger;
  let most = 0;
  ledger.create = (...buffer) => {
    const made = create(...buffer);
    most = Math.max(most, ledger.bytes.kv);
    return made;
  };
  const state = runner();
  for (let at = 0; at < 480; at += 40) await feed(state, { sequence, ids: ids.slice(0, 40), position: at, promptLength: at < 320 ? undefined : 320 });
  expect(sequence.tokens.length).toBe(480);
  expect(most).toBeGreaterThan(0.5 * full);
  expect(most).toBeLessThanOrEqual(full + growing + shared);
});

it.each([
  ['snapkv', 0, 290], ['h2o', 0, 290], ['kivi4', 64, 290], ['q4', 70, 290],
] as const)('a copy under %s has what is kept of it alone', async (policy, cut, fresh) => {
  const { sequence, runner, home } = await shapedBy(policy, {});
  const state = runner();
  const many = Array.from({ length: 300 }, (_, i) => i % 250);
  await feed(state, { sequence, ids: many, position: 0 });
  const empty = createSequence(home).byteLength;
  for (const [length, reached] of [[0, 0], [1, cut === 70 ? 1 : 0], [70, cut], [290, fresh], [300, 300]]) {
    expect(sequence.reaches(length)).toBe(reached);
    const copy = await sequence.fork(length);
    expect(copy.tokens).toEqual(many.slice(0, reached));
    if (reached === 0) expect(copy.byteLength).toBe(empty);
    else expect(keptSlots(copy)).toEqual(keptSlotsOf(sequence, reached));
    copy.close();
  }
  expect(sequence.tokens.length).toBe(300);
});

/** Of a sequence that is cut, as it is not. */
function keptSlotsOf(sequence: Sequence, length: number) {
  const kept = keptSlots(sequence)!;
  const gone = sequence.tokens.length - length;
  return { ...kept, tokens: length, layers: kept.layers.map((heads) => heads.map((slots) => slots - gone)) };
}

it.each(['heavy-prompt', 'mikv', 'ems'])('%s takes what planes say of tokens that no prompt had for that of others, also behind a cut', async (policy) => {
  const { shape, sequence, runner } = await shapedBy(policy, { window: 32, interval: 32, chunk: 64 });
  const state = runner();
  const observed: [since: number, queries: number, length: number][] = [];
  const real = shape.policy.tick.bind(shape.policy);
  const spy = vi.spyOn(shape.policy, 'tick').mockImplementation((kv) => real({
    ...kv,
    dispatch(work) {
      if (work.label === 'kv.0.observe' && work.kernel.files!.includes('kv/tick/of-fresh')) observed.push([work.params.since, work.params.observed, kv.length]);
      kv.dispatch(work);
    },
  }));
  const feedTo = (position: number, end: number, promptLength?: number) => feed(state, { sequence, ids: ids.slice(0, end - position), position, promptLength });
  await feedTo(0, 64);
  await feedTo(64, 150, 64); // of an answer
  expect(sequence.truncate(140)).toBe(140);
  await feedTo(140, 170);
  expect(sequence.shaped!.since).toBe(170);
  // The last prompt's queries since the ticks of the answer; planes of the slots since the first prompt are new.
  expect(observed.at(policy === 'ems' ? -2 : -1), 'of the sum').toEqual([64, 170 - 128, 170]);
  const copy = await sequence.fork();
  expect([copy.shaped!.noted, copy.shaped!.since]).toEqual([170, 170]);
  spy.mockRestore();
});

it.each(['duo', 'duo-kivi'])('%s keeps as many last positions after every tick, whether a page was whole or not', async (policy) => {
  const options = { share: 0.5, sinks: 4, recent: 80, window: 32, interval: 16, chunk: 64 };
  const { sequence, runner } = await shapedBy(policy, options);
  const state = runner();
  const kept = () => keptSlots(sequence)!.layers.flat();
  await feed(state, { sequence, ids: Array.from({ length: 200 }, (_, i) => i), position: 0 });
  for (let at = 200; at < 280; at += 16) {
    expect(kept(), `${at}`).toEqual([at, 84, 84, at]);
    await feed(state, { sequence, ids: Array.from({ length: 16 }, (_, i) => i), position: at, promptLength: 200 });
  }
});
