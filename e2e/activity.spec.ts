// The activity panel on a real model, and what it copies.
import { expect, type Page } from '@playwright/test';
import { isFull } from '../test/verified.ts';
import { ask, askToTheEnd, loadTiny, quick, test } from './support/page.ts';

/** Marks every choice that was noted for decode: what is measured anew is noted without the mark. */
const markNotes = (page: Page) => page.evaluate(() => new Promise<void>((resolve) => {
  const opening = indexedDB.open('windrow-tuning');
  opening.onsuccess = () => {
    const transaction = opening.result.transaction('records', 'readwrite');
    transaction.objectStore('records').openCursor().onsuccess = ({ target }) => {
      const cursor = (target as IDBRequest<IDBCursorWithValue | null>).result;
      const decode = Object.entries<object>(cursor?.value.decode ?? {}).map(([kind, choice]) => [kind, { ...choice, mark: 1 }]);
      cursor?.update({ ...cursor.value, decode: Object.fromEntries(decode) });
      cursor?.continue();
    };
    transaction.oncomplete = () => resolve(opening.result.close());
  };
}));
const marked = (page: Page) => page.evaluate(() => new Promise<boolean>((resolve) => {
  const opening = indexedDB.open('windrow-tuning');
  opening.onsuccess = () => {
    opening.result.transaction('records').objectStore('records').getAll().onsuccess = ({ target }) => {
      opening.result.close();
      resolve((target as IDBRequest<{ decode: Record<string, object> }[]>).result.some(({ decode }) => Object.values(decode).some((each) => 'mark' in each)));
    };
  };
}));

test('the activity panel shows speed and bytes, copies a report, and another budget holds for the loaded model', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.goto('/?max-tokens=12&temperature=0');
  await loadTiny(page);
  await askToTheEnd(page, 'Once upon a time');
  await page.getByRole('button', { name: 'Activity' }).click();
  const panel = page.getByRole('dialog', { name: 'What the model is doing' });
  await expect(panel.getByText(/tokens\/s$/)).toBeVisible();
  await expect(panel.locator('canvas')).toHaveCount(4);
  await expect(panel.getByText('weights', { exact: true })).toBeVisible();
  await expect(panel.getByText('keys and values', { exact: true })).toBeVisible();
  await expect(panel.getByRole('img', { name: 'Keys and values' })).toHaveAttribute('aria-label', /last [1-9][\d.]* [kM]B/);
  await expect(panel.getByText('largest binding')).toBeVisible();
  await expect(panel.getByText(/^GPU memory: .* of a budget of /)).toBeVisible();
  await panel.getByRole('button', { name: 'Copy a report as it is' }).click();
  await expect(panel.getByText('The report is copied.')).toBeVisible();
  const report = await page.evaluate(() => navigator.clipboard.readText());
  expect(report).toMatch(/^model: .*\nadapter: .*\ndevice: .*f16 .*\nbrowser: .*\nkernels: /);
  expect(report).not.toContain('Once upon');
  expect(report).toContain('self-test: not run');
  await panel.getByRole('slider').fill('3');
  await expect(panel.getByText('GPU budget: 1 GiB')).toBeVisible();
  await expect(panel.getByText('The model is within it.')).toBeVisible();
  const budget = (): Promise<number> => page.evaluate(async () => (await document.querySelector('windrow-app')!.engine!.stats()).budgetBytes);
  expect(await budget(), 'without another load').toBe(2 ** 30);
  await markNotes(page);
  await panel.getByRole('button', { name: 'Load the model again' }).click();
  await expect(page.getByRole('textbox', { name: 'Message' })).toBeVisible();
  expect(await budget(), 'and kept for the next one').toBe(2 ** 30);
  expect(await marked(page), 'what was noted of the adapter is looked up').toBe(true);
  await page.getByRole('button', { name: 'Activity' }).click();
  await panel.getByRole('button', { name: 'Load again and choose kernels anew' }).click();
  await expect(page.getByRole('textbox', { name: 'Message' })).toBeVisible();
  expect(await marked(page), 'it is measured and noted anew').toBe(false);
});

test('how much is remembered is chosen in words, and what each head keeps is a picture', async ({ page }) => {
  await page.goto(quick('max-tokens=4&temperature=0'));
  await loadTiny(page);
  const panel = page.getByRole('dialog', { name: 'What the model is doing' });
  await page.getByRole('button', { name: 'Activity' }).click();
  await panel.getByLabel('Memory of conversations').selectOption('streaming');
  await panel.getByRole('button', { name: 'Load the model again' }).click();
  await askToTheEnd(page, 'Once upon a time there was a dog. '.repeat(25));
  await page.getByRole('button', { name: 'Activity' }).click();
  const kept = await panel.getByRole('img', { name: /^Of [1-9]\d* tokens each head has \d+\.$/ }).getAttribute('aria-label');
  const [, tokens, slots] = /Of (\d+) tokens each head has (\d+)/.exec(kept!)!.map(Number);
  expect(tokens).toBeGreaterThan(200);
  expect(slots, 'a quarter of the context, and what came since it was last cut').toBeLessThan(128 + 32 + 4);
  expect(slots).toBeGreaterThanOrEqual(128);
});

test('of a model that is streamed, the panel shows bytes per token and stalls, live', async ({ page }) => {
  await page.goto(quick('max-tokens=200&temperature=0&budget=1500kB'));
  await loadTiny(page);
  await ask(page, 'Once upon a time');
  await page.getByRole('button', { name: 'Activity' }).click();
  const panel = page.getByRole('dialog', { name: 'What the model is doing' });
  const plot = (name: string) => panel.getByRole('img', { name });
  await expect(plot('Tokens per second: last')).toHaveAttribute('aria-label', /last [1-9][\d.]* tokens\/s/);
  await expect(plot('Streamed per token: last')).toHaveAttribute('aria-label', /last [\d.]+ [kM]B/);
  await expect(plot('Stalls')).toHaveAttribute('aria-label', /last \d+ %/);
  await expect(plot('Time to first token')).toBeVisible();
  await expect(panel.getByText('Streamed', { exact: true })).toBeVisible();
  await expect(panel.getByRole('definition').filter({ hasText: /B per token$/ })).toHaveText(/^[\d.]+ [kM]B per token$/);
  await expect(panel.getByText(/^[\d.]+ k?B per token from storage, [\d.]+ k?B from worker memory$/)).toBeVisible();
  await expect(plot('... taken from worker memory: last')).toHaveAttribute('aria-label', /last [\d.]+ k?B/);
});

test('one button runs the self-test and the short benchmark and copies a report', async ({ page, context }) => {
  test.skip(!isFull, 'checks every kernel, as kernels.spec.ts does; WINDROW_FULL=1 runs it');
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.goto('/');
  await loadTiny(page);
  await page.getByRole('button', { name: 'Activity' }).click();
  const panel = page.getByRole('dialog', { name: 'What the model is doing' });
  await panel.getByRole('button', { name: 'Test, measure and copy a report' }).click();
  await expect(panel.getByText(/^Prefill [\d.]+ tokens\/s \(\d+ tokens\), decode [\d.]+ tokens\/s/)).toBeVisible({ timeout: 8 * 60_000 });
  await expect(panel.getByText(/^All \d+ checks passed\.$/)).toBeVisible();
  await expect(panel.getByText('The report is copied.')).toBeVisible();
  const report = await page.evaluate(() => navigator.clipboard.readText());
  expect(report.split('\n').slice(-3)).toEqual([
    expect.stringMatching(/^self-test: (\d+) of \1 passed$/),
    expect.stringMatching(/^benchmark: prefill [\d.]+ tokens\/s .*decode [\d.]+ tokens\/s .*$/),
    expect.stringMatching(/^benchmark: device copies [\d.]+ GB\/s, computes \d+ GFLOP\/s$/),
  ]);
  expect(await panel.getByRole('textbox', { name: 'Report' }).inputValue()).toBe(report);
});
