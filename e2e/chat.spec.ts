// The chat page as a visitor has it, on the built page: load, answer, answer again without the network, stop.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { chromium, expect, test as base, type BrowserContext, type Page } from '@playwright/test';
import { chromiumArgs, findChromium } from '../scripts/browser.mjs';

interface Golden {
  user: string;
  text: string;
}
const golden = (JSON.parse(readFileSync('test/fixtures/smollm2/greedy.json', 'utf8')) as Golden[])[0];
/** What the golden's first 16 tokens say. */
const first16 = 'The waves of the sea, a silent beauty,\nA gentle lapping of';
const tinyModel = { name: 'stories260K.gguf', mimeType: 'application/octet-stream', buffer: gunzipSync(readFileSync('test/fixtures/stories260K/stories260K.gguf.gz')) };

// A persistent profile on disk: Chromium keeps the storage of its default contexts in memory.
const test = base.extend<{ context: BrowserContext; page: Page }>({
  context: async ({ baseURL }, use) => {
    const profile = mkdtempSync(join(tmpdir(), 'windrow-profile-'));
    const context = await chromium.launchPersistentContext(profile, { executablePath: findChromium(), args: chromiumArgs, baseURL });
    await use(context);
    await context.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  },
  page: async ({ context }, use) => {
    const page = context.pages()[0];
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => {
      if (/content.security.policy/i.test(message.text())) problems.push(message.text());
    });
    await use(page);
    expect(problems).toEqual([]);
  },
});

/** Requests for models from here on; worker requests too. */
function modelRequests(context: BrowserContext): string[] {
  const urls: string[] = [];
  context.on('request', (request) => {
    if (request.url().includes('.gguf')) urls.push(request.url());
  });
  return urls;
}

/** Only the page's own files still answer, as if a service worker had them. */
const cutOff = (context: BrowserContext, baseURL: string): Promise<unknown> =>
  context.route('**/*', (route) => {
    const url = route.request().url();
    return url.startsWith(baseURL) && !url.includes('.gguf') ? route.continue() : route.abort('internetdisconnected');
  });

const composer = (page: Page) => page.getByRole('textbox', { name: 'Message' });
const answer = (page: Page) => page.getByRole('article', { name: 'Answer' }).last().locator('.text');
const idle = (page: Page) => expect(page.getByRole('button', { name: 'Send' })).toBeVisible({ timeout: 5 * 60_000 });
const submits = (page: Page) => page.evaluate(async () => (await document.querySelector('windrow-app')!.engine!.stats()).submits);

async function ask(page: Page, question: string): Promise<void> {
  await composer(page).fill(question);
  await composer(page).press('Enter');
}

async function askToTheEnd(page: Page, question: string): Promise<string> {
  await ask(page, question);
  await expect(answer(page)).not.toBeEmpty({ timeout: 5 * 60_000 });
  await idle(page);
  return answer(page).innerText();
}

/** Clicks Stop in mid-answer; after that the answer must not grow and the GPU must get no more work. */
async function stopHoldsStill(page: Page, question: string): Promise<void> {
  await ask(page, question);
  await expect.poll(async () => (await answer(page).innerText()).split(/\s+/).length, { timeout: 5 * 60_000, intervals: [50] }).toBeGreaterThan(3);
  await page.getByRole('button', { name: 'Stop' }).click();
  const text = await answer(page).innerText();
  const count = await submits(page);
  expect(count).toBeGreaterThan(0);
  await page.waitForTimeout(3000);
  expect(await answer(page).innerText()).toBe(text);
  expect(await submits(page)).toBe(count);
  await expect(page.getByText('Stopped', { exact: true })).toBeVisible();
}

test('the default model gives the golden answer, and gives it again from the store when the network is cut off', async ({ context, page, baseURL }) => {
  expect(golden.text.startsWith(first16)).toBe(true);
  const requested = modelRequests(context);
  await page.goto('/?max-tokens=16&f32');
  await page.getByRole('button', { name: 'Load the model (98 MB)' }).click();
  await expect(composer(page)).toBeVisible({ timeout: 5 * 60_000 });
  expect(requested.length).toBeGreaterThan(0);
  expect(await askToTheEnd(page, golden.user)).toBe(first16);
  await expect(page.getByText('cut off at the limit')).toBeVisible();

  await cutOff(context, baseURL!);
  requested.length = 0;
  await page.reload();
  await expect(composer(page)).toBeVisible({ timeout: 5 * 60_000 });
  expect(await askToTheEnd(page, golden.user)).toBe(first16);
  expect(requested).toEqual([]);

  await page.goto('/?f32');
  await expect(composer(page)).toBeVisible({ timeout: 5 * 60_000 });
  await stopHoldsStill(page, 'Tell me a long story about a ship.');
});

test('a model from the file picker answers, stops, and answers the same after a reload', async ({ context, page, baseURL }) => {
  await page.goto('/?max-tokens=100');
  await page.locator('input[type=file]').setInputFiles(tinyModel);
  await expect(composer(page)).toBeVisible();
  const first = await askToTheEnd(page, 'Once upon a time');
  expect(first.length).toBeGreaterThan(20);

  await cutOff(context, baseURL!);
  await page.reload();
  await page.getByRole('button', { name: /^Load (?!the)/ }).click(); // under "On this device"
  await expect(composer(page)).toBeVisible();
  expect(await askToTheEnd(page, 'Once upon a time')).toBe(first);

  await page.goto('/');
  await page.getByRole('button', { name: /^Load (?!the)/ }).click();
  await stopHoldsStill(page, 'Once upon a time');
  await page.getByRole('button', { name: 'New chat' }).click();
  await expect(page.getByText('What would you like to ask?')).toBeVisible();
});

test('a file that is no model is refused in words, and another one still loads', async ({ page }) => {
  await page.goto('/');
  await page.locator('input[type=file]').setInputFiles({ ...tinyModel, name: 'notes.gguf', buffer: Buffer.from('Dear diary') });
  await expect(page.getByRole('alert').first()).toContainText('GGUF');
  await page.getByRole('button', { name: 'Dismiss' }).click();
  await page.locator('input[type=file]').setInputFiles(tinyModel);
  await expect(composer(page)).toBeVisible();
});

test('a browser without WebGPU is told what would help', async ({ page }) => {
  await page.addInitScript(() => Object.defineProperty(navigator, 'gpu', { value: undefined }));
  await page.goto('/');
  await expect(page.getByRole('heading', { name: 'This browser has no WebGPU' })).toBeVisible();
  await expect(page.getByRole('button', { name: /Load/ })).toHaveCount(0);
});

test('what a model or a person writes is shown as text, never as markup', async ({ page }) => {
  await page.goto('/?max-tokens=1');
  await page.locator('input[type=file]').setInputFiles(tinyModel);
  const markup = '<img src=x onerror="document.title=\'hit\'"><script>document.title="hit"</script>';
  await ask(page, markup);
  await expect(page.getByRole('article', { name: 'You' })).toHaveText(markup);
  await idle(page);
  expect(await page.title()).toBe('windrow');
});
