// Where the page and the library are opened and cannot do all: without https, from a file, in a frame without an origin, beside
// a strict embedder policy, in browsers of some years ago. Each says what is wrong, or works.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { extname, join, resolve } from 'node:path';
import { expect, type Page } from '@playwright/test';
import { importChat, ranInFirefox, test, tinyModel } from '../support/page.ts';
import { kernels } from '../support/tiny-model.ts';
import { startSite, type Site } from '../support/sites.ts';

const app = process.env.WINDROW_APP ?? 'dist/app';
const types: Record<string, string> = { '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.json': 'application/json' };
const anyone = { 'access-control-allow-origin': '*' };

/** A page that loads the tiny model and tells in its title, or to the page around it, how that went. */
const loading = `<!doctype html><meta charset="utf-8"><script type="module">
  const tell = (words) => { document.title = words; parent.postMessage(words, '*'); };
  try {
    const { createEngine } = await import('/index.js');
    const engine = await createEngine({ model: '/tiny.gguf', kernels: '${kernels}' });
    tell('loaded ' + engine.info.name);
  } catch (error) { tell([error.name, error.code, error.message].join(' ')); }
</script>`;
const importing = `<!doctype html><meta charset="utf-8"><script type="module">
  const { openLibrary } = await import('/index.js');
  openLibrary().importModel({ model: '/tiny.gguf' }).done.catch(({ name, message }) => (document.title = [name, message].join(' ')));
</script>`;
const library = (headers: Record<string, string> = {}, pages: Record<string, string | Buffer> = {}): Promise<Site> =>
  startSite('dist/lib', { '/': loading, '/tiny.gguf': tinyModel.buffer, ...pages }, headers);

/** The built page at an address of a home network. */
const serveAt = (page: Page, origin: string) => page.context().route(`${origin}/**`, (route) => {
  let path = join(app, new URL(route.request().url()).pathname);
  if (existsSync(path) && statSync(path).isDirectory()) path = join(path, 'index.html');
  return existsSync(path) ? route.fulfill({ contentType: types[extname(path)] ?? 'text/html', body: readFileSync(path) }) : route.fulfill({ status: 404 });
});

test('without https the page says so, and old chats are read', async ({ page }) => {
  await serveAt(page, 'http://lan.example');
  await page.goto('http://lan.example/');
  await expect(page.getByRole('heading', { name: 'This page has to be opened over https' })).toBeVisible();
  await importChat(page, 'Old', [{ role: 'user', content: 'Hello' }, { role: 'assistant', content: 'Hi there' }]);
  await expect(page.getByText('Hi there')).toBeVisible();
  await page.reload();
  await page.getByRole('button', { name: 'Old', exact: true }).click();
  await expect(page.getByText('Hi there')).toBeVisible();
});

test('without https an import says so', async ({ page }) => {
  await page.context().route('http://lan.example/**', (route) => {
    const path = new URL(route.request().url()).pathname;
    return route.fulfill(
      path === '/' ? { contentType: 'text/html', body: importing } : { contentType: 'text/javascript', body: readFileSync(join('dist/lib', path)) },
    );
  });
  await page.goto('http://lan.example/');
  await expect(page).toHaveTitle(/^DeviceError .*Open it over https/);
});

test('from a file the page says what it needs', async ({ page }) => {
  await page.goto(`file://${resolve(app, 'index.html')}`);
  await expect(page.getByText('windrow cannot run from a file')).toBeVisible();
});

test('in a frame without an origin the model loads', async ({ page }) => {
  test.skip(ranInFirefox, 'has run in Firefox; without Firefox and with WINDROW_FULL=1 it runs here');
  const listen = "<script>addEventListener('message', ({ data }) => (document.title = data))</script>";
  const outer = `<!doctype html><iframe sandbox="allow-scripts" src="/inner.html"></iframe>${listen}`;
  const site = await library(anyone, { '/': outer, '/inner.html': loading });
  await page.goto(site.address);
  await expect(page).toHaveTitle('loaded stories260K');
  site.close();
});

test('in a browser without AbortSignal.any and URL.canParse the model loads', async ({ page }) => {
  const older = 'delete AbortSignal.any; delete URL.canParse;\n';
  const site = await library({}, { '/worker.js': Buffer.from(older + readFileSync('dist/lib/worker.js', 'utf8')) });
  await page.addInitScript(older);
  await page.goto(site.address);
  await expect(page).toHaveTitle('loaded stories260K');
  site.close();
});

test('beside an embedder policy that the worker lacks, the error names it', async ({ page }) => {
  const site = await library({ 'cross-origin-embedder-policy': 'require-corp', 'cross-origin-opener-policy': 'same-origin' });
  await page.context().route('**/worker.js', (route) => route.fulfill({ contentType: 'text/javascript', body: readFileSync('dist/lib/worker.js') }));
  await page.goto(site.address);
  await expect(page).toHaveTitle(/^DeviceError worker_failed .*Cross-Origin-Embedder-Policy/);
  site.close();
});
