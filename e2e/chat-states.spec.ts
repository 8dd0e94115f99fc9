// States of conversations over a reload of the page. Those of chats: off at first; turned on, a chat goes on without being read again, and what
// is kept goes with it. Those of programs: as they are saved.
import { expect, type Page } from '@playwright/test';
import { answer, askToTheEnd, idle, loadTiny, quick, test } from './support/page.ts';

const panel = (page: Page) => page.getByRole('dialog', { name: 'What the model is doing' });

async function openPanel(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Activity' }).click();
  await expect(panel(page)).toBeVisible();
}

const kept = (page: Page) => page.evaluate(async () => (await document.querySelector('windrow-app')!.engine!.sessions.list()).map(({ tokens }) => tokens));

/** Tokens of the last prompt, and of them those that were not run. */
async function lastPrompt(page: Page): Promise<{ tokens: number; cached: number }> {
  await openPanel(page);
  const [, tokens, cached] = /Prompt\s*(\d+) tokens, (\d+) cached/.exec(await panel(page).innerText())!;
  await panel(page).getByRole('button', { name: 'Close' }).click();
  return { tokens: Number(tokens), cached: Number(cached) };
}

const greedy = { temperature: 0, max_tokens: 24 };

test('a chat goes on after a reload, and nothing of what was kept is run again, once the visitor asks for it', async ({ page }) => {
  await page.goto(quick('max-tokens=16&temperature=0'));
  await loadTiny(page);
  await askToTheEnd(page, 'Once upon a time');
  expect(await kept(page)).toEqual([]);
  await openPanel(page);
  await panel(page).getByLabel('What the model has read of chats').selectOption('512 MiB');
  await panel(page).getByRole('button', { name: 'Close' }).click();
  await askToTheEnd(page, 'Tom had a red ball and a big dog. They went to the park to play. '.repeat(3));
  await expect.poll(() => kept(page)).toHaveLength(1);
  const [first] = await kept(page);
  const text = await askToTheEnd(page, 'And then?');
  await expect.poll(async () => (await kept(page))[0]).toBeGreaterThan(first);
  const [all] = await kept(page);
  // The last token of an answer was chosen, and is run with what comes after it.
  expect((await lastPrompt(page)).cached).toBe(first);

  await page.reload();
  await loadTiny(page);
  await page.getByRole('button', { name: 'Once upon a time', exact: true }).click();
  await page.getByRole('article', { name: 'Answer' }).last().hover();
  await page.getByRole('button', { name: 'Regenerate' }).last().click();
  await idle(page);
  expect(await answer(page).innerText(), 'the answer once more, of whose prompt only the step that chooses its first token is run').toBe(text);
  const again = await lastPrompt(page);
  expect(again.cached).toBe(again.tokens - 1);
  await askToTheEnd(page, 'The end?');
  const next = await lastPrompt(page);
  expect([next.cached, next.cached < next.tokens], 'a new turn runs what is new').toEqual([all, true]);
  await openPanel(page);
  await expect(panel(page).getByText(/kept of 1 chat\./)).toBeVisible();

  await page.reload(); // a chat may also be deleted where no model is loaded
  await page.getByRole('button', { name: 'Once upon a time', exact: true }).hover();
  await page.getByRole('button', { name: 'Delete Once upon a time' }).click();
  await loadTiny(page);
  await expect.poll(() => kept(page)).toEqual([]);
});

test('a session that a program saved goes on after a reload with the same text, and nothing of its prompt is run', async ({ page }) => {
  await page.goto(quick());
  await loadTiny(page);
  const before = await page.evaluate(async (params) => {
    const { sessions } = document.querySelector('windrow-app')!.engine!;
    const session = await sessions.create({ messages: [{ role: 'user', content: 'Of a dog.' }] });
    await session.create(params);
    await session.append({ role: 'user', content: 'And then?' });
    const { tokens } = await session.save('story');
    const { choices: [{ message }], stats } = await session.create(params);
    return { tokens, text: message.content, prompt: stats.promptTokens };
  }, greedy);
  await page.reload();
  await loadTiny(page);
  const after = await page.evaluate(async (params) => {
    const { sessions } = document.querySelector('windrow-app')!.engine!;
    const session = await sessions.load('story');
    const { choices: [{ message }], stats } = await session.create(params);
    await session.close();
    await sessions.remove('story');
    return { text: message.content, prompt: stats.promptTokens, cached: stats.cachedTokens, left: (await sessions.list()).length };
  }, greedy);
  // The last token of a prompt is the step that chooses the first one of the answer, here as without a break.
  expect(after).toEqual({ text: before.text, prompt: before.prompt, cached: before.tokens, left: 0 });
  expect(before.tokens).toBe(before.prompt - 1);
  expect(after.text!.length).toBeGreaterThan(20);
});
