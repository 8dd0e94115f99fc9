// What the browser keeps: room made for a model, encrypted ones, use without keeping, keeping for good.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, type Page } from '@playwright/test';
import { askToTheEnd, composer, openModels, quick, test, tinyModel } from '../support/page.ts';

/** Leaves storage only 700 kB more than it holds. */
async function fillStorage(page: Page, origin: string): Promise<void> {
  const usage = await page.evaluate(async () => (await navigator.storage.estimate()).usage ?? 0);
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: usage + 700_000 });
}

/** A model of more than 2 MiB: Chromium gives files room by the MiB. */
const largerModel = { ...tinyModel, name: 'larger.gguf', buffer: gunzipSync(readFileSync('test/fixtures/tiny/tiny-llama-f16.gguf.gz')) };
const openFile = (page: Page, file: typeof tinyModel) => page.locator('input[type=file]').setInputFiles(file);

test('where storage has no room, the model not used for longest is offered to be deleted, with both numbers, and that makes room', async ({
  page,
  baseURL,
}) => {
  await page.goto(quick());
  await openFile(page, largerModel);
  await expect(composer(page)).toBeVisible();
  await page.reload();
  await expect(page.getByText('used just now')).toBeVisible();
  await fillStorage(page, baseURL!);
  await openFile(page, tinyModel);
  await expect(page.getByRole('alert').first()).toContainText(/storage is full: the model needs \d+ bytes, \d+ of them are stored/);
  await expect(page.getByText(/^Takes 1\.\d MB of storage, and the browser gives no more\. Not used for longest:$/)).toBeVisible();
  await expect(page.getByRole('button', { name: 'Load', exact: true })).toBeDisabled();
  await page.getByRole('button', { name: /^Delete it to free [2-9]\.\d MB$/ }).click();
  await page.getByRole('button', { name: 'Load', exact: true }).click();
  await expect(composer(page)).toBeVisible();
  await openModels(page);
  const kept = page.getByRole('list', { name: 'On this device' }).getByRole('listitem');
  await expect(kept).toHaveCount(1);
  await expect(kept).toContainText('stories260K');
});

test('where nothing can be deleted, the model is used without being kept', async ({ page, baseURL }) => {
  await page.goto(quick('max-tokens=8'));
  await fillStorage(page, baseURL!);
  await openFile(page, tinyModel);
  await expect(page.getByText('Deleting other models would not make room for it')).toBeVisible();
  await page.getByText('How it is kept').click();
  await page.getByRole('checkbox', { name: /^Keep it in this browser/ }).uncheck();
  await page.getByRole('button', { name: 'Load', exact: true }).click();
  expect((await askToTheEnd(page, 'Once')).length).toBeGreaterThan(0);
  await openModels(page);
  await expect(page.getByRole('list', { name: 'On this device' }).getByRole('listitem')).toContainText('not complete'); // what came before storage was full
});

test('a model is kept encrypted, and its passphrase is asked for when it is loaded and verified', async ({ page }) => {
  await page.goto(quick());
  await page.getByText('How it is kept').click();
  await page.getByLabel('Encrypt it with a passphrase').fill('open sesame');
  await openFile(page, tinyModel);
  await expect(composer(page)).toBeVisible();
  await page.reload();
  await expect(page.getByText('encrypted', { exact: false })).toBeVisible();

  const dialog = page.getByRole('dialog', { name: 'Passphrase' });
  const give = async (passphrase: string) => {
    await dialog.getByLabel('Passphrase').fill(passphrase);
    await page.keyboard.press('Enter');
  };
  await page.getByRole('button', { name: 'Verify stories260K' }).click();
  await give('open sesame');
  await expect(page.getByText('Whole: every byte is as it was stored.')).toBeVisible();

  await page.getByRole('button', { name: 'Load stories260K' }).click();
  await give('open says me');
  await expect(dialog.getByText('This is not the one it was stored with.')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(dialog).toHaveCount(0);
  await expect(page.getByRole('button', { name: 'Load stories260K' })).toBeVisible(); // no model, and no error
  await page.getByRole('button', { name: 'Load stories260K' }).click();
  await give('open sesame');
  await expect(composer(page)).toBeVisible();
});

test('a model that cannot be used without keeping it can be kept, though not keeping was chosen for another before', async ({ page }) => {
  await page.goto(quick());
  await page.evaluate(() => {
    const options = Object.assign(document.createElement('windrow-keep-options'), { keeping: { keep: false, passphrase: '' }, mayGo: false });
    options.addEventListener('keeping-changed', ({ detail }: CustomEventInit<unknown>) => Object.assign(options, { keeping: detail }));
    document.body.replaceChildren(options);
  });
  const keep = page.getByRole('checkbox', { name: /^Keep it in this browser/ });
  await expect(page.getByText('Too large to be used without keeping it.')).toBeVisible();
  await keep.check();
  await page.getByText('How it is kept').click(); // closed, as there is nothing unusual to show any more
  await expect(keep).toBeChecked();
  await expect(keep).toBeDisabled(); // it is not to be unticked again
});

test('storage is asked to be kept for good by a button, and only by it', async ({ page }) => {
  await page.addInitScript(() => {
    let persisted = false;
    StorageManager.prototype.persisted = async () => persisted;
    StorageManager.prototype.persist = async () => (persisted = true);
  });
  await page.goto(quick());
  await openFile(page, tinyModel);
  await expect(composer(page)).toBeVisible();
  await openModels(page);
  await expect(page.getByText('The browser may delete it when the disk is full.')).toBeVisible();
  await page.getByRole('button', { name: 'Keep for good' }).click();
  await expect(page.getByText('Kept until you delete it.')).toBeVisible();
});
