// Predicted against measured decode speed over models, budgets and positions. A timed comparison: in the full run only.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { benchPredict } from '../../../src/cli/bench/bench-predict.ts';
import { makeModel } from '../../../scripts/fixtures/make-model.mjs';
import { adapterFile } from '../../dawn.ts';
import { defaultModelPath } from '../../models/default-model.ts';
import { fixture } from '../../models/fixture.ts';
import { isFull, record } from '../../verified.ts';
import { temporaryFolder } from '../../folder.ts';

const folder = temporaryFolder('predict');
const fixtures = ['tiny-gemma3', 'tiny-llama-f16'];

describe.skipIf(!isFull || !adapterFile || !defaultModelPath)('predicted speed', () => {

  it('is within 20 % of what is measured, in the median over models, budgets and positions, from at most ten measurements of the GPU', async () => {
    const paths = fixtures.map((name) => {
      const path = join(folder, `${name}.gguf`);
      writeFileSync(path, fixture(`tiny/${name}.gguf`));
      return path;
    });
    process.env.VK_ICD_FILENAMES = adapterFile;
    const { json: { medianError, rows }, text } = await benchPredict([...paths, defaultModelPath!], {});
    console.log(text);
    const rounds = rows.flatMap((row) => row.rounds);
    const measurementMs = rounds.map((round) => round.measurementMs).sort((a, b) => a - b)[rounds.length >> 1];
    const command = 'node bin/windrow.mjs bench MODEL --predict OTHERS...';
    record({ point: 'Predicted tokens/s: median error over models, budgets and positions (limit 0.2)', command, value: Number(medianError.toFixed(3)) });
    record({
      point: 'Prediction: measurements of the GPU (limit 10) and their median milliseconds (limit 2000)',
      command,
      value: { measurements: Math.max(...rounds.map((round) => round.measurements)), milliseconds: Math.round(measurementMs) },
    });
    expect(Math.max(...rounds.map((round) => round.measurements))).toBeLessThanOrEqual(10);
    expect(measurementMs).toBeLessThan(2000);
    expect(medianError).toBeLessThan(0.2);
  }, 900_000);
});

describe.skipIf(!isFull || !adapterFile)('predicted speed of a mixture', () => {
  it('whose experts are fetched is within 25 % of what is measured, in the median over budgets and positions', async () => {
    const folder = temporaryFolder('predict');
    const path = join(folder, 'mixture.gguf');
    await makeModel({ out: path, layers: 8, dim: 512, ff: 256, heads: 8, kvHeads: 2, vocab: 2048, context: 512, experts: 64, used: 4, skew: 0.5 });
    process.env.VK_ICD_FILENAMES = adapterFile;
    const { json: { rows }, text } = await benchPredict([path], { context: 256, kernels: 'splits=4,prefill=rows' });
    console.log(text);
    const fetched = rows.filter(({ budget }) => budget !== '100 %');
    const errors = fetched.map(({ error }) => Math.abs(error)).sort((a, b) => a - b);
    record({
      point: 'Predicted tokens/s of a mixture of 113 MiB whose experts are fetched, at half and a quarter of its weights (limit of the median 0.25)',
      command: 'WINDROW_FULL=1 npx vitest run --project gpu test/gpu/engine/predict-gpu.test.ts -t mixture',
      value: fetched.map(({ budget, position, error }) => `${budget}, position ${position}: ${(100 * error).toFixed(0)} %`).join('; '),
    });
    expect(fetched.length).toBeGreaterThan(3);
    expect(errors[errors.length >> 1]).toBeLessThan(0.25);
  }, 600_000);
});
