// How fast an import is against a plain download, what its stages take, and how much memory a large one needs.
// WINDROW_FULL=1 runs the model of 2 GB; it needs 5 GB of disk.
import { join } from 'node:path';
import { expect, type Page } from '@playwright/test';
import { makeModel } from '../scripts/make-model.mjs';
import { samplePss } from '../scripts/pss.mjs';
import { isFull, record } from '../test/verified.ts';
import { importModel, type LibraryWindow, openPage, test } from './library.ts';

const MiB = 2 ** 20;

/** Milliseconds that the page takes to fetch `url` and drop it. */
const download = (page: Page, url: string): Promise<number> =>
  page.evaluate(async (address) => {
    const start = performance.now();
    const reader = (await fetch(address, { cache: 'no-store' })).body!.getReader();
    while (!(await reader.read()).done);
    return performance.now() - start;
  }, url);

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
const remove = (page: Page, id: string) => page.evaluate((model) => (window as unknown as LibraryWindow).library.remove(model), id);
const rate = (bytes: number, ms: number) => `${Math.round(bytes / ms / 1000)} MB/s`;

test('an import from a server of 50 MB/s takes at most 1.3 times a plain download', async ({ models: folder, origin, profile }) => {
  test.skip(!isFull, 'a speed is measured on a quiet machine; WINDROW_FULL=1 does');
  const { byteLength } = await makeModel({ layers: 12, dim: 1024, ff: 4096, heads: 8, kvHeads: 4, vocab: 4096, type: 'Q4_0', out: join(folder, 'model.gguf') });
  const url = `${origin.url}/model.gguf`;
  const page = await openPage(await profile.open(), origin);
  const model = { id: '' };
  const run = async () => void (model.id = (await importModel(page, url)).id);
  await run(); // once for what is compiled at first use
  await remove(page, model.id);
  origin.behave.bytesPerSecond = 50e6;
  let best = Infinity;
  for (let round = 0; round < 3 && best > 1.3; round++) { // other work on the machine slows one or the other
    const plain = await download(page, url);
    const imported = await timed(run);
    best = Math.min(best, imported / plain);
    console.log(`${(byteLength / 1e6).toFixed(0)} MB at 50 MB/s: download ${rate(byteLength, plain)}, import ${rate(byteLength, imported)}, ${(imported / plain).toFixed(2)} times as long`);
    await remove(page, model.id);
  }

  origin.behave = {};
  const free = await download(page, url);
  const unlimited = await timed(run);
  const verify = await timed(() => page.evaluate((id) => (window as unknown as LibraryWindow).library.verify(id), model.id));
  await remove(page, model.id);
  const hashed = await timed(() => importModel(page, url, { sha256: 'f'.repeat(64) }).catch(() => {}));
  console.log(`without a limit: download ${rate(byteLength, free)}, import ${rate(byteLength, unlimited)}, import with the file's hash ${rate(byteLength, hashed)}, read and hash of what is stored ${rate(byteLength, verify)}`);
  record({ point: 'Import from a server of 50 MB/s, times as long as a plain download (limit 1.3)', command: 'WINDROW_FULL=1 npx playwright test e2e/import-speed.spec.ts', value: best });
  expect(best).toBeLessThan(1.3);
});

test('a model of 2 GB is imported from a file with little memory', async ({ models: folder, origin, profile }) => {
  test.skip(!isFull, 'takes minutes and 5 GB of disk; WINDROW_FULL=1 runs it');
  test.skip(process.platform !== 'linux', 'memory is read from /proc');
  const path = join(folder, 'large.gguf');
  const { byteLength } = await makeModel({ layers: 24, dim: 4096, ff: 11008, heads: 32, kvHeads: 8, vocab: 32000, type: 'Q4_0', out: path });
  expect(byteLength).toBeGreaterThan(2e9);
  const page = await openPage(await profile.open(), origin);
  await page.setContent('<input type="file">');
  await page.setInputFiles('input', path);
  const memory = samplePss(profile.path);
  const ms = await timed(() => page.evaluate(() => (window as unknown as LibraryWindow).library.importModel({ model: document.querySelector('input')!.files![0] }).done));
  const { start, growth } = memory.stop();
  console.log(`${(byteLength / 1e9).toFixed(2)} GB from a file in ${(ms / 1000).toFixed(1)} s (${rate(byteLength, ms)}); Chromium's PSS grew by ${Math.round(growth / MiB)} MiB from ${Math.round(start / MiB)} MiB`);
  record({ point: `Import of ${(byteLength / 1e9).toFixed(2)} GB from a file in Chromium: growth of PSS in MiB (limit 400)`, command: 'WINDROW_FULL=1 npx playwright test e2e/import-speed.spec.ts', value: Math.round(growth / MiB) });
  expect(growth).toBeLessThan(400 * MiB);
});
