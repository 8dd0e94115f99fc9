// A model that reasons before it answers, and the switch for it in the settings of a chat.
import { expect } from '@playwright/test';
import { vary } from '../test/models/vary.ts';
import { askToTheEnd, composer, loadTiny, quick, test, tinyModel } from './support/page.ts';

/** Begins the reasoning itself, unless it is told not to. */
const template = "{% for m in messages %}{{ m.content }} {% endfor %}{% if enable_thinking is not defined or enable_thinking %}<think>{{ '\\n' }}{% endif %}";

test('a chat is told whether the model is to think, where its template listens', async ({ page }) => {
  const model = await vary('stories260K/stories260K.gguf', { metadata: { 'tokenizer.chat_template': { type: 'string', value: template } } });
  await page.goto(quick('max-tokens=12&temperature=0'));
  await page.locator('input[type=file]').setInputFiles({ ...tinyModel, name: 'thinker.gguf', buffer: Buffer.from(model) });
  await expect(composer(page)).toBeVisible();

  const think = page.getByRole('checkbox', { name: 'Think before answering' });
  const settings = async (change: () => Promise<void>) => {
    await page.getByRole('button', { name: 'Chat settings' }).click();
    await change();
    await page.getByRole('button', { name: 'Apply' }).click();
  };
  const said = page.getByRole('article', { name: 'Answer' }).last();
  await composer(page).fill('Once upon a time');
  await composer(page).press('Enter');
  await expect(said.locator('details')).toBeVisible({ timeout: 60_000 });
  await expect(page.getByRole('button', { name: 'Send' })).toBeVisible({ timeout: 60_000 });

  await settings(async () => {
    await expect(think).toBeChecked();
    await think.uncheck();
  });
  expect(await askToTheEnd(page, 'Once upon a time')).not.toBe('');
  await expect(said.locator('details')).toHaveCount(0);
  await settings(() => expect(think).not.toBeChecked());
});

test('a template without such a variable has no switch', async ({ page }) => {
  await page.goto(quick());
  await loadTiny(page);
  await page.getByRole('button', { name: 'Chat settings' }).click();
  await expect(page.getByLabel('System prompt')).toBeVisible();
  await expect(page.getByRole('checkbox', { name: 'Think before answering' })).toHaveCount(0);
});
