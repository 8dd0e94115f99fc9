// axe-core on each state of the page, light and dark, wide and narrow; and the page by keyboard alone.
import { AxeBuilder } from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';
import { isFull } from '../test/verified.ts';
import { port } from './support/ports.ts';
import { startScriptedServer } from './support/server.ts';
import { askToTheEnd, importChat, loadTiny, openModels, quick, test } from './support/page.ts';

/** All that the dark colours bear upon: the short run has the other rules once, in the light ones. */
const ofColours = ['color-contrast', 'link-in-text-block'];

/** Of the page as it is, in both colour schemes. */
async function serious(page: Page): Promise<string[]> {
  const found: string[] = [];
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    const axe = new AxeBuilder({ page }).setLegacyMode(); // in the page itself, which has no frames: else each analysis opens another page, and ends there
    const { violations } = await (colorScheme === 'dark' && !isFull ? axe.withRules(ofColours) : axe).analyze();
    found.push(
      ...violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, nodes }) => `${colorScheme}, ${id}: ${nodes.map(({ html }) => html).join(' ')}`),
    );
  }
  return found;
}

const messages = [
  { role: 'user' as const, content: 'Show me all of it' },
  {
    role: 'assistant' as const,
    content: '# Title\n\nText with `code` and [a link](https://example.org).\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```js\nconst a = 1; // one\n```\n\n> said',
    note: '3 tokens',
  },
];

test('axe finds nothing serious, light and dark', async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.goto('/');
  await expect(page.getByRole('button', { name: /^Load the model/ })).toBeVisible();
  expect(await serious(page)).toEqual([]);
  await importChat(page, 'All of it', messages);
  await expect(page.locator('.hljs-keyword')).toBeVisible();
  expect(await serious(page)).toEqual([]);
  expect(
    await page
      .getByRole('button', { name: 'New chat' })
      .first()
      .evaluate((button) => getComputedStyle(button).transitionProperty),
  ).toBe('none'); // reduced motion
  expect(
    await page.getByRole('article', { name: 'Answer' }).evaluate(async (message) => {
      const writing = message as HTMLElement & { writing: boolean; updateComplete: Promise<unknown> };
      writing.writing = true;
      await writing.updateComplete;
      const { content, animationName } = getComputedStyle(writing.shadowRoot!.querySelector('.block:last-child > :last-child')!, '::after');
      writing.writing = false;
      return { content, animationName };
    }),
  ).toEqual({ content: '""', animationName: 'none' }); // the cursor of an answer under way does not blink
  await page.setViewportSize({ width: 390, height: 844 });
  await page.getByRole('button', { name: 'Chats' }).click();
  expect(await serious(page)).toEqual([]);
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog', { name: 'Chats' })).toHaveCount(0);
  await expect(page.getByRole('button', { name: 'Chats' })).toBeFocused();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
});

test('axe finds nothing serious in dialogs and in a loaded chat, light and dark', async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.goto(quick('max-tokens=12&temperature=0'));
  await page.getByText('How it is kept').click();
  await page.getByLabel('Encrypt it with a passphrase').fill('a');
  expect(await serious(page)).toEqual([]);
  await loadTiny(page);
  await askToTheEnd(page, 'Once upon a time');
  expect(await serious(page)).toEqual([]);
  for (const [button, dialog] of [['Chat settings', 'This chat'], ['Activity', 'What the model is doing']]) {
    await page.getByRole('button', { name: button }).click();
    await expect(page.getByRole('dialog', { name: dialog })).toBeVisible();
    const measure = page.getByRole('button', { name: 'Measure it on a text' });
    if (await measure.isVisible()) await measure.click();
    await page.waitForTimeout(500); // plots are drawn
    expect(await serious(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toHaveCount(0);
  }
  await openModels(page);
  await expect(page.getByRole('heading', { name: 'On this device' })).toBeVisible();
  expect(await serious(page)).toEqual([]);
  await page.getByRole('button', { name: 'Load stories260K' }).click();
  await expect(page.getByRole('dialog', { name: 'Passphrase' })).toBeVisible();
  expect(await serious(page)).toEqual([]);
});

test('axe finds nothing serious where a server is asked for, and where it answers', async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  const server = await startScriptedServer(`http://127.0.0.1:${port}`, () => ['Yes.'], 'key');
  try {
    await page.goto('/');
    const section = page.getByRole('region', { name: 'A model on a server' });
    await section.getByRole('button', { name: 'Use a server' }).click();
    await section.getByLabel(/^Address/).fill(`http://${server.host}`);
    await section.getByLabel(/^Key/).fill('none');
    await section.getByRole('button', { name: 'Connect' }).click();
    await expect(section.getByRole('alert')).toContainText('401');
    expect(await serious(page)).toEqual([]);
    await section.getByLabel(/^Key/).fill('key');
    await section.getByRole('button', { name: 'Connect' }).click();
    await section.getByRole('button', { name: 'Use this model' }).click();
    await askToTheEnd(page, 'Are you there?');
    expect(await serious(page)).toEqual([]);
    await page.setViewportSize({ width: 390, height: 844 });
    expect(await serious(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  } finally {
    server.close();
  }
});

test('a browser without WebGPU still shows old chats, and axe finds nothing serious there', async ({ page }) => {
  await page.addInitScript(() => Object.defineProperty(navigator, 'gpu', { value: undefined }));
  await page.goto('/');
  await expect(page.getByRole('heading', { name: 'This browser has no WebGPU' })).toBeVisible();
  expect(await serious(page)).toEqual([]);
  await importChat(page, 'All of it', messages);
  await expect(page.getByText('chats can be read')).toBeVisible();
});

test('chats are renamed, opened and deleted by keyboard alone, and the focus is never lost', async ({ page }) => {
  await page.goto('/');
  await importChat(page, 'First', messages);
  await page.getByRole('button', { name: 'First', exact: true }).focus();
  await page.keyboard.press('Tab');
  await expect(page.getByRole('button', { name: 'Rename First' })).toBeFocused();
  await page.keyboard.press('Enter');
  await page.keyboard.type('Second');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('button', { name: 'Second', exact: true })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('article', { name: 'You' })).toBeVisible();
  await importChat(page, 'Third', messages);
  await page.getByRole('button', { name: 'Delete Third' }).press('Enter');
  await expect(page.getByRole('button', { name: 'Second', exact: true })).toBeFocused();
});
