// Models as a visitor gets and keeps them: an address with its plan, drag and drop, sizes, verifying, deleting.
import { expect, type Page } from '@playwright/test';
import { composer, test, tinyModel } from './page.ts';

const serve = (page: Page) => page.context().route('**/stories.gguf', (route) => {
  const range = /bytes=(\d+)-(\d*)/.exec(route.request().headers().range ?? '');
  const [from, to] = range ? [Number(range[1]), Math.min(Number(range[2] || Infinity), tinyModel.buffer.length - 1)] : [0, tinyModel.buffer.length - 1];
  return route.fulfill({
    status: range ? 206 : 200,
    headers: { 'accept-ranges': 'bytes', 'content-length': String(to - from + 1), 'access-control-expose-headers': '*', ...(range ? { 'content-range': `bytes ${from}-${to}/${tinyModel.buffer.length}` } : {}) },
    body: tinyModel.buffer.subarray(from, to + 1),
  });
});

test('of an address, the plan comes before the download; then it is kept, verified and deleted', async ({ page }) => {
  await serve(page);
  await page.goto('/');
  await page.getByRole('textbox', { name: /Address/ }).fill('models/stories.gguf');
  await page.keyboard.press('Enter');
  await expect(page.getByText(/^Fits: takes .* of the GPU\.$/)).toBeVisible();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('textbox', { name: /Address/ }).fill('models/stories.gguf');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: /^Download 1.1 MB and load/ }).click();
  await expect(composer(page)).toBeVisible();

  await page.getByRole('button', { name: 'Models' }).click();
  await expect(page.getByText('used just now')).toBeVisible();
  await expect(page.getByText(/used of .* that the browser allows/)).toBeVisible();
  await page.reload();
  await page.getByRole('button', { name: /^Verify/ }).click();
  await expect(page.getByText('Whole: every byte is as it was stored.')).toBeVisible();
  await page.getByRole('button', { name: /^Delete stories/ }).click();
  await expect(page.getByRole('heading', { name: 'On this device' })).toHaveCount(0);
});

test('a model that is dropped on the page is loaded', async ({ page }) => {
  await page.goto('/');
  await expect(page.getByRole('button', { name: /^Load the model/ })).toBeVisible();
  const transfer = await page.evaluateHandle((base64) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], 'dropped.gguf'));
    return data;
  }, tinyModel.buffer.toString('base64'));
  await page.dispatchEvent('body', 'drop', { dataTransfer: transfer });
  await expect(composer(page)).toBeVisible();
});

test('an address that leads nowhere is told in words', async ({ page }) => {
  await page.goto('/');
  await page.getByRole('textbox', { name: /Address/ }).fill('models/none.gguf');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('alert').first()).toContainText('404');
  await page.getByRole('textbox', { name: /Address/ }).fill('javascript:alert(1)');
  await page.keyboard.press('Enter');
  await expect(page.getByText('This is no http or https address, and no owner/repo.')).toBeVisible();
});

test('a budget that is too small is refused with what would fit', async ({ page }) => {
  await page.goto('/?budget=100kB');
  await page.locator('input[type=file]').setInputFiles(tinyModel);
  await expect(page.getByRole('alert').first()).toContainText('budget');
});
