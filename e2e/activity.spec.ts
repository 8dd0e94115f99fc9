// The activity panel on a real model, and what it copies.
import { expect } from '@playwright/test';
import { askToTheEnd, loadTiny, test } from './page.ts';

test('the activity panel shows speed and bytes, copies a report, and a budget holds for the next load', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.goto('/?max-tokens=12&temperature=0');
  await loadTiny(page);
  await askToTheEnd(page, 'Once upon a time');
  await page.getByRole('button', { name: 'Activity' }).click();
  const panel = page.getByRole('dialog', { name: 'What the model is doing' });
  await expect(panel.getByText(/tokens\/s$/)).toBeVisible();
  await expect(panel.locator('canvas')).toHaveCount(2);
  await expect(panel.getByText('weights', { exact: true })).toBeVisible();
  await panel.getByRole('button', { name: 'Copy a report' }).click();
  await expect(panel.getByText('Copied.')).toBeVisible();
  const report = await page.evaluate(() => navigator.clipboard.readText());
  expect(report).toMatch(/^model: .*\nadapter: .*\nbrowser: .*\nkernels: /);
  expect(report).not.toContain('Once upon');
  await panel.getByRole('slider').fill('3');
  await expect(panel.getByText('GPU budget of the next load: 1 GiB')).toBeVisible();
  await panel.getByRole('button', { name: 'Load the model again' }).click();
  await expect(page.getByRole('textbox', { name: 'Message' })).toBeVisible();
  expect(await page.evaluate(async () => (await document.querySelector('windrow-app')!.engine!.stats()).budgetBytes)).toBe(2 ** 30);
});
