// <windrow-chat> and <windrow-model> from the built package, in pages that have no build: shared engine, another origin,
// strict policy. Pages are served with the headers that docs/embedding.md tells.
import { readFileSync } from 'node:fs';
import { expect, type Page } from '@playwright/test';
import { keepNotes, visit } from './support/notes.ts';
import { test, tinyModel } from './support/page.ts';
import { startSite } from './support/sites.ts';

const library = process.env.WINDROW_LIB ?? 'dist/lib';
const documented = (name: string): string => {
  const found = new RegExp(`<!-- ${name} -->\\s*\`\`\`\\w*\\n([^]*?)\`\`\``).exec(readFileSync('docs/embedding.md', 'utf8'));
  if (!found) throw new Error(`docs/embedding.md has no block ${name}`);
  return found[1].replace(/^Content-Security-Policy:/, '').replace(/\s+/g, ' ').trim();
};
const model = { '/tiny.gguf': tinyModel.buffer };
const html = (body: string, script = '/elements.js') =>
  `<!doctype html><html lang="en"><title>plain</title><script type="module" src="${script}"></script><body>${body}`;
const chat = (attributes = '') => `<windrow-chat model="/tiny.gguf" max-tokens="6" temperature="0" ${attributes}></windrow-chat>`;

const send = (page: Page, at: number) => page.evaluate(async (i) => document.querySelectorAll('windrow-chat')[i].send('Once upon a time'), at);
const modelsLoaded = (page: Page) => page.evaluate(() => {
  const engines = [...document.querySelectorAll('windrow-chat')].map(({ engine }) => engine);
  return { loaded: engines.filter(Boolean).length, different: new Set(engines).size };
});

// One after the other, as the first of a worker has its kernels measured and tested, and the others find the notes.
test.describe.configure({ mode: 'default' });

test.afterEach(({ page }) => (page.url().startsWith('http') ? keepNotes(page) : undefined));

test('two chats of a plain page share one engine, and nothing leaks into the page', async ({ page }) => {
  const site = await startSite(library, { ...model, '/': html(`${chat('id="a"')}${chat('id="b" theme="dark"')}`) });
  const workers: unknown[] = [];
  page.on('worker', (worker) => workers.push(worker));
  await visit(page, site.address);
  const before = await page.evaluate(() => Object.keys(globalThis).length);
  const [first, second] = [await send(page, 0), await send(page, 1)];
  expect(first.length).toBeGreaterThan(3);
  expect(second).toBe(first);
  expect(await modelsLoaded(page)).toEqual({ loaded: 2, different: 1 });
  expect(workers).toHaveLength(1);
  expect(await page.evaluate(() => Object.keys(globalThis).length)).toBe(before);
  expect(await page.locator('#b').evaluate((element) => getComputedStyle(element).colorScheme)).toBe('dark');
  await page.evaluate(() => document.querySelectorAll('windrow-chat').forEach((element) => element.remove()));
  await expect.poll(() => page.workers().length).toBe(0);
  site.close();
});

test('attributes, events, methods and slots do what the page says', async ({ page }) => {
  const slots = ['header', 'start', 'welcome', 'footer'].map((name) => `<b slot="${name}">My ${name}</b>`).join('');
  const site = await startSite(library, { ...model, '/': html(chat('suggestions="One|Two" placeholder="Say it"').replace('></', `>${slots}</`)) });
  await page.addInitScript(() => {
    const events: string[] = ((globalThis as { events?: string[] }).events = []);
    for (const name of ['ready', 'progress', 'message', 'error']) addEventListener(`windrow-${name}`, () => events.push(name));
  });
  await visit(page, site.address);
  for (const name of ['header', 'start', 'footer']) await expect(page.getByText(`My ${name}`)).toBeVisible();
  await page.evaluate(() => document.querySelector('windrow-chat')!.toggleAttribute('autoload', true));
  await expect(page.getByRole('textbox', { name: 'Message' })).toHaveAttribute('placeholder', 'Say it');
  for (const name of ['header', 'welcome', 'footer']) await expect(page.getByText(`My ${name}`)).toBeVisible();
  await page.getByRole('button', { name: 'Two' }).click();
  await expect(page.getByRole('article', { name: 'You' })).toHaveText('Two');
  await expect(page.getByRole('button', { name: 'Send' })).toBeVisible();
  const events = await page.evaluate(() => (globalThis as { events?: string[] }).events!);
  expect([...new Set(events)]).toEqual(['progress', 'ready', 'message']);
  const messages = () => page.evaluate(() => (globalThis as { events?: string[] }).events!.filter((name) => name === 'message').length);
  expect(await messages()).toBe(2);
  await page.getByRole('button', { name: 'Regenerate' }).click();
  await expect.poll(messages).toBe(3);
  await page.evaluate(() => document.querySelector('windrow-chat')!.reset());
  await expect(page.getByRole('article')).toHaveCount(0);
  site.close();
});

test('an element from another origin works through a worker of a blob, under the documented policy', async ({ page }) => {
  const from = await startSite(library, {}, { 'access-control-allow-origin': '*' });
  const policy = documented('other origin').replaceAll('https://cdn.example', from.address);
  const site = await startSite(null, { ...model, '/': html(chat(), `${from.address}/elements.js`) }, { 'content-security-policy': policy });
  await visit(page, site.address);
  expect((await send(page, 0)).length).toBeGreaterThan(3);
  from.close();
  site.close();
});

test('an element works under the documented strict policy with Trusted Types, and the policy would stop what it has to stop', async ({ page }) => {
  const site = await startSite(library, { ...model, '/': html(chat('worker-src="/worker.js"')) }, { 'content-security-policy': documented('strict') });
  await visit(page, site.address);
  expect((await send(page, 0)).length).toBeGreaterThan(3);
  expect(await page.evaluate(() => {
    try {
      document.createElement('div').innerHTML = '<b>x</b>';
      return 'allowed';
    } catch (error) {
      return (error as Error).name;
    }
  })).toBe('TypeError');
  site.close();
});

test('windrow-model gives its engine to a page with its own chat', async ({ page }) => {
  const site = await startSite(library, { ...model, '/': html('<windrow-model model="/tiny.gguf"><p>my own chat</p></windrow-model>') });
  await visit(page, site.address);
  await expect(page.getByText('my own chat')).toBeHidden();
  await page.getByRole('button', { name: 'Load tiny' }).click();
  await expect(page.getByText('my own chat')).toBeVisible();
  const answer = await page.evaluate(
    async () =>
      (await document.querySelector('windrow-model')!.engine!.chat.completions.create({ messages: [{ role: 'user', content: 'Once' }], max_tokens: 4 }))
        .choices[0].message.content,
  );
  expect(answer?.length).toBeGreaterThan(1);
  site.close();
});

test('a model that is not there is told by an event and in words', async ({ page }) => {
  const site = await startSite(library, { '/': html('<windrow-chat model="/none.gguf"></windrow-chat>') });
  await visit(page, site.address);
  const told = page.evaluate(
    () =>
      new Promise<string>((resolve) => addEventListener('windrow-error', (event) => resolve((event as CustomEvent<{ error: Error }>).detail.error.message))),
  );
  await page.getByRole('button', { name: 'Load none' }).click();
  expect(await told).toContain('404');
  await expect(page.getByRole('alert').first()).toContainText('404');
  site.close();
});

test('another model or budget takes the place of the loaded one, and an address that is none is told', async ({ page }) => {
  const site = await startSite(library, { ...model, '/other.gguf': tinyModel.buffer, '/': html(chat('autoload')) });
  await visit(page, site.address);
  await expect(page.getByRole('textbox', { name: 'Message' })).toBeVisible();
  const changed = (property: 'model' | 'budget', value: string) => page.evaluate(async ([name, to]) => {
    const element = document.querySelector('windrow-chat')!;
    const before = element.engine;
    const ready = new Promise((resolve) => element.addEventListener('windrow-ready', resolve, { once: true }));
    element[name] = to;
    await ready;
    return element.engine !== null && element.engine !== before;
  }, [property, value] as const);
  expect(await changed('model', '/other.gguf')).toBe(true);
  expect(await changed('budget', '8MB')).toBe(true);
  expect((await send(page, 0)).length).toBeGreaterThan(3);
  expect(await page.evaluate(async () => (await document.querySelector('windrow-chat')!.engine!.stats()).budgetBytes)).toBe(8e6);
  await expect.poll(() => page.workers().length).toBe(1);
  await page.evaluate(() => (document.querySelector('windrow-chat')!.model = 'http://'));
  await expect(page.getByRole('alert').first()).toContainText('is no http or https address');
  await expect.poll(() => page.workers().length).toBe(0);
  site.close();
});

test.describe('where a part of the browser ends', () => {
  test.use({ ownBrowser: true });

  test('a GPU that is lost comes back by itself for both elements that use it', { tag: '@repeats' }, async ({ page, context }) => {
    const site = await startSite(library, { ...model, '/': html(`${chat()}${chat()}`) });
    await visit(page, site.address);
    const before = [await send(page, 0), await send(page, 1)];
    await (await context.newCDPSession(page)).send('Browser.crashGpuProcess');
    await page.evaluate(() => document.querySelectorAll('windrow-chat').forEach((element) => element.reset()));
    expect([await send(page, 0), await send(page, 1)]).toEqual(before);
    await expect(page.getByRole('alert')).toHaveCount(0);
    await expect(page.getByRole('article', { name: 'Answer' }).first()).toContainText('The GPU was lost; the model was back after');
    site.close();
  });
});

test('a page styles parts and custom properties of an element, and nothing else of it', async ({ page }) => {
  const style =
    '<style>p { color: rgb(1, 2, 3) } windrow-chat { --accent: rgb(200, 0, 100) } windrow-chat::part(composer) { border-top: 7px solid } ' +
    'windrow-chat::part(user) { font-style: italic }</style>';
  const site = await startSite(library, { ...model, '/': html(`${style}${chat()}`) });
  await visit(page, site.address);
  await expect(page.getByRole('button', { name: 'Load tiny' })).toHaveCSS('background-color', 'rgb(200, 0, 100)');
  await expect(page.getByText('A language model that runs here')).not.toHaveCSS('color', 'rgb(1, 2, 3)');
  await send(page, 0);
  await expect(page.getByRole('article', { name: 'You' })).toHaveCSS('font-style', 'italic');
  await expect(page.locator('windrow-composer')).toHaveCSS('border-top-width', '7px');
  site.close();
});

test('stop() ends an answer, and a second question waits for that', async ({ page }) => {
  const site = await startSite(library, { ...model, '/': html(chat().replace('max-tokens="6"', 'max-tokens="400"')) });
  await visit(page, site.address);
  const told = await page.evaluate(async () => {
    const element = document.querySelector('windrow-chat')!;
    const first = element.send('Once upon a time');
    await new Promise<void>((resolve) => {
      const look = (): unknown => ((element.messages.at(-1)?.content.length ?? 0) > 20 && element.messages.length > 1 ? resolve() : setTimeout(look, 20));
      look();
    });
    const refused = await element.send('Too early').catch((error: Error) => error.message);
    element.stop();
    return { answer: await first, refused, messages: element.messages.length };
  });
  expect(told.answer.length).toBeGreaterThan(20);
  expect(told.refused).toContain('An answer is being written');
  expect(told.messages).toBe(2);
  site.close();
});

test('an answer that breaks off rejects and is no message, nor is one that was stopped before its first token', async ({ page }) => {
  const site = await startSite(library, { ...model, '/': html(chat().replace('max-tokens="6"', 'max-tokens="400"')) });
  await page.addInitScript(() => {
    const told: string[] = ((globalThis as { told?: string[] }).told = []);
    addEventListener('windrow-message', (event) => told.push((event as CustomEvent<{ role: string }>).detail.role));
  });
  await visit(page, site.address);
  const told = () => page.evaluate(() => (globalThis as { told?: string[] }).told!);
  expect(await page.evaluate(async () => {
    const element = document.querySelector('windrow-chat')!;
    element.addEventListener('windrow-message', () => queueMicrotask(() => element.stop()), { once: true });
    return element.send('Once upon a time');
  })).toBe('');
  expect(await told()).toEqual(['user']);
  const sending = page.evaluate(() => document.querySelector('windrow-chat')!.send('Once upon a time').catch((error: Error) => error.name));
  await page.waitForFunction(() => (document.querySelector('windrow-chat')!.messages[3]?.content.length ?? 0) > 20);
  await page.evaluate(() => document.querySelector('windrow-chat')!.engine!.unload());
  expect(await sending).toBe('RequestError');
  expect(await told()).toEqual(['user', 'user']);
  site.close();
});

test('a chat that was moved in the page still follows the answer to its end', async ({ page }) => {
  const style = '<style>windrow-chat { height: 14rem }</style>';
  const site = await startSite(library, { ...model, '/': html(`${style}${chat('autoload').replace('max-tokens="6"', 'max-tokens="120"')}<main></main>`) });
  await visit(page, site.address);
  await send(page, 0);
  await page.evaluate(() => document.querySelector('main')!.append(document.querySelector('windrow-chat')!));
  await expect(page.getByRole('textbox', { name: 'Message' })).toBeVisible();
  await send(page, 0);
  const list = page.locator('windrow-message-list');
  expect(await list.evaluate(({ scrollHeight, clientHeight }) => scrollHeight > clientHeight + 100)).toBe(true);
  await expect.poll(() => list.evaluate(({ scrollTop, scrollHeight, clientHeight }) => scrollHeight - scrollTop - clientHeight)).toBeLessThan(2);
  site.close();
});

test('the manifest of the package names what the docs name, and nothing private', () => {
  interface Named { name: string; privacy?: string }
  interface Declaration extends Named {
    tagName: string;
    attributes: Named[];
    members: Named[];
    events: Named[];
    slots: Named[];
    cssParts: Named[];
    cssProperties?: Named[];
  }
  const { modules } = JSON.parse(readFileSync(`${library}/custom-elements.json`, 'utf8')) as {
    modules: { path: string; declarations: Declaration[]; exports: Named[] }[];
  };
  expect(modules.map(({ path }) => path)).toEqual(['dist/lib/elements.js']);
  expect(modules[0].exports.map(({ name }) => name)).toEqual(['WindrowChat', 'windrow-chat', 'WindrowModel', 'windrow-model']);
  const names = (list: Named[] = []) => list.map(({ name }) => name).sort();
  const [element, loader] = modules[0].declarations;
  expect(names(element.attributes)).toEqual([
    'autoload', 'budget', 'max-tokens', 'model', 'placeholder', 'repeat-penalty', 'suggestions', 'system', 'temperature', 'theme',
    'worker-src',
  ]);
  expect(names(element.members)).toEqual([
    'autoload', 'budget', 'engine', 'maxTokens', 'messages', 'model', 'placeholder', 'repeatPenalty', 'reset', 'send', 'stop',
    'suggestions', 'system', 'temperature', 'theme', 'workerSrc',
  ]);
  expect(names(element.events)).toEqual(['windrow-error', 'windrow-message', 'windrow-progress', 'windrow-ready']);
  expect(names(element.slots)).toEqual(['footer', 'header', 'start', 'welcome']);
  expect(names(element.cssParts)).toEqual(['assistant', 'composer', 'message', 'messages', 'user']);
  expect(names(loader.attributes)).toEqual(['autoload', 'budget', 'model', 'theme', 'worker-src']);
  expect(names(loader.members)).toEqual(['autoload', 'budget', 'engine', 'load', 'model', 'report', 'theme', 'workerSrc']);
  const docs = readFileSync('docs/embedding.md', 'utf8');
  for (const { attributes, members, events, slots, cssParts, cssProperties } of modules[0].declarations) {
    for (const name of names([...attributes, ...members, ...events, ...slots, ...cssParts, ...(cssProperties ?? [])]).filter(Boolean))
      expect(docs, name).toMatch(new RegExp(`\`${name}\\b|\`${name}\``));
  }
});

test('embed.html shows two chats of one engine in a plain page', async ({ page }) => {
  await page.goto('/embed.html');
  await expect(page.getByRole('heading', { name: 'The curious one' })).toBeVisible();
  await expect(page.getByRole('button', { name: /^Load SmolLM2/ })).toHaveCount(2);
});
