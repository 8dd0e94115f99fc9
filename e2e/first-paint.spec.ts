// What a visitor sees before anything has answered: the models at once, in a page whose parts keep their places.
import { expect, type Page } from '@playwright/test';
import { composer, importChat, loadTiny, quick, test } from './support/page.ts';

/** Workers that are started and never say a word. */
const silenceWorkers = (page: Page) => page.addInitScript(() => {
  Object.assign(window, { Worker: class extends EventTarget { postMessage(): void {} terminate(): void {} } });
});

test('the models are there although the worker never answers', async ({ page }) => {
  await silenceWorkers(page);
  await page.goto('/');
  await expect(page.getByRole('heading', { name: 'SmolLM2-135M-Instruct Q4_1' })).toBeVisible({ timeout: 10_000 });
  await expect(page.getByRole('button', { name: /^Load the model/ })).toBeEnabled();
  await expect(page.getByRole('heading', { name: 'More models' })).toBeVisible();
  await expect(page.getByRole('status').filter({ hasText: 'Starting' })).toBeVisible();
});

test('the models are there although no GPU answers, and old chats open', async ({ page }) => {
  await page.addInitScript(() => {
    if (navigator.gpu) navigator.gpu.requestAdapter = () => new Promise(() => {});
  });
  await page.goto('/');
  await expect(page.getByRole('button', { name: /^Load the model/ })).toBeEnabled({ timeout: 10_000 });
  await importChat(page, 'Old', [{ role: 'user', content: 'Hello' }, { role: 'assistant', content: 'Hi there' }]);
  await expect(page.getByText('Hi there')).toBeVisible();
});

test('a file that is opened before the page knows what is stored is what is loaded', async ({ page }) => {
  await page.addInitScript(() => { // as on a slow machine
    const { gpu } = navigator;
    const ask = gpu.requestAdapter.bind(gpu);
    gpu.requestAdapter = async (options) => {
      await new Promise((resolve) => setTimeout(resolve, 2000));
      return ask(options);
    };
  });
  await page.goto(quick());
  await loadTiny(page);
  await page.waitForTimeout(1500);
  await expect(composer(page)).toBeVisible();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('stories260K');
});

const titles = {
  sentence: 'Name three colours of the rainbow.',
  word: 'w'.repeat(180),
  Japanese: '虹の色を三つ挙げてください。'.repeat(8),
  Arabic: 'اذكر ثلاثة من ألوان قوس قزح من فضلك '.repeat(5).trim(),
  Thai: 'บอกสีของรุ้งมาสามสี'.repeat(8),
};

test('a title ends in an ellipsis, whatever its length and script, and the side keeps its width', async ({ page }) => {
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.goto('/');
  for (const title of Object.values(titles)) {
    await importChat(page, title, [{ role: 'user', content: 'Hello' }, { role: 'assistant', content: 'Hi' }]);
    const button = page.getByRole('button', { name: title, exact: true });
    expect(await page.getByRole('complementary', { name: 'Chats' }).evaluate((side) => side.getBoundingClientRect().width)).toBe(280);
    expect(await button.evaluate((element) => ({ cut: element.scrollWidth > element.clientWidth, mark: getComputedStyle(element).textOverflow }))).toEqual({
      cut: true,
      mark: 'ellipsis',
    });
  }
  await page.setViewportSize({ width: 390, height: 844 });
  await page.getByRole('button', { name: 'Chats', exact: true }).click();
  expect(await page.getByRole('dialog', { name: 'Chats' }).evaluate((side) => side.scrollWidth <= side.clientWidth)).toBe(true);
});
