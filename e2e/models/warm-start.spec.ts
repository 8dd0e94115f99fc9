// How long a model in the browser's storage takes until its weights are on the GPU, against reading and uploading its
// bytes apart, in one run. pages/warm-start.html measures.
import { join } from 'node:path';
import { expect } from '@playwright/test';
import { makeModel } from '../../scripts/fixtures/make-model.mjs';
import { isFull, record } from '../../test/verified.ts';
import { test } from '../support/library.ts';
import { type WarmStartRun } from '../pages/warm-start.ts';
import { pagesPort } from '../support/ports.ts';

const ms = (value: number) => `${Math.round(value)} ms`;

test('a stored model has its weights on the GPU in less than 1.5 times reading and uploading them, and compiles meanwhile', async ({
  models: folder,
  profile,
}) => {
  test.skip(!isFull, 'measures time; WINDROW_FULL=1 runs it');
  const path = join(folder, 'model.gguf');
  await makeModel({ layers: 24, dim: 1024, ff: 4096, heads: 8, kvHeads: 4, vocab: 8192, type: 'Q8_0', out: path }); // 410 MB
  const page = await (await profile.open()).newPage();
  await page.goto(`http://127.0.0.1:${pagesPort}/warm-start.html`);
  await page.setInputFiles('input', path);
  const done = await page.waitForFunction(() => window.warmStart, undefined, { timeout: 8 * 60_000 });
  const run = (await done.jsonValue()) as WarmStartRun;
  expect(run.error).toBeUndefined();
  const { byteLength, readMs, uploadMs, readyMs, ratio } = run;
  console.log(
    `${Math.round(byteLength / 1e6)} MB: read and checked in ${ms(readMs)}, uploaded in ${ms(uploadMs)}; ` +
      `a load has the weights on the GPU after ${ms(readyMs.weights)} (${ratio.toFixed(2)} of both together), ` +
      `shapes after ${ms(readyMs.choice)}, kernels after ${ms(readyMs.programs)}`,
  );
  // From the choice of shapes on, weights arrive and kernels are compiled at once.
  expect(readyMs.choice).toBeLessThan(Math.min(readyMs.weights, readyMs.programs));
  expect(ratio).toBeLessThan(1.5);
  record({
    point: 'Warm start to weights ready, of read + upload measured apart',
    command: 'WINDROW_FULL=1 npx playwright test e2e/models/warm-start.spec.ts',
    adapter: 'SwiftShader in Chromium',
    value: { byteLength, readMs, uploadMs, weightsReadyMs: readyMs.weights, choiceMs: readyMs.choice, kernelsMs: readyMs.programs, ratio },
  });
});
