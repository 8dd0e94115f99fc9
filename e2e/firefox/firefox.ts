// A Firefox for tests with a profile of its own, driven over WebDriver BiDi, with what the tests ask of its pages. Knows
// how a visitor finds things there; what should be there is the tests' affair.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ElementHandle, launch, type Page } from 'puppeteer-core';
import { expect } from 'vitest';
import { findFirefox, firefoxPreferences } from '../../scripts/browser.mjs';

const minute = 60_000;

export interface Firefox {
  /** A page with a storage of its own. */
  newPage(): Promise<Page>;
  close(): Promise<void>;
}

export async function openFirefox(): Promise<Firefox> {
  const home = mkdtempSync(join(tmpdir(), 'windrow-firefox-')); // it writes there, whatever its profile is
  const browser = await launch({
    browser: 'firefox', executablePath: findFirefox(), headless: true, extraPrefsFirefox: firefoxPreferences,
    defaultViewport: { width: 1280, height: 800 }, timeout: 2 * minute, protocolTimeout: 9 * minute,
    env: { ...process.env, HOME: home, XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR ?? '/tmp' },
  });
  return {
    async newPage() {
      const page = await (await browser.createBrowserContext()).newPage();
      page.setDefaultTimeout(2 * minute);
      return page;
    },
    async close() {
      await browser.close();
      rmSync(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Selectors as a visitor would name things; they reach into shadow roots. */
export const button = (name: string): string => `>>> button[aria-label="${name}"]`;
export const named = (text: string): string => `>>> button::-p-text(${text})`;
const composer = '>>> textarea#message';

/** Waits until `selector` finds something to see. Asked again and again: puppeteer's own way hears of no change within a shadow root. */
export async function shown(page: Page, selector: string, timeout = 2 * minute): Promise<ElementHandle<HTMLElement>> {
  let found: ElementHandle | undefined;
  const look = async (): Promise<boolean> => {
    for (const each of await page.$$(selector)) if (await each.isVisible()) found = each;
    return found !== undefined;
  };
  await expect.poll(look, { message: selector, timeout, interval: 100 }).toBe(true);
  return found as ElementHandle<HTMLElement>;
}

export const click = async (page: Page, selector: string): Promise<void> => (await shown(page, selector)).click();
/** The model is loaded: its kernels may have been measured, tested and compiled for it. */
export const ready = async (page: Page): Promise<void> => void (await shown(page, composer, 5 * minute));

/** Waits until the page says `words`. */
export async function says(page: Page, words: string): Promise<void> {
  await expect.poll(() => page.evaluate(textOf), { message: words, timeout: minute, interval: 100 }).toContain(words);
}

/** All that stands in the page, in shadow roots too. Runs there. */
export function textOf(): string {
  const walk = (node: Node): string => {
    if (node instanceof Text) return node.data;
    if (node instanceof HTMLStyleElement || node instanceof HTMLScriptElement) return '';
    return [...((node as Element).shadowRoot?.childNodes ?? []), ...node.childNodes].map(walk).join('');
  };
  return walk(document.body).replace(/\s+/g, ' ');
}

export async function chooseFile(page: Page, path: string): Promise<void> {
  await shown(page, named('Load the model'));
  await ((await page.$('>>> input[type=file]')) as ElementHandle<HTMLInputElement>).uploadFile(path);
}

/** The texts of all answers in the open chat. */
export const answers = (page: Page): Promise<string[]> =>
  page.$$eval('>>> windrow-message[aria-label=Answer]', (messages) =>
    messages.map((message) => message.shadowRoot!.querySelector<HTMLElement>('.text')!.innerText));

export async function ask(page: Page, question: string): Promise<void> {
  await (await shown(page, composer)).type(question);
  await click(page, button('Send'));
}

/** Asks, waits until the answer is complete, and gives it. */
export async function askToTheEnd(page: Page, question: string): Promise<string> {
  const before = (await answers(page)).length;
  await ask(page, question);
  await expect.poll(async () => (await answers(page)).length, { timeout: minute, interval: 100 }).toBe(before + 1);
  await shown(page, button('Send'), 5 * minute);
  return (await answers(page)).at(-1)!;
}
