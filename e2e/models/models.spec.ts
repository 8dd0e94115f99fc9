// Models as a visitor gets and keeps them: an address with its plan, drag and drop, sizes, verifying, deleting.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect } from '@playwright/test';
import { askFor, askToTheEnd, composer, quick, serveTiny, test, tinyModel } from '../support/page.ts';

test('of an address, the plan comes before the download; then it is kept, verified and deleted', async ({ page }) => {
  await serveTiny(page);
  await page.goto(quick());
  await askFor(page, 'models/stories.gguf');
  await expect(page.getByText(/^Fits: about [\d.,]+ tokens\/s, takes .* of the GPU\.$/)).toBeVisible();
  const takes = /tokens take ([\d.]+) kB of the GPU/;
  const bytes = async (): Promise<number> => Number(takes.exec(await page.getByText(takes).innerText())![1]);
  const whole = await bytes();
  await page.getByLabel('Memory of conversations').selectOption('q8');
  await expect.poll(bytes, 'the plan is made anew, in 8 bits and scales').toBeLessThan(0.8 * whole);
  await page.getByLabel('Memory of conversations').selectOption('');
  await expect.poll(bytes).toBe(whole);
  await page.getByLabel('Room for conversations').selectOption('32');
  await page.getByRole('button', { name: 'Cancel' }).click();
  await askFor(page, 'models/stories.gguf');
  await expect(page.getByLabel('Room for conversations'), 'and kept').toHaveValue('32');
  await page.getByRole('button', { name: /^Download 1.1 MB and load/ }).click();
  await expect(composer(page)).toBeVisible();

  await page.getByRole('button', { name: 'Models' }).click();
  await expect(page.getByText('used just now')).toBeVisible();
  await expect(page.getByText(/used of .* that the browser allows/)).toBeVisible();
  await page.reload();
  await page.getByRole('button', { name: /^Verify/ }).click();
  await expect(page.getByText('Whole: every byte is as it was stored.')).toBeVisible();
  await page.getByRole('button', { name: 'Delete stories260K', exact: true }).click(); // asks first
  await expect(page.getByRole('button', { name: 'Delete stories260K for good' })).toBeFocused();
  await page.getByRole('button', { name: 'Keep stories260K' }).press('Enter');
  await expect(page.getByRole('button', { name: 'Delete stories260K', exact: true })).toBeFocused();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'On this device' })).toHaveCount(0);
});

test('a model whose operations come with its family answers: a mixture with short convolutions', async ({ page }) => {
  await page.goto(quick('max-tokens=3&temperature=0'));
  const buffer = gunzipSync(readFileSync('test/fixtures/tiny/tiny-lfm2moe.gguf.gz'));
  await page.locator('input[type=file]').setInputFiles({ name: 'tiny-lfm2moe.gguf', mimeType: tinyModel.mimeType, buffer });
  await expect(composer(page)).toBeVisible();
  expect(await askToTheEnd(page, 'Once upon a time')).not.toBe('');
  await expect(page.getByRole('alert')).toHaveCount(0);
});

test('a model that is dropped on the page is loaded', async ({ page }) => {
  await page.goto(quick());
  await expect(page.getByRole('button', { name: /^Load the model/ })).toBeVisible();
  const transfer = await page.evaluateHandle((base64) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], 'dropped.gguf'));
    return data;
  }, tinyModel.buffer.toString('base64'));
  await page.dispatchEvent('body', 'drop', { dataTransfer: transfer });
  await expect(composer(page)).toBeVisible();
});

test('what is dropped and is no model is told in words', async ({ page }) => {
  await page.goto(quick());
  await expect(page.getByRole('button', { name: /^Load the model/ })).toBeVisible();
  const transfer = await page.evaluateHandle(() => {
    const data = new DataTransfer();
    data.items.add(new File(['Dear diary'], 'model.safetensors'));
    return data;
  });
  await page.dispatchEvent('body', 'drop', { dataTransfer: transfer });
  await expect(page.getByRole('alert').first()).toContainText('model.safetensors is neither a model (.gguf) nor an export of chats (.json)');
});

test('an address that leads nowhere is told in words', async ({ page }) => {
  await page.goto(quick());
  await askFor(page, 'models/none.gguf');
  await expect(page.getByRole('alert').first()).toContainText('404');
  await askFor(page, 'javascript:alert(1)');
  await expect(page.getByText('This is no http or https address, and no owner/repo.')).toBeVisible();
});

test('a .gguf that the system opens with the installed page is loaded', async ({ page }) => {
  await page.addInitScript((base64) => {
    const file = new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], 'opened.gguf');
    Object.defineProperty(window, 'launchQueue', {
      value: { setConsumer: (take: (launch: unknown) => void) => setTimeout(() => take({ files: [{ getFile: async () => file }] }), 500) },
    });
  }, tinyModel.buffer.toString('base64'));
  await page.goto(quick());
  await expect(composer(page)).toBeVisible();
});

test('an address that is shared to the installed page is offered first', async ({ page }) => {
  await serveTiny(page);
  await page.goto(quick('model=models/stories.gguf')); // as the share target of the manifest gives it
  await page.getByRole('button', { name: 'Load the model' }).click();
  await page.getByRole('button', { name: 'Download 1.1 MB and load' }).click();
  await expect(composer(page)).toBeVisible();
});

test('a name on the hub is planned, downloaded from there and found again', async ({ page, context }) => {
  await serveTiny(page, '/owner/stories/resolve/main/stories.Q4_0.gguf');
  await context.route('https://huggingface.co/api/**', (route) => route.fulfill({
    headers: { 'access-control-allow-origin': '*' }, json: [{ type: 'file', path: 'stories.Q4_0.gguf', size: tinyModel.buffer.length }],
  }));
  await page.goto(quick());
  await askFor(page, 'owner/stories:Q4_0');
  await page.getByRole('button', { name: 'Download 1.1 MB and load' }).click();
  await expect(composer(page)).toBeVisible();
  await context.unrouteAll();
  await page.goto(quick('model=owner/stories:Q4_0')); // from the store
  await expect(composer(page)).toBeVisible();
});

test('a gated model asks for an access token, which goes to the hub alone and is not kept', async ({ page, context }) => {
  const seen: string[] = [];
  context.on('request', (request) => {
    if (request.headers().authorization) seen.push(`${new URL(request.url()).host} ${request.headers().authorization}`);
  });
  const opened = (headers: Record<string, string>) => headers.authorization === 'Bearer hf_right';
  await serveTiny(page, '/owner/gated/resolve/main/stories.Q4_0.gguf', opened);
  await context.route('https://huggingface.co/api/**', (route) =>
    route.fulfill({
      headers: { 'access-control-allow-origin': '*' },
      json: [{ type: 'file', path: 'stories.Q4_0.gguf', size: tinyModel.buffer.length }], // the list is public, the file is not
    }),
  );
  await page.goto(quick());
  await askFor(page, 'owner/gated:Q4_0');
  const dialog = page.getByRole('dialog', { name: 'Access token' });
  await dialog.getByLabel('Access token').fill('hf_wrong');
  await page.keyboard.press('Enter');
  await expect(dialog.getByText('This one does not open it.')).toBeVisible();
  await dialog.getByLabel('Access token').fill('hf_right');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Download 1.1 MB and load' }).click();
  await expect(composer(page)).toBeVisible();
  expect(new Set(seen)).toEqual(new Set(['huggingface.co Bearer hf_wrong', 'huggingface.co Bearer hf_right']));
  expect(await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }))).not.toContain('hf_');
  await page.reload();
  await page.getByRole('button', { name: /^Load stories/ }).click(); // from the store: nobody asks
  await expect(composer(page)).toBeVisible();
});

test('a link cannot start a download: a model that is not on the list is asked about, by host, name and size', async ({ page, context }) => {
  await serveTiny(page);
  await page.context().route('https://models.example/**', (route) =>
    route.request().method() === 'HEAD' // a body would take its length away
      ? route.fulfill({
          headers: { 'access-control-allow-origin': '*', 'access-control-expose-headers': 'content-length', 'content-length': String(tinyModel.buffer.length) },
        })
      : route.fallback(),
  );
  const requested: string[] = [];
  context.on('request', (request) => {
    if (new URL(request.url()).host === 'models.example') requested.push(request.method());
  });
  await page.goto(quick('model=https://models.example/stories.gguf&autoload&context=128&budget=64GiB&max-tokens=4'));
  const dialog = page.getByRole('dialog', { name: 'Download this model?' });
  for (const words of ['stories', 'models.example', '1.1 MB', 'context 128', 'GPU memory 64GiB'])
    await expect(dialog.getByText(words, { exact: words === 'stories' })).toBeVisible();
  expect(requested).toEqual(['HEAD']); // its size, without a byte of it
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await expect(dialog).toHaveCount(0);
  await expect(page.getByRole('heading', { name: 'stories' })).toBeVisible(); // still there to be chosen
  expect(requested).toEqual(['HEAD']);
  await page.reload();
  await dialog.getByRole('button', { name: 'Download and load' }).click();
  await expect(composer(page)).toBeVisible();
  expect(requested).toContain('GET');
  await page.reload(); // it is stored now
  await expect(composer(page)).toBeVisible();
  await expect(dialog).toHaveCount(0);
});
