// OpenAI's own client in a page whose service worker answers through the page that holds the engine.
import { expect, type Page, test } from '@playwright/test';
import { schemaChecks } from '../test/api/openai-schemas.ts';
import { carried, suite } from '../test/api/openai-suite.ts';
import { storiesWithTools, suiteGolden } from '../test/api/tools-model.ts';
import { isFull, record } from '../test/verified.ts';
import { type OpenAIWindow } from './pages/openai.ts';
import { pagesPort } from './support/ports.ts';
import { kernels, tinyModel } from './support/tiny-model.ts';

test.use({ serviceWorkers: 'allow' });

/** In the short run events of responses are seen without calls, and calls in chats: serve-gpu and remote-gpu have both together. */
const briefly = Object.keys(carried).filter((name) => !name.startsWith('responds with calls'));

const golden = suiteGolden();
const ask = (page: Page, tokens: number) => page.evaluate((count) => (window as unknown as OpenAIWindow).ask(count), tokens);

async function open(page: Page): Promise<Page> {
  await page.goto(`http://127.0.0.1:${pagesPort}/openai.html?kernels=${kernels}`);
  await page.waitForFunction(() => 'ready' in window);
  await page.evaluate(() => (window as unknown as OpenAIWindow).ready.then(() => {}));
  return page;
}

async function openWithModel(page: Page): Promise<void> {
  await open(page);
  expect(await ask(page, 4)).toMatch(/^503 not_loaded: .*No page of this site has an engine/);
  await page.setInputFiles('input', { ...tinyModel, buffer: Buffer.from(await storiesWithTools()) });
  await expect(page).toHaveTitle('loaded', { timeout: 120_000 });
}

const run = (page: Page, name: string) =>
  test.step(name, () => page.evaluate(([check, wanted]) => (window as unknown as OpenAIWindow).run(check, wanted), [name, golden] as const));

test("OpenAI's client works in a page, goes on after the service worker was ended, and learns of the engine's end", async ({ page, context }) => {
  await openWithModel(page);
  for (const name of isFull ? Object.keys(suite) : briefly) await run(page, name);
  for (const stream of [true, false]) {
    await test.step(`stops an answer ${stream ? 'in pieces' : 'that is to come whole'} when it is aborted`, async () => {
      const { submits, error } = await page.evaluate((asked) => (window as unknown as OpenAIWindow).abort(asked), stream);
      expect(error).toBeUndefined();
      expect(submits).toBeGreaterThan(3);
      expect(submits).toBeLessThan(20);
    });
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

// What windrow serve shows too (serve-gpu.test.ts).
for (const point of Object.keys(schemaChecks)) {
  test(`OpenAI's client in a page gets ${point}`, { tag: '@repeats' }, async ({ page }) => {
    await openWithModel(page);
    const value = await page.evaluate((check) => (window as unknown as OpenAIWindow).runSchemas(check), point);
    record({ point: `OpenAI's client and the service worker: ${point}, all pass; whole are`, command: 'npx playwright test service-worker', value });
  });
}
