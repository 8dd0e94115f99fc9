// OpenAI's own client in a page whose service worker answers through the page that holds the engine.
import { expect, type Page, test } from '@playwright/test';
import { schemaChecks } from '../test/api/openai-schemas.ts';
import { suite } from '../test/api/openai-suite.ts';
import { storiesWithTools, suiteGolden } from '../test/api/tools-model.ts';
import { isFull, record } from '../test/verified.ts';
import { type OpenAIWindow } from './pages/openai.ts';
import { pagesPort } from './support/ports.ts';
import { kernels, tinyModel } from './support/tiny-model.ts';

const golden = suiteGolden();
const ask = (page: Page, tokens: number) => page.evaluate((count) => (window as unknown as OpenAIWindow).ask(count), tokens);

async function open(page: Page): Promise<Page> {
  await page.goto(`http://127.0.0.1:${pagesPort}/openai.html?kernels=${kernels}`);
  await page.waitForFunction(() => 'ready' in window);
  await page.evaluate(() => (window as unknown as OpenAIWindow).ready.then(() => {}));
  return page;
}

const minute = 60_000;

test("OpenAI's client works in a page, goes on after the service worker was ended, and learns of the engine's end", async ({ page, context }) => {
  if (isFull) test.setTimeout(40 * minute);
  await open(page);
  expect(await ask(page, 4)).toMatch(/^503 not_loaded: .*No page of this site has an engine/);
  await page.setInputFiles('input', { ...tinyModel, buffer: Buffer.from(await storiesWithTools()) });
  await expect(page).toHaveTitle('loaded', { timeout: 120_000 });
  const check = (name: string) =>
    test.step(name, () => page.evaluate(([asked, wanted]) => (window as unknown as OpenAIWindow).run(asked, wanted), [name, golden] as const));
  for (const name of Object.keys(suite)) await check(name);
  for (const point of isFull ? Object.keys(schemaChecks) : []) {
    await check(point);
    record({ point: `OpenAI's client and the service worker: ${point}, 0 that do not pass`, command: 'npx playwright test service-worker', value: 0 });
  }
  const text = await ask(page, 12);

  await test.step('after the browser has ended the service worker', async () => {
    const browser = await context.newCDPSession(page);
    const seen: string[] = [];
    browser.on('ServiceWorker.workerVersionUpdated', ({ versions }) => seen.push(...versions.map(({ runningStatus }) => runningStatus)));
    await browser.send('ServiceWorker.enable');
    await browser.send('ServiceWorker.stopAllWorkers');
    await expect.poll(() => seen.at(-1)).toBe('stopped');
    expect(await ask(page, 12)).toBe(text);
    await expect.poll(() => seen.at(-1)).toBe('running');
  });

  await test.step('in another page, until the one with the engine is closed in the middle of an answer', async () => {
    const other = await open(await context.newPage());
    expect(await ask(other, 12)).toBe(text);
    const before = await other.evaluate(() => (window as unknown as OpenAIWindow).chunks);
    const long = ask(other, 400);
    await other.waitForFunction((count) => (window as unknown as OpenAIWindow).chunks > count + 2, before);
    await page.close();
    expect(await long).toMatch(/network error|closed/i);
    expect(await ask(other, 4)).toMatch(/^503 not_loaded/);
  });
});
