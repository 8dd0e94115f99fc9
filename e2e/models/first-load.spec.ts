// How soon after its import a model is ready: its weights came to the GPU as the import finished them, its kernels were
// compiled meanwhile. Counted, without a clock: test/gpu/stream/first-load-gpu.test.ts.
import { join } from 'node:path';
import { expect } from '@playwright/test';
import { makeModel } from '../../scripts/fixtures/make-model.mjs';
import { isFull, record } from '../../test/verified.ts';
import { type LibraryWindow, openPage, test } from '../support/library.ts';

test('a first load over a server of 50 MB/s is ready at the latest 10 % of the import\'s time after it ends', async ({ models: folder, origin, profile }) => {
  test.skip(!isFull, 'measures time; WINDROW_FULL=1 runs it');
  const shape = { layers: 24, dim: 1024, ff: 4096, heads: 8, kvHeads: 4, vocab: 8192, type: 'Q8_0' }; // 410 MB
  const { byteLength } = await makeModel({ ...shape, out: join(folder, 'model.gguf') });
  origin.behave.bytesPerSecond = 50e6;
  const page = await openPage(await profile.open(), origin);
  const run = await page.evaluate(async (model) => {
    const { createEngine } = window as unknown as LibraryWindow;
    const begun = performance.now();
    let imported = 0;
    const onProgress = ({ phase, loadedBytes, totalBytes, fromStore }: { phase: string; loadedBytes: number; totalBytes: number; fromStore: boolean }) => {
      if (phase === 'weights' && !fromStore && totalBytes > 0 && loadedBytes === totalBytes) imported ||= performance.now() - begun; // the last byte has come
    };
    const engine = await createEngine({ model, context: 512, onProgress });
    const ready = performance.now() - begun;
    const { readyMs } = await engine.stats();
    await engine.unload();
    return { imported, ready, readyMs };
  }, `${origin.url}/model.gguf`);
  const { imported, ready, readyMs } = run;
  const ratio = (ready - imported) / imported;
  const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
  console.log(
    `${Math.round(byteLength / 1e6)} MB at 50 MB/s: imported after ${seconds(imported)}, ready after ${seconds(ready)} ` +
      `(${(100 * ratio).toFixed(1)} % later); ` +
      `choice ${seconds(readyMs.choice)}, kernels ${seconds(readyMs.programs)}, weights ${seconds(readyMs.weights)}`,
  );
  record({
    point: "A first load ready after its import, of the import's time (limit 0.1)",
    command: 'WINDROW_FULL=1 npx playwright test e2e/models/first-load.spec.ts',
    adapter: 'SwiftShader in Chromium',
    value: { byteLength, importedMs: imported, readyMs: ready, ratio },
  });
  expect(imported).toBeGreaterThan((byteLength / 50e6) * 900);
  expect(ratio).toBeLessThan(0.1);
});
