import { beforeEach, expect, it, vi } from 'vitest';
import { fakeDevice } from '../../../../test/doubles/fake-device.ts';
import { type Candidate } from '../../../gpu/autotune.ts';
import { createLedger } from '../../../gpu/ledger.ts';
import { kvFormat } from '../../../kv/formats/catalogue.ts';
import { type KernelChoice, usualAttention } from '../../../model/choices/kernel-choice.ts';
import { type Attending, tuneAttention } from './tune-attention.ts';
import { type TimedTarget } from './tune.ts';
import { type AdapterNotes } from './tuning.ts';

/** What a candidate takes for all of its dispatches. */
let msOf = (_value: Attending, dispatches: number): number => dispatches;
const ranked: Candidate<Attending>[] = [];
vi.mock('../../../gpu/autotune.ts', () => ({
  async rank(_timing: unknown, _step: unknown, candidates: Candidate<Attending>[]) {
    ranked.splice(0, ranked.length, ...candidates);
    return candidates.map(({ value, dispatches }) => ({ value, ms: msOf(value, dispatches.length) })).sort((a, b) => a.ms - b.ms);
  },
}));
beforeEach(() => void (ranked.length = 0));

const layers = 3;
/** A model of which every layer can turn its queries in attention, or all but the last. */
function target({ software = false, turns = layers } = {}): TimedTarget {
  const { device } = fakeDevice();
  const record = (_mode: string, { turned }: KernelChoice) => Array.from({ length: layers }, (_, layer) =>
    [...(turned && layer < turns ? [] : ['rope']), 'attention-decode', 'attention-reduce'].map((kernel) => ({ kernel: { kernel }, grid: () => [1] }))).flat();
  return {
    gpu: { device, software }, ledger: createLedger(device, 2 ** 30), clock: { sampleMs: async () => 5 }, now: () => 0, begin: async () => true,
    activations: { state: { buffer: {} } }, sequence: { state: { buffer: {} } }, kv: kvFormat('f16'), context: 256, record,
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
