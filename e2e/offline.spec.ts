// The page without the network after one visit, and a new version that waits to be asked for.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, type Page } from '@playwright/test';
import { askToTheEnd, composer, loadTiny, quick, test, tinyModel } from './support/page.ts';
import { startSite } from './support/sites.ts';

const app = process.env.WINDROW_APP ?? 'dist/app';
const controlled = (page: Page) => page.waitForFunction(() => navigator.serviceWorker.controller !== null);

test.use({ serviceWorkers: 'allow' });

test('after one visit the page, its lazy parts and the model work with the network off', async ({ page, context }) => {
  await page.goto(quick('max-tokens=8&temperature=0'));
  await loadTiny(page);
  const first = await askToTheEnd(page, 'Once upon a time');
  await controlled(page);
  await context.setOffline(true);
  await page.goto(quick('max-tokens=8&temperature=0&seed=1'));
  await page.getByRole('button', { name: 'Load stories260K' }).click();
  await expect(composer(page)).toBeVisible();
  expect(await askToTheEnd(page, 'Once upon a time')).toBe(first);
  await page.getByRole('button', { name: 'Activity' }).click(); // a part that was never loaded before
  await expect(page.getByRole('dialog', { name: 'What the model is doing' })).toBeVisible();
  await page.goto('/bench.html');
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
});

test('with the network off a model of rare weight types finds what reads them', async ({ page, context }) => {
  await page.goto(quick('max-tokens=4&temperature=0'));
  await controlled(page);
  await context.setOffline(true);
  const buffer = gunzipSync(readFileSync('test/fixtures/tiny/tiny-llama-low.gguf.gz'));
  await page.locator('input[type=file]').setInputFiles({ name: 'low.gguf', mimeType: 'application/octet-stream', buffer });
  await expect(composer(page)).toBeVisible();
  expect((await askToTheEnd(page, 'Once upon a time')).length).toBeGreaterThan(0);
});

test.describe('outside a private context', () => {
  test.use({ ownBrowser: true });

  test('the page can be installed, and takes .gguf files and shared addresses', async ({ page, context }) => {
    await page.goto('/');
    await controlled(page);
    const cdp = await context.newCDPSession(page);
    expect((await cdp.send('Page.getInstallabilityErrors')).installabilityErrors).toEqual([]);
    const { url, errors } = await cdp.send('Page.getAppManifest');
    expect(errors).toEqual([]);
    const manifest = await page.evaluate(async (address) => (await fetch(address)).json(), url);
    expect(manifest).toMatchObject({
      display: 'standalone',
      file_handlers: [{ accept: { 'application/octet-stream': ['.gguf'] } }],
      share_target: { params: { url: 'model', text: 'shared' } },
    });
    for (const { src } of manifest.icons) expect((await page.request.get(`/${src}`)).ok()).toBe(true);
  });
});

test('a new version is offered, not forced, and models never come from the service worker', async ({ page }) => {
  const worker = readFileSync(`${app}/sw.js`, 'utf8');
  const pages: Record<string, string | Buffer> = { '/': readFileSync(`${app}/index.html`, 'utf8'), '/models/a.gguf': tinyModel.buffer, '/sw.js': worker };
  const site = await startSite(app, pages);
  await page.goto(site.address);
  await controlled(page);
  const model = page.waitForResponse(/a\.gguf/);
  await page.evaluate(() => fetch('models/a.gguf'));
  expect((await model).fromServiceWorker()).toBe(false);

  pages['/sw.js'] = `${worker}\n// version 2`;
  await page.reload();
  await expect(page.getByText('A new version is ready')).toBeVisible();
  const marked = () => page.evaluate(() => 'marked' in globalThis);
  await page.evaluate(() => Object.assign(globalThis, { marked: true }));
  await page.waitForTimeout(1000);
  expect(await marked()).toBe(true); // still the same page
  await page.getByRole('button', { name: 'Update' }).click();
  await expect.poll(() => marked().catch(() => true)).toBe(false);
  await expect(page.getByText('A new version is ready')).toHaveCount(0);
  site.close();
});
