// What the tests of the page share: a profile on disk, a tiny model, and how one asks.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, expect, test as base, type BrowserContext, type Page } from '@playwright/test';
import { chromiumArgs, findChromium } from '../../scripts/browser.mjs';
import { isFull } from '../../test/verified.ts';
import { giveCosts, keepCosts } from './notes.ts';
import { kernels, tinyModel } from './tiny-model.ts';

export { tinyModel };

interface Options {
  /** A browser of its own with its profile on disk: for what outlives a browser's pages, or ends a part of it. */
  ownBrowser: boolean;
}

// Tests share the browser of their worker, each in a context of its own, which keeps its storage in memory: a start takes as long as a load.
export const test = base.extend<Options & { context: BrowserContext; page: Page }>({
  ownBrowser: [false, { option: true }],
  context: async ({ context: shared, baseURL, ownBrowser, serviceWorkers }, use) => {
    if (!ownBrowser) return use(shared);
    const profile = mkdtempSync(join(tmpdir(), 'windrow-profile-'));
    const context = await chromium.launchPersistentContext(profile, { executablePath: findChromium(), args: chromiumArgs, baseURL, serviceWorkers });
    await use(context);
    await context.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  },
  page: async ({ page, baseURL }, use) => {
    await giveCosts(page, baseURL!);
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => {
      if (/content.security.policy/i.test(message.text())) problems.push(message.text());
    });
    await use(page);
    await keepCosts(page, baseURL!);
    expect(problems).toEqual([]);
  },
});

/** True where e2e/firefox has shown the same in this run, in a fraction of the time. */
export const ranInFirefox = process.env.WINDROW_IN_FIREFOX === '1' && !isFull;

/** The page's address with kernels by name: a load measures and tests none, which takes seconds in software. Some tests leave that to the page. */
export const quick = (query = ''): string => `/?kernels=${kernels}${query && `&${query}`}`;

export const composer = (page: Page) => page.getByRole('textbox', { name: 'Message' });
export const answer = (page: Page) => page.getByRole('article', { name: 'Answer' }).last().locator('.text');
export const idle = (page: Page) => expect(page.getByRole('button', { name: 'Send' })).toBeVisible({ timeout: 5 * 60_000 });

export async function ask(page: Page, question: string): Promise<void> {
  await composer(page).fill(question);
  await composer(page).press('Enter');
}

export async function askToTheEnd(page: Page, question: string): Promise<string> {
  await ask(page, question);
  await expect(answer(page)).not.toBeEmpty({ timeout: 5 * 60_000 });
  await idle(page);
  return answer(page).innerText();
}

/** Loads the tiny model from the file picker. */
export async function loadTiny(page: Page): Promise<void> {
  await page.locator('input[type=file]').setInputFiles(tinyModel);
  await expect(composer(page)).toBeVisible();
}

/** Serves the tiny model, with ranges, to requests that are `allowed`. */
export const serveTiny = (page: Page, name = 'stories.gguf', allowed: (headers: Record<string, string>) => boolean = () => true) =>
  page.context().route(
    ({ pathname }) => pathname.endsWith(name),
    (route) => {
      if (!allowed(route.request().headers())) return route.fulfill({ status: 401, headers: { 'access-control-allow-origin': '*' }, body: '{}' });
      const range = /bytes=(\d+)-(\d*)/.exec(route.request().headers().range ?? '');
      const [from, to] = range ? [Number(range[1]), Math.min(Number(range[2] || Infinity), tinyModel.buffer.length - 1)] : [0, tinyModel.buffer.length - 1];
      return route.fulfill({
        status: range ? 206 : 200,
        headers: {
          'accept-ranges': 'bytes',
          'content-length': String(to - from + 1),
          'access-control-allow-origin': '*',
          'access-control-expose-headers': '*',
          ...(range ? { 'content-range': `bytes ${from}-${to}/${tinyModel.buffer.length}` } : {}),
        },
        body: tinyModel.buffer.subarray(from, to + 1),
      });
    },
  );

/** Goes to the models with all stored ones. */
export const openModels = (page: Page) => page.getByRole('button', { name: 'Models' }).click();

/** Types the address of a model, or its name on a hub. */
export async function askFor(page: Page, address: string): Promise<void> {
  await page.getByRole('textbox', { name: /Address/ }).fill(address);
  await page.keyboard.press('Enter');
}

interface ChatMessage {
  role: 'user' | 'assistant';
  content: string;
  note?: string;
}

/** Settings of chats that are asked on: those of the page's address are for chats that begin there, and an answer without an end takes the whole context. */
export const brief = { maxTokens: 4, temperature: 0 };

/** A chat as a file, imported and opened. Needs no model. */
export async function importChat(page: Page, title: string, messages: ChatMessage[], settings: Partial<typeof brief> = {}): Promise<void> {
  const file = JSON.stringify({ format: 'windrow-chats', version: 1, chats: [{ title, messages, ...settings }] });
  const menu = page.getByRole('button', { name: 'Chats', exact: true });
  if (await menu.isVisible()) await menu.click();
  const choosing = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Import' }).click();
  await (await choosing).setFiles({ name: 'chats.json', mimeType: 'application/json', buffer: Buffer.from(file) });
  await page.getByRole('button', { name: title, exact: true }).click();
}
