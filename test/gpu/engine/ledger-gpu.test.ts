// Every GPU byte of a load is in its ledger, those of the self-test and of measurements included, and never are there more
// than the budget allows: on Dawn, where each buffer made is counted beside the ledger.
import { describe, expect, it, vi } from 'vitest';
import { choose } from '../../../src/engine/load/chosen.ts';
import { kvFormat } from '../../../src/kv/formats/catalogue.ts';
import { loadModel } from '../../../src/engine/load/load.ts';
import { openModel } from '../../../src/engine/load/opened.ts';
import { planModel } from '../../../src/engine/load/plan/planned.ts';
import { createRunner } from '../../../src/engine/run/runner.ts';
import { sweepBudgets } from '../../../src/engine/measure/sweep.ts';
import { type AdapterNotes, type Tuning } from '../../../src/engine/measure/tune/tuning.ts';
import { readHeader } from '../../../src/gguf/read.ts';
import { createKernelCache } from '../../../src/gpu/kernels.ts';
import { type Ledger, type Purpose } from '../../../src/gpu/ledger.ts';
import { sourceReader } from '../../../src/weights/store/reader.ts';
import { bytesSource } from '../../../src/weights/source/source.ts';
import { adapterFile } from '../../dawn.ts';
import { fixture } from '../../models/fixture.ts';
import { openDawn, testChoice } from '../../models/model.ts';
import { record } from '../../verified.ts';

/** All that are not booked in another. */
const ledgers = vi.hoisted((): Ledger[] => []);
vi.mock('../../../src/gpu/ledger.ts', async (original) => {
  const { createLedger, ...others } = await original<{ createLedger: (device: GPUDevice, budgetBytes: number, within?: object) => Ledger }>();
  return {
    ...others,
    createLedger(...given: Parameters<typeof createLedger>) {
      const ledger = createLedger(...given);
      if (!given[2]) ledgers.push(ledger);
      return ledger;
    },
  };
});

const path = 'tiny/tiny-qwen2.gguf';
const options = { context: 256, chunk: 64, logitsRows: 1, choice: testChoice, kv: kvFormat('f32') };

/** Compares, whenever a buffer is made, the bytes of all buffers alive with those booked. */
function watch(device: GPUDevice) {
  const seen = { alive: 0, unbooked: 0, overbooked: 0, test: 0 };
  const createBuffer = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    const buffer = createBuffer(descriptor);
    const destroy = buffer.destroy.bind(buffer);
    seen.alive += descriptor.size;
    buffer.destroy = () => {
      seen.alive -= descriptor.size;
      return destroy();
    };
    const bookedFor = (purpose: Purpose) => ledgers.reduce((sum, { bytes }) => sum + bytes[purpose], 0);
    const booked = ledgers.flatMap(({ bytes }) => Object.values(bytes)).reduce((a, b) => a + b, 0);
    seen.unbooked = Math.max(seen.unbooked, seen.alive - booked);
    seen.overbooked = Math.max(seen.overbooked, booked - bookedFor('staging') - seen.alive); // uploads are staged without a buffer
    seen.test = Math.max(seen.test, bookedFor('test'));
    return buffer;
  };
  return seen;
}

/** Notes of choices, but of no test. */
function choicesOnly(): Tuning {
  let kept: AdapterNotes | undefined;
  return {
    get: async () => kept && structuredClone({ ...kept, checks: {} }),
    set: async (_, notes) => void (kept = structuredClone(notes)),
  };
}

describe.skipIf(!adapterFile)('the ledger of a load', () => {
  it('has every byte on the GPU, tests and measurements among them, within every budget', async () => {
    const gpu = await openDawn();
    const source = bytesSource(fixture(path), path);
    const opened = await openModel(await readHeader(source));
    const reader = sourceReader(source, opened.header, opened.layout);
    const seen = watch(gpu.device);
    const kernels = createKernelCache(gpu.device);
    const tuning = choicesOnly();
    const answers: number[][] = [];
    const tight = sweepBudgets(opened, options).filter(({ name }) => ['100 %', '25 %', 'smallest'].includes(name));
    for (const { name, budgetBytes } of [{ name: 'ample', budgetBytes: 2 ** 30 }, ...tight]) {
      const chosen = await choose(gpu, opened, { ...options, budgetBytes }, kernels, tuning);
      seen.test = 0;
      const model = await loadModel(planModel(chosen), reader);
      const runner = createRunner(model);
      const prompt = Array.from({ length: 70 }, (_, i) => (1 + i * 7919) % 512);
      await runner.feed(prompt, 0);
      const greedy = await model.samplerFor({ seed: 0 });
      const ids = [(await runner.sample(greedy, prompt.length)).id];
      while (ids.length < 6) ids.push((await runner.step(greedy, prompt.length + ids.length - 1)).id);
      answers.push(ids);
      console.log(`${name}: ${budgetBytes} bytes, plan ${model.plan.totalBytes}, peak ${model.ledger.peakBytes}, of tests ${seen.test}`);
      expect(chosen.chooser!.warnings(), name).toEqual([]);
      expect(seen.test, name).toBeGreaterThan(0);
      expect(model.ledger.bytes.test, name).toBe(0);
      expect(model.ledger.peakBytes, name).toBeLessThanOrEqual(budgetBytes);
      expect([seen.unbooked, seen.overbooked], name).toEqual([0, 0]);
      await model.destroy();
      expect(seen.alive, name).toBe(0);
    }
    expect(answers).toEqual(answers.map(() => answers[0]));
    record({
      point: 'GPU bytes in no ledger while a model is loaded, tested, measured and run, at four budgets',
      command: 'npx vitest run --project gpu test/gpu/engine/ledger-gpu.test.ts',
      value: seen.unbooked,
    });
    gpu.device.destroy();
  });
});
