// Models larger than the GPU budget, on Dawn: the same tokens whatever the budget, and what the plan promises.
import { describe, expect, it } from 'vitest';
import { countCalls } from '../../../src/bench/count-calls.ts';
import { loadByGuess } from '../../../src/engine/load/plan/default-budget.ts';
import { loadModel } from '../../../src/engine/load/load.ts';
import { chosenAs } from '../../../src/engine/load/chosen.ts';
import { type Experiment } from '../../../src/engine/load/options.ts';
import { planModel } from '../../../src/engine/load/plan/planned.ts';
import { type TransferStats } from '../../../src/protocol.ts';
import { createRunner } from '../../../src/engine/run/runner.ts';
import { sweepBudgets } from '../../../src/engine/measure/sweep.ts';
import { openFileSource } from '../../../src/weights/source/file-source.ts';
import { adapterFile } from '../../dawn.ts';
import { defaultModelPath } from '../../models/default-model.ts';
import { openDawn } from '../../models/model.ts';
import { type Opened, answer, close, failing, load, open, openFixtureFile, options } from '../../streamed.ts';
import { isFull, record } from '../../verified.ts';

const uploads = (perToken: readonly TransferStats[]): number[] => perToken.map(({ uploadedBytes }) => uploadedBytes);

/**
 * Types of weights and what is tied differ, a hybrid keeps a state, Gemma 4 looks two embeddings up; other architectures do not matter to the
 * loader. Mixtures have a test of their own.
 */
const some = ['gemma4'];
const others = ['llama-k', 'gemma3', 'qwen35', 'llama-legacy', 'phi3', 'llama-f16', 'llama-i', 'llama3', 'mistral', 'qwen2', 'qwen3'];
const models = ['stories260K/stories260K.gguf', ...[...some, ...(isFull ? others : [])].map((name) => `tiny/tiny-${name}.gguf`)];

describe.skipIf(!adapterFile)('budgets', () => {
  it.each(models)('%s gives the same tokens for every budget, within the plan', async (path) => {
    const file = await openFixtureFile(path);
    const whole = await load(file, {});
    const expected = await answer(whole, 100, 12);
    await close(whole);
    let deviation = 0;
    const own = file.opened.layout.sections.find(({ name }) => name === 'embedding.own'); // of which a token uses a row, not all
    const budgets = sweepBudgets(file.opened, options);
    for (const { name, budgetBytes } of budgets) {
      const model = await load(file, { budgetBytes, ramBytes: file.opened.layout.byteLength / 4 });
      const { plan, ledger } = model;
      const { ids, logits, perToken } = await answer(model, 100, 12);
      expect(plan.chunk).toBe(options.chunk);
      expect(plan.verdict).toBe(name === '100 %' ? 'fits' : 'streams');
      expect(ids, name).toEqual(expected.ids);
      expect(Math.max(...logits.map((v, i) => Math.abs(v - expected.logits[i]))), name).toBeLessThan(1e-5);
      expect(ledger.peakBytes).toBeLessThanOrEqual(budgetBytes);
      deviation = Math.max(deviation, Math.abs(plan.totalBytes / ledger.peakBytes - 1));
      expect(deviation).toBeLessThan(own ? 0.08 : 0.05); // two uploads are planned for where rows alone are uploaded, of which one may do
      expect(new Set(uploads(perToken))).toEqual(new Set([plan.streamedBytes]));
      if (own) expect(plan.keptBytes + plan.streamedBytes).toBeLessThanOrEqual(file.opened.layout.byteLength - (name === '100 %' ? 0 : own.byteLength));
      await close(model);
    }
    record({
      point: `${path}: the same tokens at ${budgets.length} budgets; plan against peak`,
      command: 'npx vitest run --project gpu test/gpu/stream/window-gpu.test.ts',
      value: `within ${(100 * deviation).toFixed(1)} %`,
    });
  });
});

/** With a quarter of its weights on the GPU. */
const quarterOf = ({ opened }: Opened) => sweepBudgets(opened, options).find(({ name }) => name === '25 %')!.budgetBytes;
const tokens = Array.from({ length: 70 }, (_, i) => (3 + i * 31) % 512);

describe.skipIf(!adapterFile)('streaming', () => {
  it('creates nothing for a token, and writes the bytes that do not stay and no others', async () => {
    const file = await openFixtureFile('tiny/tiny-gemma3.gguf');
    const model = await load(file, { budgetBytes: quarterOf(file) });
    const runner = createRunner(model);
    const greedy = await model.samplerFor({ seed: 0 });
    await runner.feed(tokens, 0);
    await runner.sample(greedy, tokens.length);
    const written = weightsWritten();
    const calls = countCalls();
    await quiet(written);
    const before = written.bytes;
    for (let i = 0; i < 6; i++) await runner.step(greedy, tokens.length + i);
    await quiet(written);
    expect(calls.read().creations).toBe(0);
    expect(model.plan.streamedBytes).toBeGreaterThan(0.75 * file.opened.layout.byteLength);
    expect(written.bytes - before).toBe(6 * model.plan.streamedBytes);
    await close(model);
  });

  it('counts what worker memory still had apart from what was read', async () => {
    const file = await openFixtureFile('tiny/tiny-gemma3.gguf');
    const measure = async (ramBytes: number) => {
      const model = await load(file, { budgetBytes: quarterOf(file), ramBytes });
      const runner = createRunner(model);
      await runner.feed(tokens, 0);
      const before = runner.transfer();
      await runner.feed(tokens, 0);
      const after = runner.transfer();
      const { memory: { byteLength }, plan: { streamedBytes } } = model;
      await close(model);
      return { byteLength, streamedBytes, store: after.storeBytes - before.storeBytes, memory: after.memoryBytes - before.memoryBytes };
    };
    const none = await measure(1);
    const [half, all] = [await measure(none.streamedBytes / 2), await measure(2 ** 30)];
    expect(none).toMatchObject({ byteLength: 0, memory: 0 });
    expect(half.byteLength).toBeLessThanOrEqual(none.streamedBytes / 2);
    expect(half.byteLength).toBeGreaterThan(none.streamedBytes / 4);
    expect(half.store + half.memory).toBe(none.store);
    expect(half.memory).toBeGreaterThan(0);
    expect(all).toMatchObject({ byteLength: none.streamedBytes, store: 0, memory: none.store });
  });

  it('gives the logits of every token of a prompt', async () => {
    const file = await openFixtureFile('tiny/tiny-mistral.gguf');
    const logits = async (budgetBytes: number) => {
      const model = await load(file, { budgetBytes, logitsRows: 64 });
      const rows: number[] = [];
      await createRunner(model).feedAll(tokens, 0, (values) => values.forEach((v) => rows.push(v)));
      const { verdict, streamedBytes } = model.plan;
      await close(model);
      return { rows, verdict, streamedBytes };
    };
    const whole = await logits(Infinity);
    const windowed = await logits(sweepBudgets(file.opened, { ...options, logitsRows: 64 })[3].budgetBytes);
    expect([whole.verdict, windowed.verdict]).toEqual(['fits', 'streams']);
    expect(windowed.rows).toHaveLength(70 * 512);
    expect(windowed.rows.reduce((worst, v, i) => Math.max(worst, Math.abs(v - whole.rows[i])), 0)).toBeLessThan(1e-5);
  });

  it('stops in the middle of a prompt when asked, and answers as before afterwards', async () => {
    const file = await openFixtureFile('tiny/tiny-qwen3.gguf');
    const model = await load(file, { budgetBytes: quarterOf(file), experiment: { readDelay: 100 / 2 ** 20 }, ramBytes: 1 });
    const before = await answer(model, 70, 4);
    for (const ms of [0, 15, 40]) {
      const stop = new AbortController();
      setTimeout(() => stop.abort(), ms);
      await expect(before.runner.feed(tokens, 0, stop.signal)).rejects.toThrow(/abort/i);
    }
    const after = await answer(model, 70, 4, before.runner);
    expect(after.ids).toEqual(before.ids);
    expect(uploads(after.perToken)).toEqual(uploads(before.perToken));
    await close(model);
  });

  it('ends a step with the error of a read that fails, and answers as before once reads work', async () => {
    const file = await openFixtureFile('tiny/tiny-phi3.gguf');
    let broken = false;
    const reader = failing(file.reader, () => broken);
    const model = await load({ ...file, reader }, { budgetBytes: quarterOf(file), ramBytes: 1 });
    const before = await answer(model, 70, 4);
    broken = true;
    await expect(before.runner.feed(tokens, 0)).rejects.toThrow('The disk is gone.');
    broken = false;
    expect((await answer(model, 70, 4, before.runner)).ids).toEqual(before.ids);
    await close(model);
  });

  it('frees everything while transfers are under way', async () => {
    const file = await openFixtureFile('tiny/tiny-llama3.gguf');
    const model = await load(file, { budgetBytes: quarterOf(file), experiment: { readDelay: 100 / 2 ** 20 }, ramBytes: 1 });
    const feeding = createRunner(model).feed(tokens, 0, AbortSignal.timeout(20));
    await feeding.catch(() => {});
    await close(model);
  });

  it('reads, uploads and computes in turn if the plain loader is asked for, with the same tokens', async () => {
    const file = await openFixtureFile('tiny/tiny-qwen2.gguf');
    const run = async (loader: Experiment['loader']) => {
      const model = await load(file, { budgetBytes: quarterOf(file), experiment: { loader } });
      const { ids, perToken } = await answer(model, 70, 4);
      await close(model);
      return { ids, perToken: uploads(perToken) };
    };
    expect(await run('naive')).toEqual(await run('ahead'));
  });
});

describe.skipIf(!adapterFile)('a budget that nobody named', () => {
  it('shrinks until the GPU can allocate what is planned', async () => {
    const file = await openFixtureFile('tiny/tiny-llama-f16.gguf');
    const gpu = await openDawn();
    const limit = 3_500_000;
    let live = 0;
    const { device } = gpu;
    const createBuffer = device.createBuffer.bind(device);
    const popErrorScope = device.popErrorScope.bind(device);
    device.createBuffer = (descriptor) => {
      const buffer = createBuffer(descriptor);
      const destroy = buffer.destroy.bind(buffer);
      live += descriptor.size;
      buffer.destroy = () => {
        live -= descriptor.size;
        return destroy();
      };
      return buffer;
    };
    device.popErrorScope = async () => {
      const full = live > limit;
      return (await popErrorScope()) ?? (full ? ({ message: 'no memory left' } as GPUError) : null);
    };
    const planned = planModel(chosenAs(gpu, file.opened, { ...options, budgetBytes: 2 ** 32 }));
    await expect(loadModel(planned, file.reader)).rejects.toThrow(/could not allocate .* no memory left/);
    const model = await loadByGuess(planned, (at) => loadModel(at, file.reader));
    expect(model.plan.verdict).toBe('streams');
    expect(model.ledger.peakBytes).toBeLessThan(limit);
    expect((await answer(model, 20, 4)).ids).toHaveLength(4);
    await close(model);
  });
});

interface Written {
  bytes: number;
}

/** Counts what is written to buffers of weights from now on. */
function weightsWritten(): Written {
  const written: Written = { bytes: 0 };
  const { writeBuffer } = GPUQueue.prototype;
  GPUQueue.prototype.writeBuffer = function (this: GPUQueue, ...args: Parameters<GPUQueue['writeBuffer']>) {
    const [buffer, , data, offset = 0, size = data.byteLength - offset] = args;
    if (buffer.label.startsWith('weights.')) written.bytes += size;
    return writeBuffer.apply(this, args);
  } as GPUQueue['writeBuffer'];
  return written;
}

/** Waits until reading ahead has come to its end. */
async function quiet(written: Written): Promise<void> {
  for (let last = -1; last !== written.bytes; ) {
    last = written.bytes;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

describe.skipIf(!adapterFile || !defaultModelPath || !isFull)('SmolLM2', () => {
  it('answers alike with a quarter of its weights on the GPU', async () => {
    const source = await openFileSource(defaultModelPath!);
    const file = await open(source);
    const whole = await load(file, { chunk: 16 });
    const expected = await answer(whole, 17, 4);
    await close(whole);
    const { budgetBytes } = sweepBudgets(file.opened, { ...options, chunk: 16 }).find(({ name }) => name === '25 %')!;
    const model = await load(file, { chunk: 16, budgetBytes });
    const { ids, perToken } = await answer(model, 17, 4);
    expect(ids).toEqual(expected.ids);
    expect(model.ledger.peakBytes).toBeLessThanOrEqual(budgetBytes);
    expect(Math.abs(model.plan.totalBytes / model.ledger.peakBytes - 1)).toBeLessThan(0.05);
    expect(model.plan.keptBytes).toBeLessThan(file.opened.layout.byteLength / 4);
    expect(new Set(uploads(perToken))).toEqual(new Set([model.plan.streamedBytes]));
    await close(model);
    await source.close();
  });
});
