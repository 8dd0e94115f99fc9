// A model on a server as one more that the page offers: asked when the visitor says so and not before, known after a reload, its key only by a passphrase.
import { readdirSync } from 'node:fs';
import { expect, type Page } from '@playwright/test';
import { startServe } from './support/serve.ts';
import { type ScriptedServer, startScriptedServer } from './support/server.ts';
import { pagesPort, port } from './support/ports.ts';
import { answer, askToTheEnd, ask, composer, loadTiny, quick, test } from './support/page.ts';

const origin = `http://127.0.0.1:${port}`;
const key = 'sk-secret-1';
const passphrase = 'a long passphrase';
let server: { close(): unknown } | undefined;
test.afterEach(async () => {
  const ended = server;
  server = undefined; // the next test may have none
  await ended?.close();
});
const scripted = async (...given: Parameters<typeof startScriptedServer>): Promise<ScriptedServer> => {
  const started = await startScriptedServer(...given);
  server = started;
  return started;
};

const section = (page: Page) => page.getByRole('region', { name: 'A model on a server' });
/** All that the page has written down, but for what IndexedDB has of chats. */
const remembered = (page: Page): Promise<string> => page.evaluate(() => JSON.stringify({ ...localStorage }) + JSON.stringify({ ...sessionStorage }));

test('a server answers once the visitor connects to it, marked as leaving the device, and is known after a reload', async ({ page }) => {
  const server = await scripted(origin, () => ['The rivers', ' bring it.'], key);
  await page.goto(quick());
  await section(page).getByRole('button', { name: 'Use a server' }).click();
  await expect(section(page).getByLabel(/^Address/)).toBeFocused();
  await expect(section(page).getByText('leaves this device')).toBeVisible();
  await section(page).getByLabel(/^Address/).fill(server.host);
  await section(page).getByRole('button', { name: 'Connect' }).click();
  await expect(section(page).getByRole('alert')).toContainText('Give one as in http://localhost:11434/v1');
  await section(page).getByLabel(/^Address/).fill(`http://${server.host}`);
  await section(page).getByRole('button', { name: 'Connect' }).click();
  await expect(section(page).getByRole('alert')).toContainText('answered 401: The key is missing or wrong');
  await section(page).getByLabel(/^Key/).fill(key);
  await section(page).getByLabel('Keep the key under a passphrase').fill(passphrase);
  await section(page).getByRole('button', { name: 'Connect' }).click();
  await section(page).getByLabel(/^Model/).selectOption('big');
  await section(page).getByRole('button', { name: 'Use this model' }).click();

  await expect(page.getByRole('heading', { name: 'big', exact: true })).toBeVisible();
  await expect(page.getByText(`on ${server.host}`, { exact: true })).toBeVisible();
  await expect(page.getByText(`What you write leaves this device: it goes to ${server.host}.`)).toBeVisible();
  await expect(page.getByText('Nothing you write leaves this device')).toHaveCount(0);
  expect(server.asked, 'nothing is asked before the visitor asks').toEqual([]);
  expect(await askToTheEnd(page, 'Why is the sea salt?')).toBe('The rivers bring it.');
  await expect(page.getByText(/^2 tokens.* · from 127/)).toBeVisible();
  const kept = await remembered(page);
  expect(kept).toContain(server.host);
  expect(kept).not.toMatch(new RegExp(`${key}|${passphrase}`));

  const before = server.paths.length;
  await page.reload();
  await page.getByRole('button', { name: 'Why is the sea salt?', exact: true }).click();
  await expect(answer(page)).toHaveText('The rivers bring it.');
  await page.getByRole('button', { name: 'Choose a model' }).click();
  await expect(section(page).getByLabel(/^Address/)).toHaveValue(`http://${server.host}/v1`);
  expect(server.paths.length, 'a reload asks the server nothing').toBe(before);
  await section(page).getByLabel('Passphrase of its key').fill('another');
  await section(page).getByRole('button', { name: 'Connect' }).click();
  await expect(section(page).getByRole('alert')).toContainText('is not the one under which the key was kept');
  await section(page).getByLabel('Passphrase of its key').fill(passphrase);
  await section(page).getByRole('button', { name: 'Connect' }).click();
  await page.getByRole('button', { name: 'Back to chat' }).or(composer(page)).first().waitFor();
  await askToTheEnd(page, 'And the lakes?');
  expect(server.asked.at(-1)).toMatchObject({
    messages: [{ content: 'Why is the sea salt?' }, { content: 'The rivers bring it.' }, { content: 'And the lakes?' }],
  });

  await page.getByRole('button', { name: 'Models' }).click();
  await section(page).getByRole('button', { name: 'Disconnect and forget it' }).click();
  await expect(section(page).getByRole('button', { name: 'Use a server' })).toBeVisible();
  expect(await remembered(page)).not.toContain(server.host);
});

test('an answer of a server is stopped there too, its end is told, and a model of this device takes its place', async ({ page }) => {
  let says = Array.from({ length: 2000 }, (_, i) => `${i} `);
  const server = await scripted(origin, () => says);
  await page.goto(quick('max-tokens=4&temperature=0'));
  await section(page).getByRole('button', { name: 'Use a server' }).click();
  await section(page).getByLabel(/^Address/).fill(`http://${server.host}`);
  await section(page).getByRole('button', { name: 'Connect' }).click();
  await section(page).getByRole('button', { name: 'Use this model' }).click();
  await ask(page, 'Count');
  await expect(answer(page)).toContainText('20');
  await page.getByRole('button', { name: 'Stop' }).click();
  await expect(page.getByText(`Stopped · from ${server.host}`, { exact: true })).toBeVisible();
  await expect.poll(() => server.stopped).toBe(1);
  says = ['Again'];
  server.close();
  await ask(page, 'Again?');
  await expect(page.getByRole('alert')).toContainText(`${server.host} could not be reached`);
  await expect(composer(page), 'the question is given back').toHaveValue('Again?');
  await page.getByRole('button', { name: 'Models' }).click();
  await loadTiny(page);
  await expect(page.getByText(`on ${server.host}`, { exact: true })).toHaveCount(0);
  await expect(page.getByText('What you write leaves this device')).toHaveCount(0);
  await page.reload();
  await expect(page.getByRole('button', { name: /^Load/ }).first()).toBeVisible();
  await expect(section(page).getByLabel(/^Address/), 'it is known, and no more the first').toHaveValue(`http://${server.host}/v1`);
});

test('a browser without WebGPU can use a server', async ({ page }) => {
  const server = await scripted(origin, () => ['Yes.']);
  await page.addInitScript(() => Object.defineProperty(navigator, 'gpu', { value: undefined }));
  await page.goto('/');
  await expect(page.getByRole('heading', { name: 'This browser has no WebGPU' })).toBeVisible();
  await section(page).getByRole('button', { name: 'Use a server' }).click();
  await section(page).getByLabel(/^Address/).fill(`http://${server.host}`);
  await section(page).getByRole('button', { name: 'Connect' }).click();
  await section(page).getByRole('button', { name: 'Use this model' }).click();
  expect(await askToTheEnd(page, 'Are you there?')).toBe('Yes.');
  await page.getByRole('button', { name: 'Models' }).click();
  await section(page).getByRole('button', { name: 'Disconnect', exact: true }).click();
  await page.getByRole('button', { name: 'Are you there?', exact: true }).click();
  await page.getByRole('button', { name: 'Use a server' }).click();
  await expect(section(page).getByLabel(/^Address/)).toHaveValue(`http://${server.host}/v1`);
});

test("the guide's page tells of an answer that breaks off, asks once at a time, and again", async ({ page }) => {
  let left = Infinity;
  const server = await scripted(`http://127.0.0.1:${pagesPort}`, () => Array.from({ length: Math.min(left, 20_000) }, (_, i) => `${i} `));
  await page.goto(`http://127.0.0.1:${pagesPort}/remote.html`);
  const [told, button] = [page.getByRole('status'), page.getByRole('button', { name: 'Ask' })];
  await page.getByLabel('Address').fill(`http://${server.host}/v1`);
  await button.click();
  await expect(told).toContainText('0 1 2 ');
  await expect(button).toBeDisabled();
  server.breakOff();
  await expect(told).not.toContainText('0 1 2 ');
  await expect(told).not.toBeEmpty();
  left = 3;
  await button.click();
  await expect(page).toHaveTitle('answered');
  await expect(told).toHaveText('0 1 2 ');
  await expect(button).toBeEnabled();
});

test('a `windrow serve` that does not come to listen is ended, with its folder', async ({}, info) => {
  const { TMPDIR } = process.env;
  process.env.TMPDIR = info.outputPath();
  try {
    await expect(startServe([origin], key, AbortSignal.abort())).rejects.toThrow('had no more time before it listened');
    expect(readdirSync(info.outputPath())).toEqual([]);
  } finally {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
  }
});

test("a real `windrow serve` answers the guide's page and, marked as a server, the chat page, which goes on from its answer", async ({ page }) => {
  const served = await startServe([origin, `http://127.0.0.1:${pagesPort}`], key);
  server = served;
  const address = `http://${served.host}/v1`;
  await page.goto(`http://127.0.0.1:${pagesPort}/remote.html`);
  const told = page.getByRole('status');
  await page.getByLabel('Address').fill(address);
  await page.getByRole('button', { name: 'Ask' }).click();
  await expect(told).toContainText('answered 401');
  await page.getByLabel('Key').fill(key);
  await page.getByRole('button', { name: 'Ask' }).click();
  await expect(page).toHaveTitle('answered');
  const text = await told.innerText();
  expect(text.length).toBeGreaterThan(20);

  await page.goto(quick('max-tokens=24&temperature=0&repeat-penalty=1'));
  await section(page).getByRole('button', { name: 'Use a server' }).click();
  await section(page).getByLabel(/^Address/).fill(address);
  await section(page).getByLabel(/^Key/).fill(key);
  await section(page).getByRole('button', { name: 'Connect' }).click(); // which has one model
  await expect(page.getByRole('heading', { name: 'stories260K', exact: true })).toBeVisible();
  await expect(page.getByText(`What you write leaves this device: it goes to ${served.host}.`)).toBeVisible();
  expect((await askToTheEnd(page, 'Of a dog.')).trim()).toBe(text.trim());
  await expect(page.getByText(new RegExp(`^24 tokens.* · from ${served.host}`))).toBeVisible();
  expect((await askToTheEnd(page, 'And then?')).length).toBeGreaterThan(20);
  expect(await served.close()).toBe(0);
  await ask(page, 'Again?');
  await expect(page.getByRole('alert')).toContainText(`${served.host} could not be reached`);
});
