// The chat page in Firefox as a visitor has it: a first visit, answers, Stop, a second visit without the network, storage,
// hostile answers. `npm run build` first; scripts/test.mjs does.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Page } from 'puppeteer-core';
import { preview, type PreviewServer } from 'vite';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { defaultModelPath } from '../../test/models/default-model.ts';
import { isFull } from '../../test/verified.ts';
import { aliveIn, hostile } from '../support/hostile-text.ts';
import { kernels, tinyModel } from '../support/tiny-model.ts';
import { port } from '../support/ports.ts';
import { answers, ask, askToTheEnd, button, chooseFile, click, type Firefox, named, openFirefox, ready, says, shown, textOf } from './firefox.ts';

const golden = (JSON.parse(readFileSync('test/fixtures/smollm2/greedy.json', 'utf8')) as { user: string; text: string }[])[0];
/** What the golden's first 16 tokens say. */
const first16 = 'The waves of the sea, a silent beauty,\nA gentle lapping of';
const address = `http://127.0.0.1:${port + 2}`;
const quick = `kernels=${kernels}&temperature=0`;

let firefox: Firefox;
let site: PreviewServer | undefined;
let page: Page;
const folder = mkdtempSync(join(tmpdir(), 'windrow-model-'));
const tiny = join(folder, tinyModel.name);
writeFileSync(tiny, tinyModel.buffer);

beforeAll(async () => {
  firefox = await openFirefox();
});
afterAll(async () => {
  await firefox.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  site = await preview({ preview: { host: '127.0.0.1', port: port + 2, strictPort: true }, logLevel: 'error' });
  page = await firefox.newPage();
});
afterEach(async () => {
  await page.browserContext().close();
  await disconnect();
});

/** Ends the server: what the page shows from here on it has in the browser. */
async function disconnect(): Promise<void> {
  await site?.close();
  site = undefined;
}

const submits = () => page.evaluate(async () => (await document.querySelector('windrow-app')!.engine!.stats()).submits);

/** Clicks Stop in mid-answer; after that the answer must not grow and the GPU must get no more work. */
async function stopHoldsStill(question: string): Promise<void> {
  await ask(page, question);
  await expect.poll(async () => (await answers(page)).at(-1)?.split(/\s+/).length ?? 0, { timeout: 60_000, interval: 50 }).toBeGreaterThan(3);
  await click(page, button('Stop'));
  await shown(page, button('Send'));
  const text = (await answers(page)).at(-1);
  const count = await submits();
  expect(count).toBeGreaterThan(0);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  expect((await answers(page)).at(-1)).toBe(text);
  expect(await submits()).toBe(count);
  await says(page, 'Stopped');
}

test.skipIf(!defaultModelPath)('the default model gives the golden answer, again and with the network off, and stops', async () => {
  // In the short run with kernels by name: library.test.ts has a load measure and test them.
  await page.goto(`${address}/?max-tokens=16&f32&temperature=0&repeat-penalty=1${isFull ? '' : `&kernels=${kernels}`}`);
  await click(page, named('Load the model (98 MB)'));
  await ready(page);
  expect(golden.text.startsWith(first16)).toBe(true);
  expect(await askToTheEnd(page, golden.user)).toBe(first16);
  await says(page, 'cut off at the limit');
  await click(page, button('Regenerate'));
  await shown(page, button('Stop'));
  await shown(page, button('Send'));
  expect(await answers(page)).toEqual([first16]);

  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  await disconnect();
  await expect(fetch(address)).rejects.toThrow();
  await page.reload(); // from the service worker, the model from storage
  await ready(page);
  expect(await askToTheEnd(page, golden.user)).toBe(first16);

  await click(page, named('New chat'));
  await click(page, button('Chat settings'));
  await (await shown(page, '>>> input[name=maxTokens]')).evaluate((input) => ((input as HTMLInputElement).value = ''));
  await click(page, named('Apply'));
  await stopHoldsStill('Tell me a long story about a ship.');
});

test('a model from a file is kept, verified, loaded again after a reload, and deleted', async () => {
  await page.goto(`${address}/?${quick}&max-tokens=24`);
  await chooseFile(page, tiny);
  await ready(page);
  const first = await askToTheEnd(page, 'Once upon a time');
  expect(first.length).toBeGreaterThan(20);
  expect(await page.evaluate(async () => (await navigator.storage.estimate()).usage!)).toBeGreaterThan(1e6);

  await page.reload();
  await click(page, button('Verify stories260K'));
  await says(page, 'Whole: every byte is as it was stored.');
  await click(page, button('Load stories260K'));
  await ready(page);
  expect(await askToTheEnd(page, 'Once upon a time')).toBe(first);

  await page.reload();
  await click(page, button('Delete stories260K'));
  await click(page, button('Delete stories260K for good'));
  await expect.poll(() => page.evaluate(textOf), { timeout: 60_000 }).not.toContain('On this device');
});

test('what a model writes is harmless', async () => {
  await page.goto(`${address}/`);
  await shown(page, named('Load the model'));
  const messages = [{ role: 'user', content: 'Attack me' }, { role: 'assistant', content: hostile }];
  const chats = { format: 'windrow-chats', version: 1, chats: [{ title: 'Hostile', messages }] };
  await page.evaluate((text) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([text], 'chats.json', { type: 'application/json' }));
    document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
  }, JSON.stringify(chats));
  await click(page, named('Hostile'));
  const answer = await shown(page, '>>> windrow-message[aria-label=Answer]');
  await shown(page, '>>> windrow-message[aria-label=Answer] >>> a');
  const found = await answer.evaluate(aliveIn);
  expect(found).toMatchObject({ tags: [], handlers: [], links: [] });
  expect(found.text).toContain('<script>document.title = "hit"</script>');
  expect(await page.title()).toBe('windrow');
});
