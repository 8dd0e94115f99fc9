// Conversations as a visitor keeps them: regenerate, edit, copy, delete, settings, second chat, search, rename, export, import, undo.
import { readFileSync } from 'node:fs';
import { expect, type Page } from '@playwright/test';
import { answer, ask, askToTheEnd, brief, composer, idle, importChat, loadTiny, quick, test } from './support/page.ts';

test('answers are made anew, questions edited, and all of it is there after a reload', async ({ page }) => {
  await page.goto(quick('max-tokens=12&seed=3'));
  await loadTiny(page);
  await askToTheEnd(page, 'Once upon a time');
  await page.getByRole('button', { name: 'Regenerate' }).click();
  await idle(page);
  await expect(page.getByRole('article')).toHaveCount(2);

  await page.getByRole('article', { name: 'You' }).hover();
  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('button', { name: 'Edit', exact: true })).toBeFocused();
  await page.keyboard.press('Enter');
  await page.getByRole('textbox', { name: 'Edit message' }).fill('The little dog');
  await page.keyboard.press('Enter');
  await expect(composer(page)).toBeFocused();
  await expect(page.getByRole('article', { name: 'You' })).toHaveText('The little dog');
  await idle(page);
  const edited = await answer(page).innerText();
  expect(edited.length).toBeGreaterThan(5);

  await page.getByRole('button', { name: 'New chat' }).click();
  await ask(page, 'A second chat');
  await idle(page);
  await page.reload();
  await page.getByRole('button', { name: 'Once upon a time', exact: true }).click();
  await expect(page.getByRole('article', { name: 'You' })).toHaveText('The little dog');
  expect(await answer(page).innerText()).toBe(edited);
  await expect(composer(page)).toHaveCount(0); // reading needs no model, writing does
  await expect(page.getByRole('button', { name: 'Choose a model' })).toBeVisible();
});

/** What the browser has of the only chat's answer. */
const keptAnswer = (page: Page) => page.evaluate(() => new Promise<string>((resolve) => {
  const opening = indexedDB.open('windrow-chats');
  opening.onsuccess = () => {
    opening.result.transaction('chats').objectStore('chats').getAll().onsuccess = ({ target }) => {
      opening.result.close();
      resolve((target as IDBRequest<{ messages: { content: string }[] }[]>).result[0]?.messages[1]?.content ?? '');
    };
  };
}));

test('a page that is left in mid-answer has kept what there was of it', async ({ page }) => {
  await page.goto(quick('max-tokens=400&temperature=0'));
  await loadTiny(page);
  await ask(page, 'Once upon a time');
  await expect.poll(async () => (await answer(page).innerText()).length, { intervals: [20] }).toBeGreaterThan(20);
  await expect.poll(() => keptAnswer(page)).toMatch(/.{20}/s);
  await page.reload();
  await page.getByRole('button', { name: 'Once upon a time', exact: true }).click();
  expect((await answer(page).innerText()).length).toBeGreaterThan(20);
});

test('chats are renamed, searched, exported, imported, deleted and brought back', async ({ page }) => {
  await page.goto(quick());
  await importChat(page, 'Ships', [{ role: 'user', content: 'How do ships float?' }, { role: 'assistant', content: 'They displace **water**.' }]);
  await importChat(page, 'שלום', [{ role: 'user', content: 'שלום עולם' }, { role: 'assistant', content: 'שלום!' }]);
  await expect(page.getByRole('article', { name: 'Answer' }).locator('.block')).toHaveCSS('direction', 'rtl');

  const chats = page.getByRole('navigation', { name: 'Chats' }).getByRole('listitem');
  await expect(chats).toHaveCount(2);
  await page.getByRole('searchbox').fill('WATER');
  await expect(chats).toHaveCount(1);
  await page.getByRole('searchbox').fill('');
  await page.getByRole('button', { name: 'Ships', exact: true }).hover();
  await page.getByRole('button', { name: 'Rename Ships' }).click();
  await page.getByRole('textbox', { name: 'Title' }).fill('Boats');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('button', { name: 'Boats', exact: true })).toBeVisible();

  const downloading = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export' }).click();
  const exported = JSON.parse(readFileSync(await (await downloading).path(), 'utf8'));
  expect(exported.chats.map(({ title }: { title: string }) => title).sort()).toEqual(['Boats', 'שלום']);

  await page.getByRole('button', { name: 'Boats', exact: true }).hover();
  await page.getByRole('button', { name: 'Delete Boats' }).click();
  await expect(chats).toHaveCount(1);
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(chats).toHaveCount(2);
  await expect(page.getByText('Chat deleted')).toHaveCount(0); // stored again
  await page.reload();
  await expect(chats).toHaveCount(2);
});

test('messages are copied and deleted, and settings belong to one conversation', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.goto(quick('max-tokens=8&temperature=0'));
  await loadTiny(page);
  const settings = async () => {
    await page.getByRole('button', { name: 'Chat settings' }).click();
    const dialog = page.getByRole('dialog', { name: 'This chat' });
    await expect(dialog).toBeVisible();
    return dialog;
  };
  await askToTheEnd(page, 'Once upon a time');
  const dialog = await settings();
  await dialog.getByLabel('System prompt').fill('Be brief.');
  await dialog.getByLabel('Temperature').fill('0.4');
  await dialog.getByRole('button', { name: 'Apply' }).click();

  const source = await page
    .getByRole('article', { name: 'Answer' })
    .evaluate((message) => (message as HTMLElement & { message: { content: string } }).message.content);
  await page.getByRole('article', { name: 'Answer' }).getByRole('button', { name: 'Copy', exact: true }).click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(source);
  await page.getByRole('article', { name: 'Answer' }).getByRole('button', { name: 'Delete' }).press('Enter');
  await expect(page.getByRole('article')).toHaveCount(1);
  await expect(page.getByRole('log')).toBeFocused();

  await page.getByRole('button', { name: 'New chat' }).click();
  await askToTheEnd(page, 'A second chat');
  const second = await settings();
  await second.getByLabel('System prompt').fill('Be long.');
  await second.getByRole('button', { name: 'Apply' }).click();
  await page.reload();
  await page.getByRole('button', { name: 'Load stories260K' }).click();
  await page.getByRole('button', { name: 'Once upon a time', exact: true }).click();
  await expect(page.getByRole('article')).toHaveCount(1);
  const first = await settings();
  await expect(first.getByLabel('System prompt')).toHaveValue('Be brief.');
  await expect(first.getByLabel('Temperature')).toHaveValue('0.4');
});

test('a file that is no export is refused in words', async ({ page }) => {
  await page.goto(quick());
  const choosing = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Import' }).click();
  await (await choosing).setFiles({ name: 'x.json', mimeType: 'application/json', buffer: Buffer.from('{"a":1}') });
  await expect(page.getByRole('alert').first()).toContainText('no chats of windrow');
});

test('two tabs lose nothing: what one says is heard in the other, where the chat goes on', async ({ page: first, context }) => {
  await first.goto(quick());
  await importChat(first, 'Shared', [{ role: 'user', content: 'Shared' }, { role: 'assistant', content: 'Yes' }], brief);
  const second = await context.newPage();
  await second.goto(quick());
  await loadTiny(second);
  await second.getByRole('button', { name: 'Shared', exact: true }).click();
  await askToTheEnd(second, 'From the second tab');
  await expect(first.getByRole('article')).toHaveCount(4);
  await expect(first.getByText('From the second tab')).toBeVisible();
});

test('a question that was left without an answer is answered later, or left out of the prompt', { tag: '@repeats' }, async ({ page }) => {
  await page.goto(quick());
  await importChat(page, 'Left', [{ role: 'user', content: 'Once upon a time' }], brief);
  await expect(page.getByRole('button', { name: 'Answer', exact: true })).toBeDisabled(); // no model yet
  await page.getByRole('button', { name: 'Choose a model' }).click();
  await loadTiny(page);
  await page.getByRole('button', { name: 'Answer', exact: true }).click();
  await expect(page.getByRole('article')).toHaveCount(2);
  await idle(page);
  await expect(page.getByRole('button', { name: 'Answer', exact: true })).toHaveCount(0);
});

test('an Enter that ends a word of an input method sends nothing; a megabyte of text is held above the field, counted before it is laid out, and given back \
when it is too long', async ({ page }) => {
  await page.goto(quick('max-tokens=4'));
  await loadTiny(page);
  await composer(page).fill('にほん');
  for (const init of [{ keyCode: 229 }, { isComposing: true }]) { // Safari's, and the others'
    await composer(page).evaluate(
      (area, more) => area.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, composed: true, cancelable: true, ...more })),
      init,
    );
  }
  await page.waitForTimeout(300);
  await expect(page.getByRole('article')).toHaveCount(0);
  await expect(composer(page)).toHaveValue('にほん');

  await composer(page).fill('many words '.repeat(100_000));
  await expect(composer(page)).toHaveValue('');
  await expect(page.getByText('Text of 1,099,999 characters')).toBeVisible();
  await composer(page).fill('What is it about?');
  await composer(page).press('Enter');
  await expect(page.getByRole('alert').first()).toContainText('the context of');
  await expect(page.getByRole('list', { name: 'Long texts' }).getByText('Text of 1,100,018 characters')).toBeVisible();
  await page.getByRole('button', { name: 'Leave out this text' }).click();
  await importChat(page, 'Long', [{ role: 'user', content: 'many words '.repeat(100_000) }]);
  const shown = () => page.getByRole('article', { name: 'You' }).locator('.text').evaluate((text) => text.textContent!.length);
  expect(await shown()).toBeLessThan(1500);
  await page.getByRole('button', { name: 'Show more' }).click();
  expect(await shown()).toBeGreaterThan(20_000);
});

test('a conversation longer than the context goes on as the visitor chooses: without its oldest turns, or with a longer context', async ({ page }) => {
  await page.goto(quick('context=128'));
  const turns = Array.from({ length: 6 }, (_, i) => [
    { role: 'user' as const, content: `Tell me about dog ${i}, please.` },
    { role: 'assistant' as const, content: 'The dog was very happy. '.repeat(4) },
  ]).flat();
  await loadTiny(page);
  await importChat(page, 'Long', turns, brief);
  await ask(page, 'And then?');
  await expect(page.getByRole('button', { name: 'Load again with a context of 256' })).toBeVisible();
  await page.getByRole('button', { name: 'Leave out the oldest messages' }).click();
  await expect(page.getByRole('article')).toHaveCount(14);
  await idle(page);
  await expect(page.getByRole('note')).toContainText('does not read what is above');
  await expect(page.getByRole('alert')).toHaveCount(0);

  await page.getByRole('button', { name: 'New chat' }).click();
  await composer(page).fill('The little dog and the big cat went to the park. '.repeat(12));
  await composer(page).press('Enter');
  await page.getByRole('button', { name: 'Load again with a context of 256' }).click();
  await expect(composer(page)).toHaveValue(/^The little dog/, { timeout: 60_000 });
  expect(await page.evaluate(() => document.querySelector('windrow-app')!.engine!.info.context)).toBe(256);
});

test('reasoning is folded and kept apart from the answer', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.goto(quick());
  await importChat(page, 'Thinking', [
    { role: 'user', content: 'How many?' },
    { role: 'assistant', content: '<think>\nFirst **one**.\n\n<img src=x onerror="document.title=\'hit\'">\n</think>\n\nThree.' },
  ]);
  const message = page.getByRole('article', { name: 'Answer' });
  await expect(message.locator('.text')).toHaveText('Three.');
  await expect(message.getByText('First one.')).toBeHidden();
  await message.getByText('Thoughts').click();
  await expect(message.getByText('First one.')).toBeVisible();
  await expect(message.locator('.thoughts strong')).toHaveText('one');
  expect(await message.evaluate((element) => element.shadowRoot!.querySelectorAll('.thoughts img').length)).toBe(0);
  expect(await page.title()).toBe('windrow');
  await message.getByRole('button', { name: 'Copy', exact: true }).click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('Three.');
});
