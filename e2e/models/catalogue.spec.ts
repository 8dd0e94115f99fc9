// The list of models against what the servers have: another size or hash is told and asked about, not a failure.
import { createHash } from 'node:crypto';
import { expect, type Page } from '@playwright/test';
import { composer, quick, serveTiny, test, tinyModel } from '../support/page.ts';

const sha256 = createHash('sha256').update(tinyModel.buffer).digest('hex');
const listed = (page: Page, about: { bytes?: number; sha256?: string }) =>
  page
    .context()
    .route('**/catalogue.json', (route) =>
      route.fulfill({ json: { models: [{ name: 'Stories', model: './models/stories.gguf', licence: 'MIT', ...about }] } }),
    );
const load = async (page: Page, about: { bytes?: number; sha256?: string }) => {
  await serveTiny(page);
  await listed(page, about);
  await page.goto(quick());
  await page.getByRole('button', { name: /^Load the model/ }).click();
};

test('a listed model whose size and hash are right is loaded at once', async ({ page }) => {
  await load(page, { bytes: tinyModel.buffer.length, sha256 });
  await expect(composer(page)).toBeVisible();
});

test('a listed model of another size is asked about before it is downloaded', async ({ page }) => {
  await load(page, { bytes: 5_000_000, sha256 });
  await expect(page.getByRole('alert').filter({ hasText: 'The list of this page says 5.0 MB, but the file at the address has 1.1 MB' })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Download 1.1 MB and load' })).toBeVisible(); // clicked in the next test
});

test('a listed model with another hash is not kept, and asked about', async ({ page }) => {
  await load(page, { bytes: tinyModel.buffer.length, sha256: '0'.repeat(64) });
  await expect(page.getByRole('alert').filter({ hasText: 'its SHA-256 is another' })).toBeVisible();
  await page.getByRole('button', { name: 'Download 1.1 MB and load' }).click();
  await expect(composer(page)).toBeVisible();
});
