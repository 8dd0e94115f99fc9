import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import * as autotune from '../../../gpu/autotune.ts';
import { loadFormats } from '../../../formats/catalogue.ts';
import { createLedger } from '../../../gpu/ledger.ts';
import { type Dispatch } from '../../../gpu/program.ts';
import { kvFormat } from '../../../kv/formats/catalogue.ts';
import { type MatrixChoice } from '../../../model/choices/kernel-choice.ts';
import { defaultChoice } from './choice-text.ts';
import { type TuneOptions, type TuneTarget, tune, tuneMs } from './tune.ts';
import { type AdapterNotes, type Tuning, openNotebook } from './tuning.ts';

let waitMs = 0;
const gpu = {
  adapterName: 'slow',
  features: { subgroups: false, f16: true, packedDot: false },
  smallestSubgroup: 0,
  matrixUnits: [],
  device: {
    features: new Set(),
    limits: { maxComputeInvocationsPerWorkgroup: 256, maxComputeWorkgroupSizeX: 256, maxComputeWorkgroupStorageSize: 16384 },
    queue: {
      writeBuffer: () => {},
      submit: () => {},
      onSubmittedWorkDone: () => (waitMs ? new Promise((done) => void setTimeout(done, waitMs)) : Promise.resolve()),
    },
  },
} as unknown as TuneTarget['gpu'];

const dispatches = ['large', 'small'].map((kind, i): Dispatch => ({
  label: kind,
  kind,
  kernel: { kernel: kind },
  bindings: { weights: { buffer: {} as GPUBuffer, size: 2 - i } },
  grid: () => [1],
}));

/** A device whose kernels are never compiled. */
const target = {
  gpu,
  kernels: { hash: '', get: () => new Promise(() => {}) },
  ledger: createLedger(gpu.device, 0),
  activations: { state: { buffer: {} } },
  sequence: { state: { buffer: {} } },
  chunk: 64,
  streams: false,
  products: '',
  config: { heads: 4, kvHeads: 2, headDim: 8, layers: 1 },
  kv: kvFormat('f32'),
  context: 64,
  record: () => dispatches,
} as unknown as TuneTarget;

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

it('takes what alone could be timed, until another load compares it; few rows then need no kernel of their own', async () => {
  const rank = vi.spyOn(autotune, 'rank').mockImplementation(async (_timing, _step, candidates) => {
    const only = candidates.find(({ value }) => (value as MatrixChoice).prefill === 'rows');
    return only ? [{ value: only.value, ms: 1 }] : [];
  });
  const inSoftware = { ...target, gpu: { ...gpu, software: true } };
  const untuned = defaultChoice(inSoftware.gpu);
  const book = await openNotebook(undefined, inSoftware.gpu, '', untuned);
  const choice = await tune(inSoftware, untuned, book);
  expect(choice).toMatchObject({ prefill: 'rows', few: 0, matrices: { small: { prefill: 'rows', few: 0 } } });
  expect(book.notes.late?.prefill).toBe(1);
  rank.mockResolvedValue([]);
  expect(await tune(inSoftware, untuned, book)).toMatchObject({ prefill: 'rows', matrices: { small: { prefill: 'rows' } } });
  rank.mockImplementation(async (_timing, _step, candidates) => candidates.slice(-2).reverse().map(({ value }, i) => ({ value, ms: i + 1 })));
  expect(await tune(inSoftware, untuned, book)).toMatchObject({ prefill: untuned.prefill });
  rank.mockClear();
  await tune(inSoftware, untuned, book);
  expect(rank).not.toHaveBeenCalled();
  rank.mockRestore();
});

it('tries at some loads where no time is left for the largest kind of matrix, then keeps the usual choice', async () => {
  const untuned = defaultChoice(gpu);
  const book = await openNotebook(undefined, gpu, '', untuned);
  const noted = () => [book.notes.decode, book.notes.prefill, book.notes.few].map(Object.keys);
  const load = async () => {
    const tuning = tune(target, untuned, book);
    await vi.advanceTimersByTimeAsync(tuneMs);
    expect(await tuning).toMatchObject({ ...untuned, chunk: 64 }); // of which nothing was timed
  };
  const kernels = vi.spyOn(target.kernels, 'get');
  for (let n = 0; n < 3; n++) {
    kernels.mockClear();
    await load();
    expect(kernels).toHaveBeenCalled();
  }
  kernels.mockClear();
  expect(noted()).toEqual([['large', 'small'], ['large', 'small'], ['large', 'small']]);
  await load();
  expect(kernels).not.toHaveBeenCalled();
});

it('in software takes what compiles soonest where no time is left for anything, until another load measures', async () => {
  const untuned = defaultChoice(gpu);
  const book = await openNotebook(undefined, gpu, '', untuned);
  const load = async () => {
    const tuning = tune({ ...target, gpu: { ...gpu, software: true } }, untuned, book);
    await vi.advanceTimersByTimeAsync(tuneMs);
    return tuning;
  };
  expect(await load()).toMatchObject({ splits: 1, panels: 4, dot: 'f32', prefill: 'rows', few: 0, threads: 32 });
  const rank = vi
    .spyOn(autotune, 'rank')
    .mockImplementation(async (_timing, _step, candidates) => candidates.slice(-2).map(({ value }, i) => ({ value, ms: i + 1 })));
  expect(await load()).toMatchObject({ splits: 8, panels: 1, dot: 'f32' });
  rank.mockRestore();
});

it('offers processors to share activations in decode, first where a subgroup is as wide as their vectors; GPUs never', async () => {
  const offered = async (of: Partial<TuneTarget['gpu']>) => {
    let dots: (string | undefined)[] = [];
    const rank = vi.spyOn(autotune, 'rank').mockImplementation(async (_timing, _step, candidates) => {
      if (candidates.some(({ value }) => (value as MatrixChoice).dot)) dots = candidates.map(({ value }) => (value as MatrixChoice).dot);
      return [];
    });
    const like = { ...target, gpu: { ...gpu, ...of, features: { ...gpu.features, subgroups: true } } };
    await tune(like, defaultChoice(like.gpu), await openNotebook(undefined, like.gpu, '', defaultChoice(like.gpu)));
    rank.mockRestore();
    return [dots.indexOf('shared8'), dots.indexOf('shared4')];
  };
  expect(await offered({ software: true, smallestSubgroup: 8 })).toEqual([0, -1]);
  expect(await offered({ software: true, smallestSubgroup: 4 })).toEqual([-1, 1]);
  expect(await offered({ software: false, smallestSubgroup: 8 })).toEqual([-1, -1]);
});

it('offers tiles of integers to GPUs with packed products, of types with codes, where rounding is allowed; those of one byte never', async () => {
  const offered = async (of: Partial<TuneTarget['gpu']>, exact: boolean) => {
    const tiles = new Map<string, (string | undefined)[]>();
    const rank = vi.spyOn(autotune, 'rank').mockImplementation(async (_timing, _step, candidates) => {
      const { dispatches: [{ label }] } = candidates[0];
      if (candidates.some(({ value }) => (value as MatrixChoice).prefill)) tiles.set(label, candidates.map(({ value }) => (value as MatrixChoice).tile));
      return [];
    });
    const like = { ...target, gpu: { ...gpu, ...of, features: { ...gpu.features, packedDot: true } }, record: () => ofTypes };
    await tune(like, defaultChoice(like.gpu), await openNotebook(undefined, like.gpu, '', defaultChoice(like.gpu)), { exact });
    rank.mockRestore();
    return [tiles.get('Q4_K 64x64 x')!.includes('i16'), tiles.get('F16 64x64 x')!.includes('i16'), [...tiles.values()].flat().includes('i8')];
  };
  const ofTypes = ['Q4_K 64x64 x', 'F16 64x64 x'].map((kind) => ({ ...dispatches[0], label: kind, kind }));
  expect(await offered({}, false)).toEqual([true, false, false]);
  expect(await offered({}, true)).toEqual([false, false, false]);
  expect(await offered({ software: true }, false)).toEqual([false, false, false]);
});

it('offers a table of values in decode to GPUs, of types that have one', async () => {
  await loadFormats(['IQ4_XS']);
  const offered = async (software: boolean) => {
    const ways = new Map<string, (string | undefined)[]>();
    const rank = vi.spyOn(autotune, 'rank').mockImplementation(async (_timing, _step, candidates) => {
      if (candidates.some(({ value }) => (value as MatrixChoice).splits))
        ways.set(candidates[0].dispatches[0].label, candidates.map(({ value }) => (value as MatrixChoice).dot));
      return [];
    });
    const like = { ...target, gpu: { ...gpu, software }, record: () => kinds };
    await tune(like, defaultChoice(like.gpu), await openNotebook(undefined, like.gpu, '', defaultChoice(like.gpu)));
    rank.mockRestore();
    return kinds.map(({ kind }) => ways.get(kind)!.includes('table'));
  };
  const kinds = ['IQ4_XS 64x64 x', 'Q4_K 64x64 x'].map((kind) => ({ ...dispatches[0], label: kind, kind }));
  expect(await offered(false)).toEqual([true, false]);
  expect(await offered(true)).toEqual([false, false]);
});

it('changes nothing where the device tells too late that work is done, and is not held up by it again', async () => {
  waitMs = 100;
  const rank = vi.spyOn(autotune, 'rank').mockResolvedValue([{ value: { splits: 1, panels: 4, rows: 64 }, ms: 0 }]);
  const untuned = defaultChoice(gpu);
  const book = await openNotebook(undefined, gpu, '', untuned);
  const tuning = tune(target, untuned, book);
  await vi.advanceTimersByTimeAsync(tuneMs);
  expect(await tuning).toMatchObject(untuned);
  expect(book.notes.late).toBeUndefined();
  const submit = vi.spyOn(gpu.device.queue, 'submit');
  expect(await tune(target, untuned, book)).toMatchObject(untuned);
  expect(submit).not.toHaveBeenCalled();
  waitMs = 0;
  rank.mockRestore();
});

it('leaves out what ended two loads, as when a driver resets the GPU, and keeps what was measured before', async () => {
  const untuned = defaultChoice(gpu);
  let kept: AdapterNotes | undefined;
  const store: Tuning = { get: async () => structuredClone(kept), set: async (_, notes) => void (kept = structuredClone(notes)) };
  const ranked: string[] = [];
  const rank = vi.spyOn(autotune, 'rank').mockImplementation(async (_timing, _step, candidates) => {
    const { value } = candidates[0];
    const [part] = Object.keys(value as MatrixChoice);
    ranked.push(part);
    if (part === 'prefill') throw new Error('The GPU was reset.');
    return [{ value, ms: 1 }, { value, ms: 2 }];
  });
  const load = async () => {
    ranked.splice(0);
    return tune(target, untuned, await openNotebook(store, gpu, '', untuned));
  };
  await expect(load()).rejects.toThrow('reset');
  expect(ranked).toEqual(['splits', 'splits', 'prefill']);
  await expect(load()).rejects.toThrow('reset');
  expect(ranked).toEqual(['prefill']);
  expect(await load()).toMatchObject({ prefill: untuned.prefill });
  expect(ranked.slice(0, 2)).toEqual(['few', 'few']);
  expect(Object.keys(kept!.decode)).toEqual(['large', 'small']);
  expect(kept!.begun).toEqual({ prefill: { times: 2, loads: 1 } });
  expect(kept!.prefill, 'nothing is noted of what is left out for now').toEqual({});
  await load();
  expect(ranked).toEqual([]);
  for (let n = 0; n < 8; n++) await load();
  await expect(load(), 'after some loads it is tried again').rejects.toThrow('reset');
  expect(ranked).toEqual(['prefill']);
  ranked.splice(0);
  await load();
  expect(ranked, 'once').toEqual([]);
  rank.mockRestore();
});

it('measures again what the device cannot run any more, though it is noted', async () => {
  const untuned = defaultChoice(gpu);
  const book = await openNotebook(undefined, gpu, '', untuned);
  const rank = vi.spyOn(autotune, 'rank').mockImplementation(async (_timing, _step, candidates) =>
    candidates.slice(0, 2).map(({ value }, i) => ({ value, ms: 1 + i })));
  await tune(target, untuned, book);
  book.notes.prefill.large = { prefill: 'matrix-f16-8x8x8-8', tile: 'f32' };
  rank.mockClear();
  expect(await tune(target, untuned, book)).toMatchObject({ prefill: 'tile' });
  expect(rank).toHaveBeenCalledOnce();
  expect(book.notes.prefill.large).toEqual({ prefill: 'tile', tile: 'f32' });
  rank.mockRestore();
});

it('leaves out parts of panels where there would be more workgroups than a dispatch has', async () => {
  const offered = new Map<string, MatrixChoice[]>();
  const rank = vi.spyOn(autotune, 'rank').mockImplementation(async (_timing, _step, candidates) => {
    const values = candidates.map(({ value }) => value as MatrixChoice);
    if (values.some(({ splits }) => splits)) offered.set(candidates[0].dispatches[0].label, values);
    return [];
  });
  const kinds = [524280, 524281, 1048561].map((rows) => `Q4_K ${rows}x64 norm logits`);
  const like = {
    ...target, record: () => kinds.map((kind) => ({ ...dispatches[0], label: kind, kind })),
    gpu: { ...gpu, device: { ...gpu.device, limits: { ...gpu.device.limits, maxComputeInvocationsPerWorkgroup: 1024 } } as unknown as GPUDevice },
  };
  await tune(like, defaultChoice(like.gpu), await openNotebook(undefined, like.gpu, '', defaultChoice(like.gpu)));
  rank.mockRestore();
  expect(kinds.map((kind) => Math.min(...offered.get(kind)!.map(({ panels }) => panels!)))).toEqual([0.25, 0.5, 1]);
});

it('waits for other tabs only where there is something to measure, and then takes what they have measured', async () => {
  const untuned = defaultChoice(gpu);
  let kept: AdapterNotes | undefined;
  const store: Tuning = { get: async () => structuredClone(kept), set: async (_, notes) => void (kept = structuredClone(notes)) };
  const asked: string[] = [];
  let meanwhile = async (): Promise<unknown> => undefined;
  const locks = { request: async (name: string, _: unknown, work: () => Promise<unknown>) => {
    asked.push(name);
    await meanwhile();
    return work();
  } } as unknown as LockManager;
  const rank = vi.spyOn(autotune, 'rank').mockImplementation(async (_timing, _step, candidates) =>
    candidates.slice(0, 2).map(({ value }, i) => ({ value, ms: 1 + i })));
  const load = async (options: TuneOptions = { locks }) => tune(target, untuned, await openNotebook(store, gpu, '', untuned), options);
  meanwhile = () => load({});
  const first = await load();
  expect(asked).toEqual(['windrow/measure']);
  const measured = rank.mock.calls.length;
  await load();
  expect(asked, 'all is noted').toHaveLength(1);
  expect(rank).toHaveBeenCalledTimes(measured);
  kept = undefined;
  rank.mockClear();
  expect(await load({})).toEqual(first);
  expect(rank, 'what the other tab measured was not measured twice').toHaveBeenCalledTimes(measured);
  kept!.decode = {};
  kept!.begun = { decode: { times: 2 } };
  meanwhile = async () => undefined;
  expect(await load()).toMatchObject({ splits: untuned.splits });
  expect(asked, 'what is left out is not waited for').toHaveLength(1);
  expect(kept!.begun).toEqual({ decode: { times: 2, loads: 1 } });
  rank.mockRestore();
});
