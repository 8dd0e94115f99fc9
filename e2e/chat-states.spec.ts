// The states of chats: off at first; turned on, a chat goes on after a reload without being read again, and what is kept goes with it.
import { expect, type Page } from '@playwright/test';
import { askToTheEnd, loadTiny, quick, test } from './support/page.ts';

const panel = (page: Page) => page.getByRole('dialog', { name: 'What the model is doing' });

async function openPanel(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Activity' }).click();
  await expect(panel(page)).toBeVisible();
}

const kept = (page: Page) => page.evaluate(async () => (await document.querySelector('windrow-app')!.engine!.sessions.list()).map(({ tokens }) => tokens));

test('a chat goes on after a reload without being read again, once the visitor asks for it', async ({ page }) => {
  await page.goto(quick('max-tokens=16&temperature=0'));
  await loadTiny(page);
  await askToTheEnd(page, 'Once upon a time');
  expect(await kept(page)).toEqual([]);
  await openPanel(page);
  await panel(page).getByLabel('What the model has read of chats').selectOption('512 MiB');
  await panel(page).getByRole('button', { name: 'Close' }).click();
  const long = 'Tom had a red ball and a big dog. They went to the park to play. '.repeat(3);
  await askToTheEnd(page, long);
  await expect.poll(() => kept(page)).toHaveLength(1);
  const [tokens] = await kept(page);

  await page.reload();
  await loadTiny(page);
  await page.getByRole('button', { name: 'Once upon a time', exact: true }).click();
  await askToTheEnd(page, 'And then?');
  await openPanel(page);
  const facts = /Prompt\s*(\d+) tokens, (\d+) cached/.exec(await panel(page).innerText())!;
  expect(Number(facts[2])).toBeGreaterThan(tokens - 24); // the last answer's text may be made of other tokens than it was written in
  expect(Number(facts[1]) - Number(facts[2])).toBeLessThan(Number(facts[1]) / 2); // and all that is run again is the last answer and what is new
  await expect(panel(page).getByText(/kept of 1 chat\./)).toBeVisible();

  await page.reload(); // a chat may also be deleted where no model is loaded
  await page.getByRole('button', { name: 'Once upon a time', exact: true }).hover();
  await page.getByRole('button', { name: 'Delete Once upon a time' }).click();
  await loadTiny(page);
  await expect.poll(() => kept(page)).toEqual([]);
});
