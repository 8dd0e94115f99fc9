// Steps of 2 to 8 tokens of SmolLM2 by the kernel for few rows and by that for many, in turn. In the full run alone, as it times.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LoadedModel, loadModel } from '../../../src/engine/load/load.ts';
import { chosenAs } from '../../../src/engine/load/chosen.ts';
import { openModel } from '../../../src/engine/load/opened.ts';
import { planModel } from '../../../src/engine/load/plan/planned.ts';
import { type Runner, createRunner } from '../../../src/engine/run/runner.ts';
import { defaultChoice } from '../../../src/engine/measure/tune/choice-text.ts';
import { readHeader } from '../../../src/gguf/read.ts';
import { createKernelCache } from '../../../src/gpu/kernels.ts';
import { kvFormat } from '../../../src/kv/formats/catalogue.ts';
import { missing } from '../../../src/model/choices/possible-choices.ts';
import { type KernelChoice } from '../../../src/model/choices/kernel-choice.ts';
import { openFileSource } from '../../../src/weights/source/file-source.ts';
import { sourceReader } from '../../../src/weights/store/reader.ts';
import { adapterFile } from '../../dawn.ts';
import { defaultModelPath } from '../../models/default-model.ts';
import { jsonFixture } from '../../models/fixture.ts';
import { openDawn } from '../../models/model.ts';
import { isFull, record } from '../../verified.ts';

const splits = [0, 1, 8]; // of `few`: 0 is without it
const rounds = 3;

describe.skipIf(!adapterFile || !defaultModelPath || !isFull)('SmolLM2 by the kernel for few rows and without it', () => {
  let models: LoadedModel[];
  let runners: Runner[];
  let prefill: string;
  beforeAll(async () => {
    const source = await openFileSource(defaultModelPath!);
    const opened = await openModel(await readHeader(source));
    const gpu = await openDawn();
    const kernels = createKernelCache(gpu.device);
    const byRows = (['broadcast8', 'broadcast4'] as const).find((each) => !missing(gpu, { prefill: each })) ?? 'rows';
    prefill = byRows;
    models = await Promise.all(splits.map((few) => {
      const choice: KernelChoice = { ...defaultChoice(gpu), splits: 1, panels: 4, dot: 'f32', threads: 32, prefill: byRows, few };
      return loadModel(
        planModel(chosenAs(gpu, opened, { budgetBytes: 2 ** 31, chunk: 64, logitsRows: 1, context: 256, choice, kv: kvFormat('f32') }, kernels)),
        sourceReader(source, opened.header, opened.layout),
      );
    }));
    runners = models.map(createRunner);
  });
  afterAll(() => Promise.all(models.map((model) => model.destroy())));

  it.each([2, 4, 8])('gives the same logits for %i tokens, and its time is noted', async (count) => {
    const { queue } = models[0].gpu.device;
    const ids = jsonFixture<{ ids: number[] }[]>('smollm2/logits.json').find((each) => each.ids.length > 8)!.ids.slice(0, count);
    const least = splits.map(() => Infinity);
    const logits: Float32Array[] = [];
    for (let round = 0; round <= rounds; round++) {
      for (const [i, runner] of runners.entries()) {
        const started = performance.now();
        await runner.feed(ids, 0);
        await queue.onSubmittedWorkDone();
        if (round) least[i] = Math.min(least[i], performance.now() - started); // the first one compiles
        else logits[i] = await runner.readLogits();
      }
    }
    for (const found of logits.slice(1)) expect(found.reduce((most, value, i) => Math.max(most, Math.abs(value - logits[0][i])), 0)).toBeLessThan(1e-3);
    const value = Object.fromEntries(splits.map((few, i) => [`${prefill}, few=${few}`, `${least[i].toFixed(1)} ms, ${(least[i] / least[0]).toFixed(2)}x`]));
    console.log(`${count} tokens: ${JSON.stringify(value)}`);
    record({
      point: `Steps of ${count} tokens of SmolLM2: ms and ratio to the kernel for many rows`,
      command: 'WINDROW_FULL=1 npx vitest run --project gpu test/gpu/kernels/few-rows-gpu.test.ts',
      value,
    });
  });
});
