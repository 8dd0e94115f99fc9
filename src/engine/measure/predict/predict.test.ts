// Predictions from invented costs. That they agree with what is measured, `windrow bench --predict` shows.
import { kvFormat } from '../../../kv/formats/catalogue.ts';
import { describe, expect, it } from 'vitest';
import { llama8B } from '../../../../test/models/large-headers.ts';
import { fixture } from '../../../../test/models/fixture.ts';
import { readHeader } from '../../../gguf/read.ts';
import { bytesSource } from '../../../weights/source/source.ts';
import { type OpenedModel, openModel } from '../../load/opened.ts';
import { type GpuCosts } from '../measure-gpu.ts';
import { type Plan, plan } from '../../load/plan/plan.ts';
import { smallestBudget } from '../../load/plan/refusal.ts';
import { layersAhead } from '../../load/plan/running-ahead.ts';
import { type OnDemandPlan } from '../../../protocol.ts';
import { predict } from './predict.ts';
import { sharedBytes } from './prompt-items.ts';
import { columnForm } from '../../../formats/columns.ts';
import { kindOf } from '../probe.ts';
import { sweepBudgets } from '../sweep.ts';
import { isAttend } from '../../../model/ops/attend.ts';
import { type ExpertGates } from '../../../model/ops/rare/expert-gates.ts';
import { isTied } from '../../../model/sections.ts';

const planOptions = { context: 512, chunk: 64, logitsRows: 1, kv: kvFormat('f16') };
const open = async (path: string): Promise<OpenedModel> => openModel(await readHeader(bytesSource(fixture(path), path)));
const models = ['stories260K/stories260K.gguf', 'tiny/tiny-llama-k.gguf', 'tiny/tiny-gemma3.gguf'];
const storedBytes = { secondsPerRead: 1e-4, secondsPerByte: 1e-9 };

/** Every layer takes 3 ms, the output matrix 2 ms. */
function costsOf({ layout: { sections }, graph }: OpenedModel, more: Partial<GpuCosts> = {}): GpuCosts {
  const layers = Object.fromEntries(sections.slice(1, -1).map((section) => [kindOf(section), { seconds: 0.003, byteLength: section.byteLength }]));
  const head = isTied(graph) ? sections[0].byteLength : sections.at(-1)!.byteLength;
  return {
    layers,
    perPosition: 0,
    headPerByte: 0.002 / head,
    sampler: 0.001,
    wait: 0,
    perUploadedByte: 0,
    perStreamedByte: 0,
    prefillPerByte: 1e-9,
    measurements: 9,
    ...more,
  };
}

const seconds = (opened: OpenedModel, planned: Plan, gpu: GpuCosts, { position = 31, ramBytes = 2 ** 30, store = storedBytes } = {}): number =>
  1 / predict(opened, planned, { gpu, store }, { position, ramBytes }).decodeTokensPerSecond;

const budgetsOf = (opened: OpenedModel): number[] => {
  const [least, most] = [smallestBudget(opened, planOptions), plan(opened, { ...planOptions, budgetBytes: 2 ** 40 }).totalBytes];
  return Array.from({ length: 13 }, (_, i) => Math.ceil(least + ((most - least) * i) / 12));
};

describe.each(models)('%s', (path) => {
  it('takes the time of its parts if it fits', async () => {
    const opened = await open(path);
    const whole = plan(opened, { ...planOptions, budgetBytes: 2 ** 40 });
    const { layers } = opened.graph.config;
    expect(seconds(opened, whole, costsOf(opened))).toBeCloseTo(0.003 * layers + 0.002 + 0.001, 4);
    expect(predict(opened, whole, { gpu: costsOf(opened), store: storedBytes }, { position: 31, ramBytes: 0 })).toMatchObject({
      bound: 'compute',
      transferSeconds: 0,
    });
  });

  it('is never faster than with all weights on the GPU, and slower the more is moved where moving is slow', async () => {
    const opened = await open(path);
    const plans = budgetsOf(opened).map((budgetBytes) => plan(opened, { ...planOptions, budgetBytes }));
    expect(plans.at(-1)!.verdict).toBe('fits');
    for (const perUploadedByte of [1e-12, 1e-8, 1e-6]) {
      for (const ramBytes of [0, 2 ** 30]) {
        const gpu = costsOf(opened, { perUploadedByte, perStreamedByte: 1e-9 });
        const times = plans.map((each) => seconds(opened, each, gpu, { ramBytes }));
        expect(times.every((time) => Number.isFinite(time) && time > 0)).toBe(true);
        times.forEach((time) => expect(time).toBeGreaterThan(times.at(-1)! * 0.99)); // vectors of cut layers stay and cost nothing
        if (perUploadedByte === 1e-6)
          plans
            .slice(1)
            .forEach(
              ({ streamedBytes }, i) => streamedBytes < plans[i].streamedBytes && expect(times[i + 1], `${i + 1} of 12 parts`).toBeLessThan(times[i] * 1.01),
            );
      }
    }
  });

  it('takes between the longer one and the sum of transfer and compute, near the longer one', async () => {
    const opened = await open(path);
    const streams = plan(opened, { ...planOptions, budgetBytes: budgetsOf(opened)[3] });
    const { computeSeconds } = predict(opened, streams, { gpu: costsOf(opened), store: storedBytes }, { position: 31, ramBytes: 2 ** 30 });
    for (const share of [0.1, 1, 10]) {
      const gpu = costsOf(opened, { perUploadedByte: (share * computeSeconds) / streams.streamedBytes });
      const { transferSeconds, bound, decodeTokensPerSecond } = predict(opened, streams, { gpu, store: storedBytes }, { position: 31, ramBytes: 2 ** 30 });
      expect(transferSeconds).toBeCloseTo(share * computeSeconds, 6);
      if (share !== 1) expect(bound).toBe(share > 1 ? 'transfer' : 'compute'); // else rounding decides
      expect(1 / decodeTokensPerSecond).toBeGreaterThan(0.999 * Math.max(transferSeconds, computeSeconds));
      expect(1 / decodeTokensPerSecond).toBeLessThan(Math.max(transferSeconds, computeSeconds) + 0.6 * Math.min(transferSeconds, computeSeconds));
    }
  });
});

it('waits for every other upload and submit where the CPU learns late that they are done', async () => {
  const opened = await open(models[0]);
  const streams = plan(opened, { ...planOptions, budgetBytes: budgetsOf(opened)[2] });
  const wait = 1;
  const gpu = costsOf(opened, { wait });
  const streamed = streams.slices.filter(({ slot }) => slot !== undefined);
  const uploads = streamed.reduce((sum, { start, end }) => sum + Math.ceil((end - start) / streams.uploadBytes), 0);
  expect(predict(opened, streams, { gpu, store: storedBytes }, { position: 31, ramBytes: 2 ** 30 }).transferSeconds).toBeCloseTo((uploads * wait) / 2, 6);
  expect(seconds(opened, streams, gpu)).toBeGreaterThan((Math.max(uploads, streamed.length) * wait) / 2);
  expect(seconds(opened, streams, gpu)).toBeLessThan((uploads + streamed.length) * wait + 2);
});

it('counts reads of what worker memory does not hold, each with its own cost', async () => {
  const opened = await open(models[0]);
  const streams = plan(opened, { ...planOptions, budgetBytes: budgetsOf(opened)[2] });
  const transfer = (ramBytes: number) =>
    predict(opened, streams, { gpu: costsOf(opened), store: { secondsPerRead: 1, secondsPerByte: 0 } }, { position: 0, ramBytes }).transferSeconds;
  const reads = streams.slices.filter(({ slot }) => slot !== undefined).length;
  expect(transfer(0)).toBeGreaterThanOrEqual(reads);
  expect(transfer(streams.streamedBytes / 2)).toBeCloseTo(transfer(0) / 2, 6);
  expect(transfer(streams.streamedBytes)).toBe(0);
});

it('takes longer the further back a layer looks, and no longer than its window', async () => {
  const opened = await open('tiny/tiny-gemma3.gguf');
  const whole = plan(opened, { ...planOptions, budgetBytes: 2 ** 40 });
  const gpu = costsOf(opened, { perPosition: 1e-5 });
  const windows = opened.graph.layers.map((ops) => ops.find(isAttend)!.window ?? Infinity);
  expect(windows.some(Number.isFinite)).toBe(true);
  const further = windows.reduce((sum, window) => sum + Math.min(window, 401) - Math.min(window, 32), 0);
  expect(seconds(opened, whole, gpu, { position: 400 }) - seconds(opened, whole, gpu, { position: 31 })).toBeCloseTo(further * 1e-5, 6);
});

it('reads the weights of an 8B, whose layers pass in several slices, once for a stretch of a prompt, behind its compute if that is longer', async () => {
  const opened = await openModel(llama8B());
  const options = { ...planOptions, context: 4096, chunk: 128, budgetBytes: 2 ** 31 };
  const [together, alone] = [plan(opened, options), plan(opened, { ...options, stretch: 0 })];
  const steps = together.stretch / together.chunk;
  expect([steps, alone.stretch]).toEqual([14, alone.chunk]);
  const secondsOf = (planned: Plan, more: Partial<GpuCosts>) =>
    planned.stretch / predict(opened, planned, { gpu: costsOf(opened, more), store: storedBytes }, { position: 0, ramBytes: 2 ** 40 }).prefillTokensPerSecond!;
  const layerBytes = opened.layout.sections.slice(1, -1).reduce((sum, { byteLength }) => sum + byteLength, 0);
  // Compute of a step is a tenth of the transfer: alone each step waits for it, together it is hidden behind that of the others.
  const perStep = layerBytes * 2e-12;
  const more = { perUploadedByte: (10 * perStep) / together.streamedBytes, prefillPerByte: 1e-12 };
  expect(secondsOf(alone, more) / ((10 * perStep * alone.streamedBytes) / together.streamedBytes)).toBeCloseTo(1, 1);
  expect(secondsOf(together, more) / (steps * perStep)).toBeGreaterThan(1);
  expect(secondsOf(together, more) / (steps * perStep)).toBeLessThan(1.25);
});

it('reads a long prompt as fast as the longer one of compute and transfer allows', async () => {
  const opened = await open(models[1]);
  const streams = plan(opened, { ...planOptions, budgetBytes: budgetsOf(opened)[4] });
  const layerBytes = opened.layout.sections.slice(1, -1).reduce((sum, { byteLength }) => sum + byteLength, 0);
  const speed = (perUploadedByte: number) =>
    predict(opened, streams, { gpu: costsOf(opened, { perUploadedByte }), store: storedBytes }, { position: 0, ramBytes: 2 ** 30 }).prefillTokensPerSecond!;
  expect(speed(0)).toBeCloseTo(64 / (1e-9 * layerBytes), 3);
  expect(speed(1)).toBeCloseTo(streams.chunk / streams.streamedBytes, 6);
});

it('multiplies each row of a prompt with the gates of its own experts alone, where neurons are read', async () => {
  const path = 'sparse/stories-smallthinker.q8_0.gguf';
  const opened = await openModel(await readHeader(bytesSource(fixture(path), path)), { neurons: true });
  const { op, stacks } = opened.sections[1].ops.find((each) => each.op.op === 'expert-gates')!;
  const { experts, used } = op as ExpertGates;
  expect(used).toBeLessThan(experts);
  const { offset, panels: { panels, panelBytes } } = opened.layout.sections[1].stacks[stacks[0].stack][0];
  const pool = opened.layout.sections[1].pool!;
  expect(sharedBytes(opened, 1, 64)).toMatchObject([
    { start: offset, end: offset + panels * panelBytes, perRow: used / experts },
    { start: pool.offset, end: opened.layout.sections[1].byteLength, perRow: opened.sections[1].pool!.used / pool.items.length },
  ]);
  const whole = plan(opened, { ...planOptions, budgetBytes: 2 ** 40 });
  const gpu = costsOf(opened, { headPerByte: 0 });
  const { prefillTokensPerSecond } = predict(opened, whole, { gpu, store: storedBytes }, { position: 0, ramBytes: 2 ** 30 });
  const bytes = opened.layout.sections.slice(1, -1).map(({ byteLength }, i) =>
    sharedBytes(opened, i + 1, 64).reduce((sum, { start, end, perRow }) => sum - (end - start) * (1 - perRow), byteLength));
  expect(64 / prefillTokensPerSecond! / (1e-9 * bytes.reduce((a, b) => a + b))).toBeCloseTo(1, 6);
});

describe('a prompt of a mixture', () => {
  const path = 'tiny/tiny-qwen3moe.gguf'; // 2 of 8 experts
  const rows = 64;
  /** Of 8 experts those that 64 rows with 2 each use: all but 0.75 ** 64 of them. */
  const distinct = 8 * (1 - 0.75 ** 64);
  const pools = ({ layout }: OpenedModel) => layout.sections.flatMap(({ pool }) => pool ?? []);
  const sumOf = (values: number[]) => values.reduce((a, b) => a + b, 0);

  it('is multiplied with the experts that each row has, not with all of a layer', async () => {
    const opened = await open(path);
    const whole = plan(opened, { ...planOptions, budgetBytes: 2 ** 40 });
    const expertBytes = sumOf(pools(opened).map(({ items, itemBytes }) => items.length * itemBytes));
    const layerBytes = sumOf(opened.layout.sections.slice(1, -1).map(({ byteLength }) => byteLength));
    const gpu = costsOf(opened, { headPerByte: 0 });
    const { prefillTokensPerSecond } = predict(opened, whole, { gpu, store: storedBytes }, { position: 0, ramBytes: 2 ** 30 });
    expect(rows / prefillTokensPerSecond! / (1e-9 * (layerBytes - (6 / 8) * expertBytes))).toBeCloseTo(1, 3);
    // Where a row costs next to nothing, each expert that some row has is still read once.
    const free = costsOf(opened, { headPerByte: 1, prefillPerByte: 1e-15 });
    const reading = predict(opened, whole, { gpu: free, store: storedBytes }, { position: 0, ramBytes: 0 });
    expect(rows / reading.prefillTokensPerSecond! / ((distinct / 8) * expertBytes)).toBeCloseTo(1, 3);
  });

  it('brings nearly all of the experts that are not there for each step, whatever a single token misses', async () => {
    const opened = await open(path);
    const budgetBytes = Math.ceil(0.5 * (smallestBudget(opened, planOptions) + plan(opened, { ...planOptions, budgetBytes: 2 ** 40 }).totalBytes));
    const streams = plan(opened, { ...planOptions, budgetBytes });
    expect([streams.chunk, streams.stretch, streams.streamedBytes]).toEqual([rows, rows, 0]);
    const slots = sumOf(streams.groups!.map((group) => group.slots));
    const all = sumOf(pools(opened).map(({ items }) => items.length));
    expect(slots).toBeLessThan(all);
    expect(streams.groups).toHaveLength(1);
    const [{ slotBytes, sections }] = streams.groups!;
    const missing = sections.length * distinct * (1 - slots / all) * slotBytes;
    const gpu = costsOf(opened, { perUploadedByte: 1, prefillPerByte: 1e-15 });
    const seconds = (onDemand?: { fetchedBytes: number }) =>
      rows / predict(opened, streams, { gpu, store: storedBytes }, { position: 0, ramBytes: 2 ** 40, onDemand: onDemand as never }).prefillTokensPerSecond!;
    expect(seconds() / missing).toBeCloseTo(1, 3);
    expect(seconds({ fetchedBytes: 5 })).toBe(seconds());
  });
});

describe('a token of a mixture whose experts are fetched', () => {
  const waiting = 'of %s waits for each layer where most miss, once for all where none does, and once in the end; what ran in vain is computed again';
  it.each(['tiny/tiny-qwen3moe.gguf', 'tiny/tiny-qwen35moe.gguf'])(waiting, async (path) => {
    const opened = await open(path);
    const { budgetBytes } = sweepBudgets(opened, planOptions).find(({ name }) => name === '50 %')!;
    const streams = plan(opened, { ...planOptions, budgetBytes });
    const layers = streams.groups!.flatMap(({ sections }) => sections).length;
    const wait = 1000;
    const tokenSeconds = (complete: number, planned: Plan) => {
      const onDemand = { fetchedBytes: 0, complete } as OnDemandPlan;
      return 1 / predict(opened, planned, { gpu: costsOf(opened, { wait }), store: storedBytes }, { position: 0, ramBytes: 0, onDemand }).decodeTokensPerSecond;
    };
    const waits = (complete: number, planned: Plan = streams) => Math.floor(tokenSeconds(complete, planned) / wait);
    expect(layers).toBeGreaterThan(1);
    expect([waits(0), waits(1)]).toEqual([layers + 1, 2]);
    expect(waits(1, { ...streams, slots: 1 })).toBe(layers + 1); // with other weights streamed no step runs ahead
    const more = tokenSeconds(0.8, streams) - tokenSeconds(1, streams);
    const ahead = layersAhead(0.8, layers);
    const done = Array.from({ length: ahead }, (_, i) => 0.8 ** i).reduce((a, b) => a + b, 0);
    expect(more).toBeCloseTo(wait * (layers / done - 1) + 0.003 * ((layers / done) * ahead - layers), 6);
  });
});

it('takes layers for alike whose neurons have the same types and sizes', async () => {
  const path = 'sparse/stories-smallthinker.q8_0.gguf';
  const { layout: { sections: [, layer] } } = await openModel(await readHeader(bytesSource(fixture(path), path)), { neurons: true });
  const pool = layer.pool!;
  const others = [{ ...pool.columns!, rows: 8 }, { ...pool.columns!, form: columnForm('F16')! }, { ...pool.columns!, up: { ...pool.columns!.up!, cols: 8 } }];
  const pools = [pool, ...others.map((columns) => ({ ...pool, columns })), { ...pool, items: pool.items.slice(32) }];
  expect(new Set(pools.map((each) => kindOf({ ...layer, pool: each }))).size).toBe(5);
});

it('counts the tables of neurons, which are written as a whole for each layer of a token', async () => {
  const path = 'sparse/stories-smallthinker.q8_0.gguf';
  const header = await readHeader(bytesSource(fixture(path), path));
  const secondsOf = async (neurons: boolean) => {
    const opened = await openModel(header, { neurons });
    const most = plan(opened, { ...planOptions, budgetBytes: 2 ** 40 }).totalBytes;
    const planned = plan(opened, { ...planOptions, budgetBytes: 0.8 * most });
    const gpu = costsOf(opened, { perUploadedByte: 1e-6 });
    const onDemand = { fetchedBytes: 0, complete: 1 } as OnDemandPlan;
    expect([planned.streamedBytes, planned.groups!.length]).toEqual([0, 1]);
    return { opened, ...predict(opened, planned, { gpu, store: storedBytes }, { position: 0, ramBytes: 0, onDemand }) };
  };
  const { opened, transferSeconds } = await secondsOf(true);
  const items = opened.layout.sections.reduce((sum, { pool }) => sum + (pool?.items.length ?? 0), 0);
  expect(transferSeconds).toBeCloseTo(4e-6 * items, 9);
  expect((await secondsOf(false)).transferSeconds).toBe(0);
});
