import { beforeEach, expect, it, vi } from 'vitest';
import { fakeDevice } from '../../../../test/doubles/fake-device.ts';
import { type Candidate } from '../../../gpu/autotune.ts';
import { createLedger } from '../../../gpu/ledger.ts';
import { kvFormat } from '../../../kv/formats/catalogue.ts';
import { type Step } from '../../../gpu/program.ts';
import { type KernelChoice, usualAttention } from '../../../model/choices/kernel-choice.ts';
import { type Attending, tuneAttention } from './tune-attention.ts';
import { type TimedTarget } from './tune.ts';
import { type AdapterNotes } from './tuning.ts';

/** What a candidate takes for all of its dispatches. */
let msOf = (_value: Attending, dispatches: number): number => dispatches;
const ranked: Candidate<Attending>[] = [];
/** Positions that each ranking was at. */
const lengths: number[] = [];
vi.mock('../../../gpu/autotune.ts', () => ({
  async rank(_timing: unknown, { length }: Step, candidates: Candidate<Attending>[]) {
    ranked.splice(0, ranked.length, ...candidates);
    lengths.push(length);
    return candidates.map(({ value, dispatches }) => ({ value, ms: msOf(value, dispatches.length) })).sort((a, b) => a.ms - b.ms);
  },
}));
beforeEach(() => void (ranked.length = lengths.length = 0));

const layers = 3;
const buffers = { attended: { buffer: {} }, partials: { buffer: {} } };

/** A model of which every layer can turn its queries in attention, or all but the last; and join splits, `joins` of them. */
function target({ software = false, turns = layers, joins = 0 } = {}): TimedTarget {
  const { device } = fakeDevice();
  const record = (_mode: string, { turned, joined }: KernelChoice) => Array.from({ length: layers }, (_, layer) => {
    const before = [...(turned && layer < turns ? [] : ['rope']), 'attention-decode', 'attention-reduce'].map((kernel) => ({ kernel, bindings: {} }));
    const reads = [...(joined && layer < joins ? [buffers.partials] : []), buffers.attended].map((input) => ({ kernel: 'matvec', bindings: { input } }));
    const all = [...before, ...reads, { kernel: 'matvec', bindings: { input: {} } }];
    return all.map(({ kernel, bindings }) => ({ kernel: { kernel }, bindings, grid: () => [1] }));
  }).flat();
  return {
    gpu: { device, software }, ledger: createLedger(device, 2 ** 30), clock: { sampleMs: async () => 5 }, now: () => 0, begin: async () => true,
    activations: { state: { buffer: {} }, buffers }, sequence: { state: { buffer: {} } }, kv: kvFormat('f16'), context: 4096, record,
    config: { heads: 4, kvHeads: 2, headDim: 64, layers },
  } as unknown as TimedTarget;
}

const choice = { ...usualAttention } as KernelChoice;
const notes = (): AdapterNotes => ({ kernels: '', decode: {}, prefill: {}, few: {}, checks: {} });

it('compares attention that turns its queries with all of the dispatches that it replaces, and notes which is faster', async () => {
  msOf = (value, dispatches) => dispatches + (value.span === usualAttention.span ? 0 : 100);
  const known = notes();
  expect((await tuneAttention(target(), choice, known, 1)).choice).toMatchObject({ ...usualAttention, turned: 1 });
  expect(ranked[1]).toMatchObject({ value: { turned: 1 }, together: 2 });
  expect(ranked.map(({ dispatches, together = 1 }) => dispatches.length / together)).toEqual(ranked.map(() => layers));
  expect(ranked.filter(({ value }) => !value.turned).every(({ together }) => together === 3)).toBe(true);
  ranked.length = 0;
  expect(await tuneAttention(target(), choice, known, 1)).toMatchObject({ choice: { turned: 1 }, learned: false });
  expect(ranked).toEqual([]);
});

it('leaves it where it gains nothing', async () => {
  msOf = ({ turned = 0 }) => turned;
  expect((await tuneAttention(target(), choice, notes(), 1)).choice.turned ?? 0).toBe(0);
  expect(ranked[1].value.turned).toBe(1);
});

it.each([['in software', { software: true }], ['where a layer cannot', { turns: layers - 1 }]])('does not try it %s', async (_, of) => {
  await tuneAttention(target(of), choice, notes(), 1);
  expect(ranked.length).toBeGreaterThan(1);
  expect(ranked.filter(({ value, together }) => value.turned || together !== 2)).toEqual([]);
});

it('compares joining splits in the output projection at the most that it joins with all dispatches that it replaces, and notes it', async () => {
  msOf = ({ span, joined = 0 }) => (span === 256 ? 10 : 20) - joined;
  const known = notes();
  expect((await tuneAttention(target({ joins: layers }), choice, known, 1)).choice).toMatchObject({ span: 256, joined: 1 });
  expect(lengths).toEqual([2048, 8 * 256]);
  expect(ranked.map(({ value: { span, joined = 0 }, together, dispatches }) => [span, joined, together, dispatches.length / together!])).toEqual(
    [[256, 0, 4, layers], [256, 1, 5, layers]]);
  ranked.length = 0;
  expect(await tuneAttention(target({ joins: layers }), choice, known, 1)).toMatchObject({ choice: { joined: 1 }, learned: false });
  expect(ranked).toEqual([]);
});

it('leaves splits to a dispatch of their own where that is as fast', async () => {
  msOf = ({ joined = 0 }) => joined;
  expect((await tuneAttention(target({ joins: layers }), choice, notes(), 1)).choice.joined).toBeUndefined();
  expect(ranked.map(({ value }) => value.joined)).toEqual([undefined, 1]);
});

it.each([
  ['in software', { software: true, joins: layers }], ['where a layer cannot', { joins: layers - 1 }],
])('does not try to join splits there %s', async (_, of) => {
  await tuneAttention(target(of), choice, notes(), 1);
  expect(lengths).toEqual([2048]);
  expect(ranked.some(({ value }) => value.joined)).toBe(false);
});
