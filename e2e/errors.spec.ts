// What goes wrong with the GPU, as a visitor sees it. Bad files and addresses are in chat.spec.ts and models.spec.ts,
// networks in download.spec.ts, full storage in storage.spec.ts.
import { expect } from '@playwright/test';
import { answer, ask, askToTheEnd, composer, idle, importChat, loadTiny, quick, test, tinyModel } from './support/page.ts';

test('a browser with WebGPU but no adapter is told what would help, and old chats can be read', async ({ page }) => {
  await page.addInitScript(() => {
    GPU.prototype.requestAdapter = async () => null;
  });
  await page.goto('/');
  await expect(page.getByRole('heading', { name: 'The browser found no usable GPU' })).toBeVisible();
  await expect(page.getByText('hardware acceleration')).toBeVisible();
  await importChat(page, 'Old', [{ role: 'user', content: 'Hello' }, { role: 'assistant', content: 'Good day' }]);
  await expect(page.getByText('Good day')).toBeVisible();
  await expect(page.getByText('chats can be read')).toBeVisible();
});

test('a GPU budget that is too small is refused with numbers, and a larger one can be chosen there', async ({ page }) => {
  await page.goto(quick('budget=100kB'));
  await page.locator('input[type=file]').setInputFiles(tinyModel);
  await expect(page.getByRole('alert').first()).toContainText(/\d.*budget/);
  await page.getByRole('slider', { name: 'GPU budget' }).fill('2');
  await expect(page.getByText('GPU budget: 0.5 GiB')).toBeVisible();
  await expect(page.getByText(/^Fits: .* of the 537 MB/)).toBeVisible();
  await page.getByRole('button', { name: 'Load', exact: true }).click();
  await expect(composer(page)).toBeVisible();
});

test.describe('where a part of the browser ends', () => {
  test.use({ ownBrowser: true });

  for (const [when, tag] of [['between two answers', ['@repeats']], ['in the middle of one', []]] as const) {
    test(`a GPU that is lost ${when} comes back by itself: the text is the same, and a note tells`, { tag: [...tag] }, async ({ page, context }) => {
      await page.goto(quick('max-tokens=200&temperature=0&f32'));
      await loadTiny(page);
      const before = await askToTheEnd(page, 'Once upon a time');
      await page.getByRole('button', { name: 'New chat' }).click();
      const crash = async (): Promise<unknown> => (await context.newCDPSession(page)).send('Browser.crashGpuProcess');
      if (when === 'between two answers') await crash();
      await ask(page, 'Once upon a time');
      await expect(answer(page)).not.toBeEmpty({ timeout: 60_000 });
      if (when === 'in the middle of one') {
        await crash();
        const written = (await answer(page).innerText()).length;
        expect(written, 'the answer had begun and had not ended').toBeLessThan(before.length);
      }
      await idle(page);
      expect(await answer(page).innerText()).toBe(before);
      await expect(page.getByRole('article', { name: 'Answer' }).last()).toContainText('The GPU was lost; the model was back after');
      await expect(page.getByRole('alert')).toHaveCount(0);
    });
  }
});
