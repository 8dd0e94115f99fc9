// A download as a visitor has it: its numbers, pause, resume, cancel, going on later, a network that fails. From an origin
// that is as slow and as bad as a test asks.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@playwright/test';
import { settled, startOrigin, type Origin } from '../support/origin.ts';
import { askFor, composer, openModels, quick, test as base, tinyModel } from '../support/page.ts';

const test = base.extend<{ origin: Origin }>({
  origin: async ({}, use) => {
    const folder = mkdtempSync(join(tmpdir(), 'windrow-models-'));
    writeFileSync(join(folder, 'slow.gguf'), tinyModel.buffer);
    const origin = await startOrigin(folder);
    await use(origin);
    await origin.close();
    rmSync(folder, { recursive: true, force: true });
  },
});

test('a download tells its bytes, rate and time left; it pauses, goes on, is cancelled, and goes on later from there', async ({
  page,
  context,
  origin,
  baseURL,
}) => {
  const asked: string[] = [];
  context.on('request', (request) => asked.push(request.url()));
  await page.goto(quick());
  await askFor(page, `${origin.url}/slow.gguf`);
  const download = page.getByRole('button', { name: 'Download 1.1 MB and load' });
  await expect(download).toBeVisible();
  origin.behave = { bytesPerSecond: 100_000 };
  await download.click();
  await expect(page.getByText(/^[\d.]+ [kM]?B of 1\.\d MB · [\d.]+ kB\/s · \d+ s left$/)).toBeVisible();

  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(page.getByText('Paused')).toBeVisible();
  const numbers = page.getByText(/ of 1\.\d MB/);
  const held = await settled(() => numbers.innerText()); // what was under way arrives
  await page.getByRole('button', { name: 'Resume' }).click();
  await expect(numbers).not.toHaveText(held);

  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByRole('heading', { name: 'Another model' })).toBeVisible();
  await expect(page.getByRole('alert').filter({ hasText: /\w/ })).toHaveCount(0); // a cancel is no error
  await expect(page.getByText('not complete')).toBeVisible();

  origin.behave = {};
  await page.reload();
  await page.getByRole('button', { name: 'Continue stories260K' }).click(); // the address need not be known again
  await download.click();
  await expect(composer(page)).toBeVisible();
  expect(asked.filter((url) => !url.startsWith(baseURL!) && !url.startsWith(origin.url) && !url.startsWith('blob:') && !url.startsWith('data:'))).toEqual([]);
});

test('a network that fails is told in words, and the download goes on when it is back', async ({ page, origin }) => {
  await page.goto(quick());
  await askFor(page, `${origin.url}/slow.gguf`);
  const download = page.getByRole('button', { name: 'Download 1.1 MB and load' });
  await expect(download).toBeVisible();
  origin.behave = { offline: true };
  await download.click();
  await expect(page.getByRole('alert').first()).toContainText('Check the connection');
  origin.behave = {};
  await page.getByRole('button', { name: 'Try again' }).click();
  await expect(composer(page)).toBeVisible();
  await openModels(page);
  await expect(page.getByText('used just now')).toBeVisible();
});
