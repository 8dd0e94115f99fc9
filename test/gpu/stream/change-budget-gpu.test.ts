// The budget of a loaded model changed, on Dawn: planned and placed anew, with nothing opened, found or compiled again that
// was, and the same text before and after.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Engine, type EngineOptions } from '../../../src/engine/engine.ts';
import { sweepBudgets } from '../../../src/engine/measure/sweep.ts';
import { BudgetError } from '../../../src/errors.ts';
import { type ByteSource } from '../../../src/gguf/source.ts';
import { bytesSource } from '../../../src/weights/source/source.ts';
import { adapterFile, dawn } from '../../dawn.ts';
import { answer, golden, openEngine, quick } from '../../engine.ts';
import { fixture } from '../../models/fixture.ts';
import { memoryStore } from '../../doubles/memory-store.ts';

const path = 'stories260K/stories260K.gguf';
const options: EngineOptions = { ...quick, context: 256 };
const request = { prompt: { tokens: golden.prompt_ids }, maxTokens: 24 };
const ids = golden.ids.slice(0, 24);

/** The model's file, which counts what is asked of it. */
function countedSource(): ByteSource & { reads: number } {
  const source = bytesSource(fixture(path), path);
  const counted: ByteSource & { reads: number } = {
    ...source,
    reads: 0,
    read(...range) {
      counted.reads++;
      return source.read(...range);
    },
    stream(...range) {
      counted.reads++;
      return source.stream(...range);
    },
  };
  return counted;
}

/** The budgets at which a quarter of the weights stays, and half of it. */
function smallerBudgets(engine: Engine): { half: number; quarter: number } {
  const { model } = engine.loaded();
  const budgets = sweepBudgets(model, { ...model.sizes, kv: model.kv });
  const of = (name: string) => budgets.find((budget) => budget.name === name)!.budgetBytes;
  return { half: of('50 %'), quarter: of('25 %') };
}

describe.skipIf(!adapterFile)('the budget of a loaded model', () => {
  afterEach(() => void vi.restoreAllMocks());

  it('is changed down and up on the same device: no source or store is read, no kernel compiled twice, the text the same', async () => {
    const store = memoryStore();
    const manifests = vi.spyOn(store, 'manifests');
    const engine = openEngine({ store });
    const source = countedSource();
    await engine.load(source, options);
    const { opened, text, model: before } = engine.loaded();
    expect((await answer(engine, request)).ids).toEqual(ids);
    const { half, quarter } = smallerBudgets(engine);
    const whole = before.ledger.budgetBytes;
    await engine.changeBudget(quarter); // what only a model in parts needs is compiled
    const read = { source: source.reads, manifests: manifests.mock.calls.length };
    expect(read.source).toBeGreaterThan(0);
    const pipelines = vi.spyOn(GPUDevice.prototype, 'createComputePipelineAsync');
    for (const [budgetBytes, streams] of [
      [half, true],
      [whole, false],
      [quarter, true],
      [undefined, false],
    ] as const) {
      await engine.changeBudget(budgetBytes);
      const { model } = engine.loaded();
      expect(model.plan.verdict).toBe(streams ? 'streams' : 'fits');
      expect((await answer(engine, request)).ids, `${budgetBytes} bytes`).toEqual(ids);
      expect(model.ledger.budgetBytes).toBe(budgetBytes ?? whole);
      expect(model.ledger.peakBytes).toBeLessThanOrEqual(model.ledger.budgetBytes);
      expect(model.gpu).toBe(before.gpu);
    }
    expect(engine.loaded()).toMatchObject({ opened, text });
    expect({ source: source.reads, manifests: manifests.mock.calls.length }).toEqual(read);
    expect(pipelines).not.toHaveBeenCalled();
    expect(Object.values(before.ledger.bytes).filter(Boolean)).toEqual([]);
    await engine.unload();
  });

  it('stays as it was where another cannot be: refused by the plan, or failed while it is placed', async () => {
    dawn();
    const engine = openEngine();
    await engine.load(countedSource(), options);
    const { model } = engine.loaded();
    await expect(engine.changeBudget(1000)).rejects.toThrow(BudgetError);
    expect(engine.loaded().model).toBe(model);
    expect((await answer(engine, request)).ids).toEqual(ids);

    const { quarter } = smallerBudgets(engine);
    vi.spyOn(GPUDevice.prototype, 'createBuffer').mockImplementationOnce(() => {
      throw new RangeError('The driver has no memory.');
    });
    await expect(engine.changeBudget(quarter)).rejects.toThrow('The driver has no memory.');
    vi.restoreAllMocks();
    expect(engine.loaded().model.plan).toBe(model.plan);
    expect((await answer(engine, request)).ids).toEqual(ids);
    await engine.unload();
  });

  it('is changed where the device was lost meanwhile', async () => {
    dawn();
    const engine = openEngine();
    await engine.load(countedSource(), options);
    const { quarter } = smallerBudgets(engine);
    const { device } = engine.loaded().model.gpu;
    device.destroy();
    await engine.changeBudget(quarter);
    const { model } = engine.loaded();
    expect(model.gpu.device).not.toBe(device);
    expect(model.ledger.budgetBytes).toBe(quarter);
    expect((await answer(engine, request)).ids).toEqual(ids);
    await engine.unload();
  });

  it('is another for a load of the same source: the header is not read again', async () => {
    dawn();
    const store = memoryStore();
    const engine = openEngine({ store });
    const source = countedSource();
    await engine.load(source, options);
    const { opened } = engine.loaded();
    const { quarter } = smallerBudgets(engine);
    const { reads } = source;
    await engine.load(source, { ...options, budgetBytes: quarter });
    expect(source.reads).toBe(reads);
    expect(engine.loaded().opened).toBe(opened);
    expect((await answer(engine, request)).ids).toEqual(ids);
    await engine.unload();
  });
});
