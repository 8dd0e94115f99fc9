// The library in Firefox: the elements of a plain page, a frame without an origin, kernels against the reference.
import { createServer, type ViteDevServer } from 'vite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Page } from 'puppeteer-core';
import { isFull } from '../../test/verified.ts';
import { kernels, tinyModel } from '../support/tiny-model.ts';
import { port } from '../support/ports.ts';
import { startSite } from '../support/sites.ts';
import { type Firefox, openFirefox } from './firefox.ts';

/** Some of every kind of kernel; in the short run one, as naga-gpu.test.ts has its compiler take every kernel, and answers are golden here. */
const sample = isFull
  ? '^(matvec, 8|matvec of|matmul f32( F32|,)|rms-norm|rope by|gate|embed F16|attention.*heads of 64, f16)'
  : '^(matvec, 8 splits, 4 panels|matmul f32 F32|rms-norm by workgroup$|rope by|gate silu|embed F16|attention(-decode)?, heads of 64, f16)';

let firefox: Firefox;
let page: Page;
let sources: ViteDevServer;

beforeAll(async () => {
  firefox = await openFirefox();
  page = await firefox.newPage();
  const server = { port: port + 3, strictPort: true };
  sources = await createServer({ configFile: 'e2e/vite.config.ts', cacheDir: 'node_modules/.vite-firefox', server, logLevel: 'error' });
  await sources.listen();
});
afterAll(async () => {
  await firefox.close();
  await sources.close();
});

test('two chats of a plain page share one engine and answer alike', async () => {
  const chat = '<windrow-chat model="/tiny.gguf" max-tokens="6" temperature="0"></windrow-chat>';
  const html = `<!doctype html><html lang="en"><title>plain</title><script type="module" src="/elements.js"></script><body>${chat}${chat}`;
  const site = await startSite('dist/lib', { '/tiny.gguf': tinyModel.buffer, '/': html });
  await page.goto(site.address);
  const told = await page.evaluate(async () => {
    const elements = [...document.querySelectorAll('windrow-chat')];
    const texts = [await elements[0].send('Once upon a time'), await elements[1].send('Once upon a time')];
    return { texts, engines: new Set(elements.map(({ engine }) => engine)).size };
  });
  expect(told.texts[0].length).toBeGreaterThan(3);
  expect(told.texts[1]).toBe(told.texts[0]);
  expect(told.engines).toBe(1);
  site.close();
});

test('in a frame without an origin the model loads', async () => {
  const inner = `<!doctype html><script type="module">
    const tell = (words) => parent.postMessage(words, '*');
    try {
      const { createEngine } = await import('/index.js');
      tell('loaded ' + (await createEngine({ model: '/tiny.gguf', kernels: '${kernels}' })).info.name);
    } catch (error) { tell([error.name, error.code, error.message].join(' ')); }
  </script>`;
  const outer = `<!doctype html><iframe sandbox="allow-scripts" src="/inner.html"></iframe>
    <script>addEventListener("message", ({ data }) => (document.title = data))</script>`;
  const site = await startSite('dist/lib', { '/tiny.gguf': tinyModel.buffer, '/': outer, '/inner.html': inner }, { 'access-control-allow-origin': '*' });
  await page.goto(site.address);
  await expect.poll(() => page.title(), { timeout: 60_000, interval: 200 }).toMatch(/stories260K|Error/);
  expect(await page.title()).toBe('loaded stories260K');
  site.close();
});

test('kernels give the numbers of the reference', async () => {
  await page.goto(`http://127.0.0.1:${port + 3}/kernels.html?only=${encodeURIComponent(sample)}`);
  const run = await (await page.waitForFunction(() => window.kernels, { timeout: 8 * 60_000 })).jsonValue();
  expect(run!.error).toBeUndefined();
  const checks = run!.results.filter(({ skipped }) => !skipped);
  console.log(`${checks.length} checks on ${run!.adapter}`);
  expect(checks.length).toBeGreaterThan(isFull ? 15 : 6);
  expect(checks.filter(({ passed }) => !passed)).toEqual([]);
});
