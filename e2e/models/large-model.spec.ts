// Models larger than the GPU budget, in Chromium, streamed from the browser's storage: the same answer whatever the
// budget. WINDROW_FULL=1 runs the model of 2 GB, imported from a file; it takes minutes and 6 GB of disk and memory each.
import { statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type Page } from '@playwright/test';
import { makeModel } from '../../scripts/fixtures/make-model.mjs';
import { samplePss } from '../../scripts/bench/pss.mjs';
import { isFull, record } from '../../test/verified.ts';
import { importModel, type LibraryWindow, openPage, test } from '../support/library.ts';

const MiB = 2 ** 20;
const mib = (bytes: number) => Math.round(bytes / MiB);

/** What a stored model answers within a budget, and its statistics. */
const answer = (page: Page, id: string, budget: number, tokens: number) =>
  page.evaluate(async ([stored, bytes, most]) => {
    const engine = await (window as unknown as LibraryWindow).createEngine({ model: { stored }, budget: bytes, context: 64, f32: true });
    const { choices, stats } = await engine.chat.completions.create({ messages: [{ role: 'user', content: 'Hi' }], max_tokens: most });
    const engineStats = await engine.stats();
    await engine.unload();
    return { text: choices[0].message.content, stats: stats!, engineStats };
  }, [id, budget, tokens] as const);

type Answer = Awaited<ReturnType<typeof answer>>;

/** Bytes uploaded per token: what does not stay on the GPU, no more and no less. */
function expectWithin({ stats, engineStats }: Answer, budget: number): void {
  expect(engineStats.gpuBytesPeak).toBeLessThanOrEqual(budget);
  expect(engineStats.streamedBytes).toBeGreaterThan(0);
  expect(stats.newTokens).toBeGreaterThan(1);
  expect(stats.transfer!.decode.uploadedBytes).toBe((stats.newTokens - 1) * engineStats.streamedBytes);
}

test('a model answers alike with most of its weights streamed from the storage', { tag: '@repeats' }, async ({ models: folder, origin, profile }) => {
  await makeModel({ layers: 6, dim: 512, ff: 1536, heads: 8, kvHeads: 4, vocab: 2048, type: 'Q8_0', out: join(folder, 'model.gguf') });
  const page = await openPage(await profile.open(), origin);
  const { id, byteLength } = await importModel(page, `${origin.url}/model.gguf`);
  const whole = await answer(page, id, 2 ** 30, 8);
  expect(whole.engineStats).toMatchObject({ streamedBytes: 0 });
  const budget = Math.floor(byteLength / 2);
  const streamed = await answer(page, id, budget, 8);
  expect(streamed.text).toBe(whole.text);
  expectWithin(streamed, budget);
});

test('a model of 2 GB is imported from a file with little memory, and runs with a GPU budget of a quarter of it', async ({
  models: folder,
  origin,
  profile,
}) => {
  test.skip(!isFull, 'takes minutes and 6 GB of disk; WINDROW_FULL=1 runs it');
  test.skip(process.platform !== 'linux', 'memory is read from /proc');
  test.setTimeout(30 * 60_000);
  const path = join(folder, 'large.gguf');
  // f32: a software GPU pays by weights, not by bytes.
  const { byteLength } = await makeModel({ layers: 9, dim: 2048, ff: 8192, heads: 16, kvHeads: 4, vocab: 32000, type: 'F32', out: path });
  expect(byteLength).toBeGreaterThan(2 ** 31);
  const page = await openPage(await profile.open(), origin);
  await page.setContent('<input type="file">');
  await page.setInputFiles('input', path);
  const { quota, usage } = await page.evaluate(() => navigator.storage.estimate());
  expect(quota! - usage!).toBeGreaterThan(byteLength);

  const importing = samplePss(profile.path);
  const begun = performance.now();
  const { id } = await page.evaluate(
    () => (window as unknown as LibraryWindow).library.importModel({ model: document.querySelector('input')!.files![0] }).done,
  );
  const importSeconds = (performance.now() - begun) / 1000;
  const { start, growth } = importing.stop();
  console.log(
    `${(byteLength / 1e9).toFixed(2)} GB from a file in ${importSeconds.toFixed(1)} s; Chromium's PSS grew by ${mib(growth)} MiB from ${mib(start)} MiB`,
  );
  expect(growth).toBeLessThan(400 * MiB);
  unlinkSync(path); // from here on there is only the stored one
  expect(() => statSync(path)).toThrow();

  const quarter = Math.floor(byteLength / 4);
  const answers: Answer[] = [];
  for (const budget of [quarter, 2 * quarter]) {
    const running = samplePss(profile.path);
    const found = await answer(page, id, budget, 4);
    const { stats, engineStats } = found;
    console.log(
      `budget ${mib(budget)} MiB: peak ${mib(engineStats.gpuBytesPeak)}, stay ${mib(engineStats.keptBytes)}, ` +
        `streamed per token ${mib(engineStats.streamedBytes)} MiB; weights ready after ${(engineStats.readyMs.weights / 1000).toFixed(1)} s, ` +
        `${stats.promptTokens} prompt tokens in ${(stats.prefillMs / 1000).toFixed(1)} s, ` +
        `${(stats.decodeMs / 1000 / (stats.newTokens - 1)).toFixed(1)} s per token; PSS grew by ${mib(running.stop().growth)} MiB`,
    );
    expectWithin(found, budget);
    answers.push(found);
  }
  expect(answers[0].text).toBe(answers[1].text);
  expect(answers[0].text!.length).toBeGreaterThan(0);
  const { stats, engineStats } = answers[0];
  record({
    point: 'A model of 2 GB imported from a File in Chromium, then run with a quarter of it on the GPU',
    command: 'WINDROW_FULL=1 npx playwright test e2e/models/large-model.spec.ts',
    adapter: 'SwiftShader in Chromium',
    value: {
      bytes: byteLength,
      importSeconds,
      pssGrowthMiB: growth / MiB,
      budgetBytes: quarter,
      gpuBytesPeak: engineStats.gpuBytesPeak,
      streamedBytesPerToken: engineStats.streamedBytes,
      tokens: stats.newTokens,
      secondsPerToken: stats.decodeMs / 1000 / (stats.newTokens - 1),
    },
  });

  await page.evaluate((model) => (window as unknown as LibraryWindow).library.remove(model), id);
  expect((await page.evaluate(() => navigator.storage.estimate())).usage).toBeLessThan(64 * MiB);
});
