// A search of the hub from the page: nothing is asked before the visitor asks; what is found is looked into and loaded.
import { expect, type Page } from '@playwright/test';
import { composer, quick, serveTiny, test, tinyModel } from '../support/page.ts';

const cors = { 'access-control-allow-origin': '*' };

/** A hub with two results, of which one is of a family that nobody runs. Gives what it was asked. */
async function serveHub(page: Page): Promise<string[]> {
  const asked: string[] = [];
  await page.context().route('https://huggingface.co/**', (route) => {
    const { pathname, searchParams } = new URL(route.request().url());
    asked.push(`${pathname} ${searchParams.get('search') ?? ''}`.trim());
    const json = pathname === '/api/models'
      ? [
          { id: 'owner/stories-GGUF', downloads: 1200, tags: ['license:mit'], gguf: { total: 260_000, architecture: 'llama' } },
          { id: 'owner/other', downloads: 3, gguf: { architecture: 'mamba9' } },
        ]
      : [{ type: 'file', path: 'stories.gguf', size: tinyModel.buffer.length }];
    return route.fulfill({ json, headers: cors });
  });
  await serveTiny(page); // later routes go first
  return asked;
}

test('a model is found by words, looked into and loaded', async ({ page }) => {
  const asked = await serveHub(page);
  await page.goto(quick());
  await page.getByRole('button', { name: 'Search the hub' }).click();
  await expect(page.getByRole('searchbox')).toBeFocused();
  await expect(page.getByText('The words go to huggingface.co when you search; nothing before.')).toBeVisible();
  expect(asked).toEqual([]);
  await page.getByRole('searchbox').fill('small stories');
  await page.keyboard.press('Enter');
  await expect(page.getByText('not supported: mamba9 · 3 downloads')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Sizes of owner/other' })).toHaveCount(0);
  expect(asked).toEqual(['/api/models small stories']);
  await page.getByRole('button', { name: 'Sizes of owner/stories-GGUF' }).click();
  await expect(page.getByText('stories · 1.1 MB')).toBeVisible();
  await expect(page.getByText('fits', { exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Look at stories of owner/stories-GGUF' }).click();
  await page.getByRole('button', { name: 'Download 1.1 MB and load' }).click();
  await expect(composer(page)).toBeVisible();
});

test('a site without the search has no button for it', async ({ page }) => {
  const catalogue = { search: false, models: [{ name: 'Stories', model: './models/s.gguf' }] };
  await page.context().route('**/catalogue.json', (route) => route.fulfill({ json: catalogue }));
  await page.goto(quick());
  await expect(page.getByRole('button', { name: 'Load the model' })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Search the hub' })).toHaveCount(0);
});
