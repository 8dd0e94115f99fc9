// Packs the package and uses it as a stranger would: in a fresh Vite project (built, and in development) and in a fresh
// webpack project, and by a plain script tag, each asked for an answer in Chromium. `npm run build` first. Needs a registry for vite and webpack.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { chromium } from 'playwright';
import { chromiumArgs, findChromium } from './browser.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const model = gunzipSync(readFileSync(join(root, 'test/fixtures/stories260K/stories260K.gguf.gz')));
const folder = mkdtempSync(join(tmpdir(), 'windrow-package-'));
const run = (/** @type {string} */ command, /** @type {string[]} */ ...args) => execFileSync(command, args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });

const page = '<!doctype html><html lang="en"><title>fresh</title><body>';
const program = `import { createEngine } from 'windrow';
import 'windrow/elements';
const engine = await createEngine({ model: '/tiny.gguf' });
const { choices } = await engine.chat.completions.create({ messages: [{ role: 'user', content: 'Once upon a time' }], max_tokens: 6 });
document.title = 'answer: ' + choices[0].message.content + (customElements.get('windrow-chat') ? '' : ' without elements');
`;

/** Serves `folder` and the model; gives its address. */
async function serve(/** @type {string} */ files, /** @type {string} */ html) {
  const types = { '.js': 'text/javascript', '.html': 'text/html' };
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    try {
      const body = pathname === '/' ? html : pathname === '/tiny.gguf' ? model : readFileSync(join(files, pathname));
      response.writeHead(200, { 'content-type': pathname === '/' ? 'text/html' : types[extname(pathname)] ?? 'application/octet-stream' }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  return { address: `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`, close: () => server.close() };
}

/** The title of the page once it has an answer. */
async function answerOf(/** @type {string} */ address) {
  const browser = await chromium.launch({ executablePath: findChromium(), args: chromiumArgs });
  try {
    const tab = await browser.newPage();
    tab.on('pageerror', (error) => console.error(`  page: ${error.message}`));
    await tab.goto(address);
    await tab.waitForFunction(() => document.title.startsWith('answer: '), null, { timeout: 90_000 });
    const title = await tab.title();
    if (title.length < 12 || title.endsWith('without elements')) throw new Error(`the page says only "${title}"`);
    return title;
  } finally {
    await browser.close();
  }
}

let failed = 0;
async function check(/** @type {string} */ name, /** @type {() => Promise<string>} */ work) {
  try {
    console.log(`passed: ${name} (${await work()})`);
  } catch (error) {
    failed++;
    console.log(`failed: ${name}: ${/** @type {Error} */ (error).message}`);
  }
}

try {
  const file = execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: root, encoding: 'utf8' }).trim();
  writeFileSync(join(folder, 'package.json'), '{ "name": "fresh", "private": true, "type": "module" }\n');
  writeFileSync(join(folder, 'main.js'), program);
  writeFileSync(join(folder, 'index.html'), `${page}<script type="module" src="/main.js"></script>`);
  run('npm', 'install', '--no-audit', '--no-fund', '--silent', join(folder, file), 'vite@8', 'webpack@5', 'webpack-cli', 'typescript@6.0');

  await check('a Vite project, built', async () => {
    run('npx', 'vite', 'build', '--logLevel', 'error');
    const site = await serve(join(folder, 'dist'), readFileSync(join(folder, 'dist/index.html'), 'utf8'));
    return answerOf(site.address).finally(site.close);
  });
  await check('a plain script tag, without a build', async () => {
    const site = await serve(folder, `${page}<windrow-chat model="/tiny.gguf" max-tokens="6"></windrow-chat><script type="module" src="/node_modules/windrow/dist/lib/elements.js"></script>
      <script type="module">document.title = 'answer: ' + (await document.querySelector('windrow-chat').send('Once upon a time'));</script>`);
    return answerOf(site.address).finally(site.close);
  });
  await check('a TypeScript project', async () => {
    writeFileSync(join(folder, 'typed.ts'), "import { createEngine, type Engine } from 'windrow';\nimport { WindrowChat } from 'windrow/elements';\nimport { createNodeEngine } from 'windrow/node';\nexport const engine: Promise<Engine> = createEngine({ model: 'a.gguf', budget: '2GiB' });\nexport const answer = (chat: WindrowChat): Promise<string> => chat.send('Hello');\nexport const onNode = (): Promise<unknown> => createNodeEngine();\n// @ts-expect-error no such option\nvoid createEngine({ model: 'a.gguf', temperature: 1 });\n");
    run('npx', 'tsc', '--noEmit', '--strict', '--target', 'es2022', '--module', 'nodenext', '--lib', 'es2024,dom', 'typed.ts');
    return 'types are found';
  });
  await check('a webpack project', async () => {
    run('npx', 'webpack', '--mode', 'production', '--entry', './main.js', '-o', 'packed', '--output-public-path', '/', '--stats', 'errors-only');
    const site = await serve(join(folder, 'packed'), `${page}<script defer src="/main.js"></script>`);
    return answerOf(site.address).finally(site.close);
  });
  await check('a Vite project, in development', async () => {
    writeFileSync(join(folder, 'tiny.gguf'), model);
    const server = spawn('node', ['node_modules/vite/bin/vite.js', '--port', '47866', '--strictPort', '--host', '127.0.0.1'], { cwd: folder, stdio: 'inherit' });
    try {
      await new Promise((resolve) => setTimeout(resolve, 4000));
      return await answerOf('http://127.0.0.1:47866/');
    } finally {
      server.kill();
    }
  });
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
process.exitCode = failed > 0 ? 1 : 0;
