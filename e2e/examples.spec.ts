// The example pages of the guides, with the real client library, on a tiny model.
import { expect, type Page, test } from '@playwright/test';
import { pagesPort } from './support/ports.ts';
import { kernels, tinyModel } from './support/tiny-model.ts';

const addressOf = (name: string): string => `http://127.0.0.1:${pagesPort}/${name}.html?kernels=${kernels}`;

async function tellsOfNoModel(page: Page, name: string): Promise<void> {
  await page.goto(addressOf(name));
  await page.getByLabel('Model (GGUF)').setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('No model.') });
  await page.getByRole('button', { name: 'Ask' }).click();
  await expect(page.getByRole('status')).toContainText('GGUF');
}

async function answerOf(page: Page, name: string): Promise<string> {
  if (page.url() !== addressOf(name)) await page.goto(addressOf(name));
  await page.getByLabel('Model (GGUF)').setInputFiles(tinyModel);
  await page.getByRole('button', { name: 'Ask' }).click();
  await expect(page).toHaveTitle('answered', { timeout: 120_000 });
  return page.getByRole('status').innerText();
}

test('the AI SDK streams an answer in a page, the same each time as no temperature is asked for', async ({ page }) => {
  await tellsOfNoModel(page, 'ai-sdk');
  const text = await answerOf(page, 'ai-sdk');
  expect(text.length).toBeGreaterThan(20);
  await page.evaluate(() => (document.title = ''));
  await page.getByRole('button', { name: 'Ask' }).click();
  await expect(page).toHaveTitle('answered', { timeout: 60_000 });
  expect(await page.getByRole('status').innerText()).toBe(text);
});

test('the Prompt API goes on from a prefix in a page, and answers in a given form', async ({ page }) => {
  expect(await answerOf(page, 'prompt-api')).toMatch(/^Once upon a time[A-Za-z ,.]{38,40} ?Good: (true|false)$/);
});

test.describe('of a service worker', () => {
  test.use({ serviceWorkers: 'allow' });

  // service-worker.spec.ts has the client do more in a page of its own.
  test("OpenAI's client streams an answer of the page's engine through the service worker", { tag: '@repeats' }, async ({ page }) => {
    await tellsOfNoModel(page, 'service-worker');
    const text = await answerOf(page, 'service-worker');
    expect(text.length).toBeGreaterThan(20);
    const browser = await page.context().newCDPSession(page);
    await Promise.all([page.waitForEvent('load'), browser.send('Page.reload', { ignoreCache: true })]); // past the service worker
    expect(await page.evaluate(() => navigator.serviceWorker.controller)).toBeNull();
    expect(await answerOf(page, 'service-worker')).toBe(text);
  });
});
