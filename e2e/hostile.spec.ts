// Whatever a model writes is harmless: shown from an imported chat, which needs no model.
import { expect, type Page } from '@playwright/test';
import { aliveIn, hostile } from './support/hostile-text.ts';
import { importChat, test } from './support/page.ts';
import { traceTasks } from './support/trace.ts';

const show = async (page: Page, content: string) => {
  await page.goto('/');
  await importChat(page, 'Hostile', [{ role: 'user', content: 'Attack me' }, { role: 'assistant', content }]);
  return page.getByRole('article', { name: 'Answer' });
};

test('scripts, handlers and odd addresses do nothing, and nothing is fetched', async ({ page, context }) => {
  const foreign: string[] = [];
  context.on('request', (request) => {
    if (new URL(request.url()).hostname !== '127.0.0.1') foreign.push(request.url());
  });
  const answer = await show(page, hostile);
  await expect(answer.getByRole('link', { name: 'good' })).toHaveAttribute('rel', /noopener/);
  await expect(answer.getByRole('link', { name: 'good' })).toHaveAttribute('target', '_blank');
  const found = await answer.evaluate(aliveIn);
  expect(found).toMatchObject({ tags: [], handlers: [], links: [] });
  expect(found.text).toContain('<script>document.title = "hit"</script>');
  expect(found.text).toContain('ab[31m evil x');
  expect(await page.title()).toBe('windrow');
  expect(foreign).toEqual([]);
});

test('a line of 100,000 characters and a huge table neither hang the page nor widen it', async ({ page }) => {
  let answer = page.getByRole('article');
  const { longestMs } = await traceTasks(page, async () => {
    answer = await show(
      page,
      `${'w'.repeat(100_000)}\n\n| a | b | c |\n|---|---|---|\n${'| 1 | 2 | 3 |\n'.repeat(10_000)}\n${'[*_`'.repeat(5000)}\n\nThe end.`,
    );
    await expect(answer.getByText('The end.')).toBeAttached();
  });
  expect(longestMs, 'ms of the main thread').toBeLessThan(5000);
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
  expect(await answer.evaluate((message) => message.scrollWidth <= message.clientWidth + 1)).toBe(true);
});

test('maths is typeset, hostile TeX does nothing, prices stay prices', async ({ page }) => {
  const scripts: string[] = [];
  page.on('request', (request) => scripts.push(request.url()));
  const answer = await show(
    page,
    [
      'It costs $5 and $6.', 'The area is $\\pi r^2$.', '$$\\int_0^1 x\\,dx = \\frac{1}{2}$$', '$\\href{javascript:alert(1)}{x}$',
      '$\\text{<img src=x onerror=alert(1)>}$', '$\\includegraphics{https://evil.example/a.png}$', '$\\def\\a{\\a\\a}\\a$',
      '$\\rule{9999em}{9999em}$', '$\\unknown$',
    ].join('\n\n'),
  );
  await expect(answer.locator('math').first()).toBeVisible();
  await expect(answer.locator('math[display=block] mfrac')).toBeVisible();
  await expect(answer.getByText('It costs $5 and $6.')).toBeVisible();
  await expect(answer.getByText('\\unknown')).toBeVisible(); // as it was written
  const found = await answer.evaluate((message) =>
    [...message.shadowRoot!.querySelectorAll('.markdown *')].flatMap((element) => [element.localName, ...element.getAttributeNames()]),
  );
  expect(found.filter((name) => ['img', 'a', 'href', 'src', 'style', 'script', 'onerror'].includes(name))).toEqual([]);
  const late = scripts.flatMap((url) => /maths-|highlight-/.exec(url)?.[0] ?? []);
  expect(late).toEqual(['maths-']); // each only when it is needed
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
});

test('code is coloured and copied, tables scroll inside the message', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const wide = Array.from({ length: 30 }, (_, i) => `column ${i}`).join(' | ');
  const answer = await show(page, `\`\`\`js\nconst a = 1; // one\n\`\`\`\n\n| ${wide} |\n|${'---|'.repeat(30)}\n| ${wide} |`);
  await expect(answer.locator('.hljs-keyword')).toHaveText('const');
  await answer.getByRole('button', { name: 'Copy code' }).click();
  expect((await page.evaluate(() => navigator.clipboard.readText())).trim()).toBe('const a = 1; // one');
  expect(await answer.locator('.table').evaluate((table) => table.scrollWidth > table.clientWidth)).toBe(true);
});
