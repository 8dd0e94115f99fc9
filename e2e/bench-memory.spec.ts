// bench.html's table of policies on a tiny model: begun, stopped after a row, gone on with in another visit, and forgotten.
import { readFileSync } from 'node:fs';
import { AxeBuilder } from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';
import { isFull } from '../test/verified.ts';
import { serveTiny, test } from './support/page.ts';

const ids = (count: number, step: number): number[] => Array.from({ length: count }, (_, i) => 3 + ((i * step + ((i * i) % 13)) % 500));
const probes = {
  given: 3, documents: [{ prompt: ids(70, 37), more: ids(5, 11) }], records: [{ prompt: ids(70, 7), records: [ids(5, 3), ids(5, 5)] }],
};
const file = { name: 'probes.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(probes)) };
const policies = ['f32', 'q8', 'random:share=0.5,window=8,interval=8'];

/** Without an address in the query nothing starts by itself. */
async function open(page: Page, asked = policies): Promise<void> {
  await serveTiny(page);
  await page.goto('/bench.html?f32=1&kernels=splits=1,panels=4,dot=f32,prefill=rows,few=0,threads=32');
  await page.getByLabel('Address of a GGUF').fill('https://models.example/stories.gguf');
  await page.getByRole('button', { name: 'What a memory costs…' }).click();
  await page.getByLabel('Policies').first().fill(asked.join(' '));
  await page.getByLabel('A text, or probes as JSON').setInputFiles(file);
}

const measure = (page: Page) => page.getByRole('button', { name: 'Measure', exact: true }).click();
const status = (page: Page) => page.locator('#memory').getByRole('status');
const rows = (page: Page) => page.getByRole('table', { name: 'Policies' }).locator('tbody tr');
const cells = async (page: Page) => (await rows(page).allInnerTexts()).map((row) => row.split('\t'));

test('a table of policies is measured, stopped and gone on with in another visit', async ({ page }) => {
  test.skip(!isFull, 'loads the model five times; WINDROW_FULL=1 runs it');
  test.setTimeout(4 * 60_000);
  await open(page);
  await measure(page);
  await expect(rows(page)).not.toHaveCount(0, { timeout: 2 * 60_000 });
  await page.getByRole('button', { name: 'Stop' }).click();
  await expect(status(page)).toHaveText(/^(Stopped; \d of 3 policies are left. What was measured is kept.|Done.)$/, { timeout: 60_000 });
  const before = await cells(page);
  await open(page);
  await measure(page);
  await expect(status(page)).toHaveText('Done.', { timeout: 2 * 60_000 });
  const found = await cells(page);
  expect(found.map(([policy]) => policy)).toEqual(policies);
  expect(found.slice(0, before.length)).toEqual(before); // to the last digit of tokens/s: they were not measured again
  const [all, q8, random] = found.map(([, bytes, kl]) => ({ bytes: Number(bytes), kl: Number(kl) }));
  expect(all).toEqual({ bytes: 2, kl: 0 });
  expect(q8.bytes).toBeLessThan(1);
  expect(random.bytes).toBeLessThan(1.5);
  expect(random.kl).toBeGreaterThan(q8.kl);
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')).toEqual([]);
  const downloading = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save as Markdown' }).click();
  expect(readFileSync(await (await downloading).path(), 'utf8')).toContain(`| q8 | ${found[1][1]} |`);
  await page.getByRole('button', { name: 'Forget what was measured' }).click();
  await expect(status(page)).toHaveText(/^Forgotten/);
  await expect(rows(page)).toHaveCount(0);
});

test('its code comes when it is asked for, and what cannot be measured is told', async ({ page }) => {
  const loaded: string[] = [];
  page.on('response', (response) => loaded.push(new URL(response.url()).pathname));
  await page.goto('/bench.html');
  await expect(page.getByRole('button', { name: 'What a memory costs…' })).toBeVisible();
  expect(loaded.filter((path) => path.includes('memory'))).toEqual([]);
  await open(page, ['kivi5']);
  expect(loaded.filter((path) => path.includes('memory-part'))).toHaveLength(1);
  await measure(page);
  await expect(page.getByRole('alert')).toContainText('kv is "kivi5"');
  await page.getByLabel('A text, or probes as JSON').setInputFiles({ ...file, buffer: Buffer.from('{') });
  await page.getByLabel('Policies').first().fill('q8');
  await measure(page);
  await expect(page.getByRole('alert')).toContainText('The probes are not JSON');
});
