// What is kept between loads: for which device, of which kernels, and what is made of loads that ended while something was measured.
import { beforeEach, describe, expect, it } from 'vitest';
import { loadFormats } from '../../../formats/catalogue.ts';
import { type Gpu } from '../../../gpu/device.ts';
import { typeHashes } from '../../../gpu/kernels.ts';
import { type KernelChoice, plainChoice } from '../../../model/choices/kernel-choice.ts';
import { type AdapterNotes, type NotebookOptions, notedChoice, openNotebook } from './tuning.ts';

const limits = {
  maxBufferSize: 2 ** 30, maxStorageBufferBindingSize: 2 ** 30, maxStorageBuffersPerShaderStage: 10, maxComputeWorkgroupStorageSize: 16384,
  maxComputeInvocationsPerWorkgroup: 256, maxComputeWorkgroupSizeX: 256,
};
const gpu = {
  device: { limits }, adapterName: 'a GPU', computes: true, software: false, features: { subgroups: true, f16: true, packedDot: true }, vendor: 'maker',
  smallestSubgroup: 32, largestSubgroup: 32, matrixUnits: [], maxBindingBytes: 2 ** 30,
} as unknown as Gpu;
const unit = { component: 'f16', m: 8, n: 8, k: 8, threads: 32 } as const;

let kept: Map<string, AdapterNotes>;
beforeEach(() => void (kept = new Map()));
const store = {
  get: async (key: string) => structuredClone(kept.get(key)),
  set: async (key: string, notes: AdapterNotes) => void kept.set(key, structuredClone(notes)),
};
const open = (of: Partial<Gpu> = {}, options: NotebookOptions = {}, kernels = 'hash', choice: KernelChoice = plainChoice) =>
  openNotebook(store, { ...gpu, ...of }, kernels, choice, options);

/** Notes, as of another load, that a kind of matrix and a check of each of these types are known. */
async function note(...types: string[]): Promise<void> {
  const { notes, save } = await open({}, { types: typeHashes(types) });
  for (const type of types) {
    notes.decode[`${type} 64x64 x`] = { splits: 4, panels: 1, dot: 'f32' };
    notes.chunks = { ...notes.chunks, [`${type} 64x64 x, F32 64x64 router`]: { chunk: 64, of: 512 } };
    notes.checks[`matvec ${type} of 64 columns`] = '';
    notes.checks[`experts F32+${type}+F32 64x64 silu`] = '';
  }
  await save();
}

describe('notes', () => {
  it.each<[string, Partial<Gpu>]>([
    ['another name', { adapterName: 'another GPU' }],
    ['fewer features', { features: { subgroups: true, f16: false, packedDot: true } }],
    ['subgroup matrices', { matrixUnits: [unit] }],
    ['smaller subgroups', { smallestSubgroup: 8 }],
    ['other limits', { device: { limits: { ...limits, maxComputeInvocationsPerWorkgroup: 1024 } } as unknown as GPUDevice }],
    ['more memory', { device: { limits: { ...limits, maxBufferSize: 2 ** 31 } } as unknown as GPUDevice }],
  ])('do not hold for a device with %s', async (_, other) => {
    await note('Q4_K');
    expect(Object.keys((await open()).notes.decode)).toEqual(['Q4_K 64x64 x']);
    expect((await open(other)).notes.decode).toEqual({});
  });

  it('do not hold for other kernels, or another untuned choice', async () => {
    await note('Q4_K');
    expect((await open({}, {}, 'other')).notes.decode).toEqual({});
    expect((await open({}, {}, 'hash', { ...plainChoice, splits: 2 })).notes.decode).toEqual({});
    expect((await open({}, { exact: true })).notes.decode).toEqual({});
  });

  it('of models whose rare weight types differ stay beside each other', async () => {
    await loadFormats(['MXFP4', 'IQ4_NL']);
    await note('Q4_K');
    await note('MXFP4');
    await note('IQ4_NL', 'Q4_K');
    const kinds = ['IQ4_NL', 'MXFP4', 'Q4_K'].map((type) => `${type} 64x64 x`);
    expect(Object.keys((await open({}, { types: typeHashes(['Q4_K']) })).notes.decode).sort()).toEqual(kinds);
    expect(Object.keys((await open({}, { types: typeHashes(['MXFP4']) })).notes.decode).sort()).toEqual(kinds);
  });

  it('of a rare type whose shaders are others by now do not hold, those of all others do', async () => {
    await loadFormats(['MXFP4', 'IQ4_NL']);
    await note('MXFP4', 'IQ4_NL', 'Q4_K');
    const { notes } = await open({}, { types: { MXFP4: 'other', IQ4_NL: typeHashes(['IQ4_NL']).IQ4_NL } });
    expect(Object.keys(notes.decode)).toEqual(['IQ4_NL 64x64 x', 'Q4_K 64x64 x']);
    expect(Object.keys(notes.checks)).toHaveLength(4);
    expect(Object.keys(notes.chunks!)).toHaveLength(2);
    expect(JSON.stringify([notes.decode, notes.checks, notes.chunks])).not.toContain('MXFP4');
  });

  it('that another tab has made meanwhile are found, unless all is to be measured anew', async () => {
    const [mine, anew] = [await open(), await open({}, { anew: true })];
    await note('Q4_K');
    expect(mine.notes.decode).toEqual({});
    await mine.refresh();
    expect(Object.keys(mine.notes.decode)).toEqual(['Q4_K 64x64 x']);
    await anew.refresh();
    expect(anew.notes.decode).toEqual({});
  });

  it('are saved beside those that another tab has made meanwhile, name by name, and what is struck out stays so', async () => {
    await note('Q4_K', 'Q5_K');
    const [one, other] = [await open(), await open()];
    one.notes.decode.mine = { splits: 2 };
    one.notes.checks = { mine: '' };
    one.notes.attentions = { mine: { span: 64, threads: 32 } };
    await one.save();
    Object.assign(other.notes.decode, { theirs: { splits: 4 }, 'Q5_K 64x64 x': { splits: 1 } });
    other.notes.checks.theirs = 'fails';
    other.notes.joins = { theirs: { joined: 1 } };
    other.notes.late = { few: 1 };
    await other.save();
    one.notes.prefill.later = { prefill: 'rows' };
    await one.save();
    const [stored] = kept.values();
    expect(stored).toMatchObject({
      decode: { mine: { splits: 2 }, theirs: { splits: 4 }, 'Q4_K 64x64 x': { splits: 4 }, 'Q5_K 64x64 x': { splits: 1 } },
      prefill: { later: { prefill: 'rows' } }, attentions: { mine: { span: 64, threads: 32 } }, joins: { theirs: { joined: 1 } }, late: { few: 1 },
    });
    expect(stored.checks).toEqual({ mine: '', theirs: 'fails' });
    expect(Object.keys(stored.chunks!)).toHaveLength(2);
  });

  it('that are made anew replace those of before, and leave what was not measured anew', async () => {
    await note('Q4_K', 'Q5_K');
    const before = await open();
    before.notes.late = { decode: 1 };
    await before.save();
    const book = await open({}, { anew: true });
    book.notes.decode['Q4_K 64x64 x'] = { splits: 8 };
    await book.save();
    const [stored] = kept.values();
    expect(stored.decode).toMatchObject({ 'Q4_K 64x64 x': { splits: 8 }, 'Q5_K 64x64 x': { splits: 4 } });
    expect(stored.late).toBeUndefined();
  });

  it('are written while no other tab writes', async () => {
    const asked: string[] = [];
    const locks = { request: (name: string, work: () => Promise<unknown>) => (asked.push(name), work()) } as unknown as LockManager;
    await (await open({}, { locks })).save();
    expect([asked, kept.size]).toEqual([['windrow/notes'], 1]);
  });
});

it('a choice that is noted is taken where the device can run it', () => {
  const matrices = { prefill: 'matrix-f16-8x8x8-32', tile: 'f32' } as const;
  expect(notedChoice(gpu, matrices)).toBeUndefined();
  expect(notedChoice({ ...gpu, matrixUnits: [unit] }, matrices)).toBe(matrices);
  expect(notedChoice(gpu, { splits: 32, panels: 1 })).toBeUndefined();
  expect(notedChoice(gpu, undefined)).toBeUndefined();
});

describe('a part of the measurements', () => {
  let time = 0;
  const clock = () => time++;

  /** A load that begins a part, and what becomes of it. */
  async function load(ends: 'well' | 'by work' | 'without a word', leftAt?: number): Promise<boolean> {
    const book = await open({}, { leftAt, clock });
    await book.refresh(true);
    if (book.countLoad()) await book.save();
    if (!(await book.begin('decode'))) return false;
    if (ends === 'by work') await book.failed();
    if (ends !== 'well') return true;
    expect(book.end()).toBe(true);
    await book.save();
    return true;
  }

  it('is left out once two loads ended in it, and tried once more after some loads', async () => {
    expect([await load('by work'), await load('without a word')]).toEqual([true, true]);
    for (let n = 0; n < 10; n++) expect(await load('well'), `load ${n}`).toBe(false);
    expect(await load('by work')).toBe(true);
    expect(await load('well')).toBe(false);
    for (let n = 0; n < 9; n++) await load('well');
    expect([await load('well'), await load('by work'), await load('by work'), await load('well')]).toEqual([true, true, true, false]);
  });

  it('counts no load that ended as its page left, but those that its work ended all the same', async () => {
    for (let n = 0; n < 4; n++) expect(await load('without a word', time)).toBe(true);
    const left = time++;
    expect([await load('by work', left), await load('by work', time++), await load('well', time++)]).toEqual([true, true, false]);
  });

  const begun = () => [...kept.values()][0]?.begun?.decode;
  const minutes = (count: number) => void (time += count * 60_000);

  it('counts a load that ended hard, whenever another page left behind it', async () => {
    await load('without a word', 0);
    minutes(60);
    await open({}, { leftAt: time - 1, clock }); // the first load behind it, which measures nothing
    expect(begun()).toEqual({ times: 1 });
    expect([await load('without a word', time - 1), await load('well', time++)]).toEqual([true, true]);
  });

  it('is judged by the first load behind it: no page that leaves later excuses it', async () => {
    await load('without a word', 0);
    minutes(1);
    await open({}, { leftAt: 0, clock });
    expect(begun()).toEqual({ times: 1 });
    await load('without a word', 0);
    minutes(1);
    await open({}, { leftAt: 0, clock });
    expect(await load('well', time)).toBe(false);
  });

  it('counts one that hangs until its page is closed', async () => {
    for (let n = 0; n < 2; n++) {
      expect(await load('without a word', time)).toBe(true);
      time += 30_000;
    }
    expect(await load('well', time++)).toBe(false);
  });

  it('is left alone while another tab may be at it, unless that one would hold the lock; who only looks judges nothing', async () => {
    await load('without a word', 0);
    const book = await open({}, { leftAt: 0, clock });
    expect(begun()).toHaveProperty('at');
    await book.refresh(true);
    expect(book.notes.begun!.decode).toEqual({ times: 1 });
    minutes(1);
    await open({}, { clock });
    expect(begun()).toHaveProperty('at');
  });

  it('has ended where the next one begins', async () => {
    const book = await open();
    await book.begin('decode');
    await book.begin('prefill');
    expect(Object.keys(book.notes.begun!)).toEqual(['prefill']);
    expect([book.end(), book.end(), book.notes.begun]).toEqual([true, false, undefined]);
  });
});
