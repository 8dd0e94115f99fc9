// Makes docs/chat.png and docs/screenshots/*.png from the built page: `node scripts/screenshots.mjs` after `npm run build`.
// The model is loaded for real; the conversation is a sample that is imported, not the model's, so that the pictures stay
// the same and show all that a message may hold. The activity panel shows a tiny model at work, streamed, so that all of its
// plots are there and a GPU in software needs no minutes for it.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { chromium } from 'playwright';
import { preview } from 'vite';
import { chromiumArgs, findChromium } from './browser.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const docs = process.argv[2] ?? join(root, 'docs');
const outDir = process.argv[3] ?? 'dist/app';
const chats = JSON.parse(readFileSync(join(root, 'test/fixtures/ui/chats.json'), 'utf8'));
const views = [['phone', { width: 390, height: 844 }], ['desktop', { width: 1280, height: 800 }]];

const server = await preview({ root, build: { outDir }, preview: { port: 47877 }, logLevel: 'error' });
const address = server.resolvedUrls?.local[0] ?? '';
const profile = mkdtempSync(join(tmpdir(), 'windrow-screenshots-'));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: findChromium(),
  args: chromiumArgs,
  viewport: views[1][1],
  serviceWorkers: 'block',
});
mkdirSync(join(docs, 'screenshots'), { recursive: true });
try {
  const page = context.pages()[0];
  await page.goto(`${address}?max-tokens=40&seed=1`);
  await page.getByRole('button', { name: /^Load the model/ }).waitFor();
  await each(page, 'models');
  await page.getByRole('textbox', { name: /Address/ }).fill('models/SmolLM2-135M-Instruct.Q4_1.gguf');
  await page.keyboard.press('Enter');
  await page.getByText('How it is kept').waitFor();
  await each(page, 'plan');
  await page.getByRole('button', { name: 'Cancel' }).click();
  const choosing = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Import' }).click();
  await (await choosing).setFiles({ name: 'chats.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(chats)) });
  await page.getByRole('button', { name: /^Load the model/ }).click();
  await page.getByRole('textbox', { name: 'Message' }).waitFor({ timeout: 10 * 60_000 });
  await each(page, 'welcome');
  await page.getByRole('button', { name: chats.chats[0].title, exact: true }).click();
  await page.waitForTimeout(500);
  await page.screenshot({ path: join(docs, 'chat.png') });
  await each(page, 'chat');
  await page.setViewportSize(views[0][1]);
  await page.getByRole('button', { name: 'Chats' }).click();
  await page.waitForTimeout(300);
  await page.screenshot({ path: join(docs, 'screenshots/chats-phone-light.png') });
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Chat settings' }).click();
  await page.screenshot({ path: join(docs, 'screenshots/settings-phone-light.png') });
  await page.keyboard.press('Escape');
  await page.setViewportSize(views[1][1]);
  await page.getByRole('button', { name: 'Models' }).click();
  await page.getByRole('heading', { name: 'On this device' }).waitFor();
  await each(page, 'stored');
  await page.setViewportSize(views[1][1]);
  await page.goto(`${address}?model=stories260K.gguf&max-tokens=150&seed=1&budget=1500kB`);
  const tiny = gunzipSync(readFileSync(join(root, 'test/fixtures/stories260K/stories260K.gguf.gz')));
  await page.locator('input[type=file]').setInputFiles({ name: 'stories260K.gguf', mimeType: 'application/octet-stream', buffer: tiny });
  for (const question of ['Once upon a time', 'The little dog', 'A big red ball']) {
    await page.getByRole('textbox', { name: 'Message' }).fill(question);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Stop' }).waitFor();
    await page.getByRole('button', { name: 'Send' }).waitFor({ timeout: 5 * 60_000 });
  }
  await page.getByRole('button', { name: 'Activity' }).click();
  await page.waitForTimeout(1500);
  await each(page, 'activity');
} finally {
  await context.close();
  await server.close();
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
}

async function each(page, name) {
  for (const [size, viewport] of views) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ['dark', 'light']) {
      await page.emulateMedia({ colorScheme });
      await page.waitForTimeout(150);
      await page.screenshot({ path: join(docs, `screenshots/${name}-${size}-${colorScheme}.png`) });
    }
  }
}
