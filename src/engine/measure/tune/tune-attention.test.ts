import { beforeEach, expect, it, vi } from 'vitest';
import { fakeDevice } from '../../../../test/doubles/fake-device.ts';
import { type Candidate, type Timing } from '../../../gpu/autotune.ts';
import { createLedger } from '../../../gpu/ledger.ts';
import { kvFormat } from '../../../kv/formats/catalogue.ts';
import { type Step } from '../../../gpu/program.ts';
import { type KernelChoice, usualAttention } from '../../../model/choices/kernel-choice.ts';
import { type Attending, tuneAttention } from './tune-attention.ts';
import { type TimedTarget } from './tune.ts';
import { type AdapterNotes } from './tuning.ts';

/** What a candidate takes for all of its dispatches. */
let msOf = (_value: Attending, dispatches: number): number => dispatches;
/** What the clock says. */
let time = 0;
const ranked: Candidate<Attending>[] = [];
/** Positions that each ranking was at. */
const lengths: number[] = [];
vi.mock('../../../gpu/autotune.ts', () => ({
  async rank({ now }: Timing, { length }: Step, candidates: Candidate<Attending>[], deadline: number) {
    ranked.splice(0, ranked.length, ...candidates);
    lengths.push(length);
    // Each candidate takes one unit of the clock's time.
    const timed = candidates.filter(() => now() < deadline && ++time);
    return timed.map(({ value, dispatches }) => ({ value, ms: msOf(value, dispatches.length) })).sort((a, b) => a.ms - b.ms);
  },
}));
beforeEach(() => void (ranked.length = lengths.length = time = 0));

const layers = 3;
const buffers = { attended: { buffer: {} }, partials: { buffer: {} } };

/** A model of which every layer can turn its queries in attention, or all but the last; and join splits, `joins` of them. */
function target({ software = false, streams = false, turns = layers, joins = 0, projection = 'Q4_K 256x256 add', begin = true } = {}): TimedTarget {
  const { device } = fakeDevice();
  const record = (_mode: string, { turned, joined }: KernelChoice) => Array.from({ length: layers }, (_, layer) => {
    const before = [...(turned && layer < turns ? [] : ['rope']), 'attention-decode', 'attention-reduce'].map((kernel) => ({ kernel, bindings: {} }));
    const reads = [
      ...(joined && layer < joins ? [{ kernel: 'matvec', bindings: { input: buffers.partials } }] : []),
      { kernel: 'matvec', kind: projection, bindings: { input: buffers.attended } },
    ];
    const all = [...before, ...reads, { kernel: 'matvec', bindings: { input: {} } }];
    return all.map(({ kernel, ...each }) => ({ kernel: { kernel }, ...each, grid: () => [1] }));
  }).flat();
  return {
    gpu: { device, software }, ledger: createLedger(device, 2 ** 30), clock: { sampleMs: async () => 5 }, now: () => time,
    begin: async (part: string) => begin || part !== 'join', streams,
    activations: { state: { buffer: {} }, buffers }, sequence: { state: { buffer: {} } }, kv: kvFormat('f16'), context: 4096, record,
    config: { heads: 4, kvHeads: 2, headDim: 64, layers },
  } as unknown as TimedTarget;
}

const choice = { ...usualAttention, splits: 4, panels: 1, dot: 'staged' } as KernelChoice;
/** More time than any test takes. */
const long = 1000;
const notes = (): AdapterNotes => ({ kernels: '', decode: {}, prefill: {}, few: {}, checks: {} });

it('compares attention that turns its queries with all of the dispatches that it replaces, and notes which is faster', async () => {
  msOf = (value, dispatches) => dispatches + (value.span === usualAttention.span ? 0 : 100);
  const known = notes();
  expect((await tuneAttention(target(), choice, known, long)).choice).toMatchObject({ ...usualAttention, turned: 1 });
  expect(ranked[1]).toMatchObject({ value: { turned: 1 }, together: 2 });
  expect(ranked.map(({ dispatches, together = 1 }) => dispatches.length / together)).toEqual(ranked.map(() => layers));
  expect(ranked.filter(({ value }) => !value.turned).every(({ together }) => together === 3)).toBe(true);
  ranked.length = 0;
  expect(await tuneAttention(target(), choice, known, long)).toMatchObject({ choice: { turned: 1 }, learned: false });
  expect(ranked).toEqual([]);
});

it('leaves it where it gains nothing', async () => {
  msOf = ({ turned = 0 }) => turned;
  expect((await tuneAttention(target(), choice, notes(), long)).choice.turned ?? 0).toBe(0);
  expect(ranked[1].value.turned).toBe(1);
});

it.each([['in software', { software: true }], ['where a layer cannot', { turns: layers - 1 }]])('does not try it %s', async (_, of) => {
  await tuneAttention(target(of), choice, notes(), long);
  expect(ranked.length).toBeGreaterThan(1);
  expect(ranked.filter(({ value, together }) => value.turned || together !== 2)).toEqual([]);
});

it('compares joining splits in the output projection at the most that it joins with all dispatches that it replaces, and notes it', async () => {
  msOf = ({ span, joined = 0 }) => (span === 256 ? 10 : 20) - joined;
  const known = notes();
  expect((await tuneAttention(target({ joins: layers }), choice, known, long)).choice).toMatchObject({ span: 256, joined: 1 });
  expect(lengths).toEqual([2048, 8 * 256]);
  expect(ranked.map(({ value: { span, joined = 0 }, together, dispatches }) => [span, joined, together, dispatches.length / together!])).toEqual(
    [[256, 0, 4, layers], [256, 1, 5, layers]]);
  ranked.length = 0;
  expect(await tuneAttention(target({ joins: layers }), choice, known, long)).toMatchObject({ choice: { joined: 1 }, learned: false });
  expect(ranked).toEqual([]);
});

it('leaves splits to a dispatch of their own where that is as fast', async () => {
  msOf = ({ joined = 0 }) => joined;
  const known = notes();
  expect((await tuneAttention(target({ joins: layers }), choice, known, long)).choice.joined).toBe(0);
  expect(ranked.map(({ value }) => value.joined)).toEqual([0, 1]);
  ranked.length = 0;
  expect(await tuneAttention(target({ joins: layers }), choice, known, long)).toMatchObject({ choice: { joined: 0 }, learned: false });
  expect(ranked).toEqual([]);
});

it.each([
  ['in software', { software: true, joins: layers }], ['where a layer cannot', { joins: layers - 1 }],
  ['where weights are streamed', { streams: true, joins: layers }], ['where two loads ended within it', { begin: false, joins: layers }],
])('does not try to join splits there %s', async (_, of) => {
  await tuneAttention(target(of), choice, notes(), long);
  expect(lengths).toEqual([2048]);
  expect(ranked.some(({ value }) => value.joined)).toBe(false);
});

it('notes joining by itself, for the projection, its shape and the length that were measured', async () => {
  msOf = ({ joined = 0 }) => 10 - joined;
  const known = notes();
  const at = async (of: Parameters<typeof target>[0], own: Partial<KernelChoice> = {}) => {
    lengths.length = 0;
    const found = await tuneAttention(target({ joins: layers, ...of }), { ...choice, ...own }, known, long);
    return { joined: found.choice.joined, lengths: [...lengths] };
  };
  expect(await at({})).toEqual({ joined: 1, lengths: [2048, 1024] });
  expect(Object.keys(known.joins!)).toEqual([expect.stringMatching(/, 128 in 128; Q4_K 256x256 add by 4 splits, 1 panels, staged; 1024 positions$/)]);
  expect(Object.values(known.attentions!)).toEqual([usualAttention]);
  msOf = ({ joined = 0 }) => 10 + joined;
  expect(await at({})).toEqual({ joined: 1, lengths: [] });
  expect(await at({ projection: 'Q6_K 256x256 add' }), 'another type').toEqual({ joined: 0, lengths: [1024] });
  expect(await at({}, { splits: 8 }), 'another shape').toEqual({ joined: 0, lengths: [1024] });
  expect(await at({ streams: true }), 'streamed').toEqual({ joined: undefined, lengths: [] });
  expect(Object.values(known.joins!)).toEqual([{ joined: 1 }, { joined: 0 }, { joined: 0 }]);
});

it('measures joining at a later load where no time was left for both ways, and after three such loads no more', async () => {
  msOf = ({ joined = 0 }) => 10 - joined;
  const of = target({ joins: layers });
  const load = async (known: AdapterNotes, left: number) => {
    lengths.length = 0;
    const { choice: found, learned } = await tuneAttention(of, choice, known, time + left);
    return { joined: found.joined, learned, lengths: [...lengths] };
  };
  const known = notes();
  const shapes = 8; // the usual one, one that turns, and the others
  expect(await load(known, shapes + 1), 'time for one way').toEqual({ joined: 0, learned: true, lengths: [2048, 1024] });
  expect(Object.values(known.joins!)).toEqual([{ late: 1 }]);
  expect(await load(known, 2), 'time for both').toEqual({ joined: 1, learned: true, lengths: [1024] });
  expect(Object.values(known.joins!)).toEqual([{ joined: 1 }]);
  expect(await load(known, 2)).toEqual({ joined: 1, learned: false, lengths: [] });

  const busy = notes();
  await load(busy, shapes);
  for (const late of [2, 3]) {
    expect(await load(busy, 0)).toEqual({ joined: 0, learned: true, lengths: [] });
    expect(Object.values(busy.joins!)).toEqual([{ late }]);
  }
  expect(await load(busy, long)).toEqual({ joined: 0, learned: false, lengths: [] });
});
