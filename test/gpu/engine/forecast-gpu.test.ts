// What the parts of a model cost on Dawn: how many measurements that takes, what it leaves behind, and what is kept of it.
// Whether predictions from them hold is predict-gpu.test.ts's business.
import { describe, expect, it, vi } from 'vitest';
import { forecast, type GpuCostRecords } from '../../../src/engine/measure/predict/forecast.ts';
import { type OpenedModel, openModel, openedWith } from '../../../src/engine/load/opened.ts';
import { type ModelOptions } from '../../../src/engine/load/options.ts';
import { planFor } from '../../../src/engine/load/plan/planned.ts';
import { measureGpu, mostMeasurements, type GpuCosts } from '../../../src/engine/measure/measure-gpu.ts';
import { createProbe } from '../../../src/engine/measure/probe.ts';
import { readHeader } from '../../../src/gguf/read.ts';
import { createKernelCache } from '../../../src/gpu/kernels.ts';
import { createLedger } from '../../../src/gpu/ledger.ts';
import { bytesSource } from '../../../src/weights/source/source.ts';
import { adapterFile } from '../../dawn.ts';
import { kvFormat } from '../../../src/kv/formats/catalogue.ts';
import { shapeWithin } from '../../../src/kv/policies/catalogue.ts';
import { randomAdapter } from '../../models/adapter.ts';
import { fixture } from '../../models/fixture.ts';
import { openDawn, testChoice } from '../../models/model.ts';

const open = async (path: string): Promise<OpenedModel> => openModel(await readHeader(bytesSource(fixture(path), path)));
const choice = { ...testChoice, prefill: 'rows' as const };
const kv = kvFormat('f32');
const options: ModelOptions = { budgetBytes: Infinity, context: 256, chunk: 64, logitsRows: 1, choice, kv };

describe.skipIf(!adapterFile)('the costs of a model on this GPU', () => {
  it('take at most ten measurements with two kinds of layers and two choices of shapes, and leave nothing on the GPU', async () => {
    const gpu = await openDawn();
    const made: GPUBuffer[] = [];
    const create = gpu.device.createBuffer.bind(gpu.device);
    let alive = 0;
    gpu.device.createBuffer = (descriptor) => {
      const buffer = create(descriptor);
      const destroy = buffer.destroy.bind(buffer);
      made.push(buffer);
      alive++;
      buffer.destroy = () => {
        alive--;
        destroy();
      };
      return buffer;
    };
    const { costs } = await measureGpu(gpu, await open('tiny/tiny-llama-k.gguf'), [choice, { ...choice, splits: 1 }], kv);
    expect(costs.measurements).toBeGreaterThan(4);
    expect(costs.measurements).toBeLessThanOrEqual(mostMeasurements);
    for (const { seconds } of Object.values(costs.layers)) expect(seconds).toBeGreaterThan(0);
    for (const name of ['headPerByte', 'perUploadedByte', 'wait'] as const) expect(costs[name], name).toBeGreaterThan(0);
    expect(made.length).toBeGreaterThan(5);
    expect(alive).toBe(0);
    gpu.device.destroy();
  });

  it('are measured of a model with an adapter too, whose products they have', async () => {
    const gpu = await openDawn();
    const tensors = { 'blk.0.attn_q.weight': [64, 64] as [number, number], 'blk.1.ffn_down.weight': [64, 172] as [number, number] };
    const { bytes } = randomAdapter({ architecture: 'llama', rank: 4, alpha: 8, tensors });
    const opened = await open('stories260K/stories260K.gguf');
    const adapted = await openedWith(opened, { adapters: [{ source: { bytes: bytes.buffer, name: 'a.gguf' } }] });
    const [ledger, kernels] = [createLedger(gpu.device, Infinity), createKernelCache(gpu.device)];
    const [plain, more] = await Promise.all([opened, adapted].map((each) => createProbe(gpu, ledger, kernels, each, choice, kv)));
    expect(more.layers[0].program.dispatches.length).toBe(plain.layers[0].program.dispatches.length + 2);
    ledger.destroyAll();
    const predicted = await forecast(gpu, adapted, planFor(gpu, adapted, options), { choice, kv, fixed: true });
    expect(predicted?.decodeTokensPerSecond).toBeGreaterThan(0);
    expect(predicted?.decodeTokensPerSecond).toBeLessThan(Infinity);
    gpu.device.destroy();
  });

  it('are measured once for an adapter, a model and shapes, and again when asked to', async () => {
    const gpu = await openDawn();
    const opened = await open('stories260K/stories260K.gguf');
    const plan = planFor(gpu, opened, options);
    const kept = new Map<string, GpuCosts>();
    let written = 0;
    const records: GpuCostRecords = {
      get: async (key) => kept.get(key),
      async set(key, costs) {
        written++;
        kept.set(key, costs);
      },
    };
    const first = await forecast(gpu, opened, plan, { choice, kv, fixed: true, records });
    expect(first!.decodeTokensPerSecond).toBeGreaterThan(0);
    expect(await forecast(gpu, opened, plan, { choice, kv, fixed: true, records })).toEqual(first);
    expect(written).toBe(1);
    await forecast(gpu, opened, plan, { choice: { ...choice, splits: 1 }, kv, fixed: true, records });
    expect(kept.size).toBe(2);
    await forecast(gpu, opened, plan, { choice, kv, fixed: true, records, anew: true });
    expect([kept.size, written]).toEqual([2, 3]);
    gpu.device.destroy();
  });

  it('are measured in a turn of their own, and what is known waits for nobody', async () => {
    const gpu = await openDawn();
    const opened = await open('stories260K/stories260K.gguf');
    const plan = planFor(gpu, opened, options);
    const steps: string[] = [];
    let kept: GpuCosts | undefined;
    const records: GpuCostRecords = {
      get: async () => kept,
      async set(_key, costs) {
        steps.push('kept');
        kept = costs;
      },
    };
    const alone = async <T>(measuring: () => Promise<T>): Promise<T> => {
      steps.push('waited');
      const measured = await measuring();
      steps.push('measured');
      return measured;
    };
    for (let time = 0; time < 2; time++) expect(await forecast(gpu, opened, plan, { choice, kv, fixed: true, records, alone })).toBeDefined();
    expect(steps).toEqual(['waited', 'measured', 'kept']);
    gpu.device.destroy();
  });

  it('are not asked for where the model is refused or the processor attends too, and a GPU that cannot measure them costs only the prediction', async () => {
    const gpu = await openDawn();
    const opened = await open('stories260K/stories260K.gguf');
    const fails: GpuCostRecords = { get: () => Promise.reject(new Error('no records')), set: async () => {} };
    expect(await forecast(gpu, opened, planFor(gpu, opened, { ...options, budgetBytes: 1000 }), { choice, kv, fixed: true })).toBeUndefined();
    expect(await forecast(gpu, opened, planFor(gpu, opened, options), { choice, kv, fixed: true, records: fails })).toBeUndefined();
    const get = vi.fn(() => Promise.resolve(undefined));
    const shape = shapeWithin(opened.graph, 'scout', {}, { ...options, format: kv, sequences: 1 });
    const answered = planFor(gpu, opened, { ...options, shape, segments: shape.segments });
    expect(await forecast(gpu, opened, answered, { choice, kv, shape, fixed: true, records: { ...fails, get } })).toBeUndefined();
    expect(get).not.toHaveBeenCalled();
    gpu.device.destroy();
  });
});
