// @ts-check
// Packs the package and uses it as a stranger would. In fresh projects of Node and TypeScript, within seconds; with `--full`
// also in a fresh Vite project (built, and in development), in a webpack project and by a plain script tag, each asked for
// an answer in Chromium. `npm run build` first. Needs a registry for what the projects use.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
/** What a command prints. */
function runIn(/** @type {string} */ cwd, /** @type {string} */ command, /** @type {string[]} */ ...args) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.slice(0, 3).join(' ')} ended with ${status}: ${stdout}${stderr}`);
  return stdout;
}

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
      response
        .writeHead(200, {
          'content-type': pathname === '/' ? 'text/html' : (types[/** @type {keyof typeof types} */ (extname(pathname))] ?? 'application/octet-stream'),
        })
        .end(body);
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

/** A fresh project with the package in it, and with what else is named; Dawn is not there unless it is. */
function project(/** @type {string} */ name, /** @type {Record<string, string>} */ files, /** @type {string[]} */ ...packages) {
  const at = join(folder, name);
  mkdirSync(at);
  for (const [path, text] of Object.entries({ 'package.json': '{ "name": "fresh", "private": true, "type": "module" }\n', ...files }))
    writeFileSync(join(at, path), text);
  runIn(at, 'npm', 'install', '--no-audit', '--no-fund', '--silent', join(folder, packed), ...packages);
  return at;
}

/** Checks that text has what it has to. */
function expectText(/** @type {string} */ text, /** @type {RegExp} */ expected) {
  if (!expected.test(text)) throw new Error(`${expected} is not in: ${text.slice(0, 500)}`);
  return text.trim().split('\n').at(-1) ?? '';
}

const typed = `import { createEngine, type Engine } from 'windrow';
import { WindrowChat } from 'windrow/elements';
import { createWindrow } from 'windrow/ai-sdk';
import { createNodeEngine } from 'windrow/node';
import { languageModelFrom } from 'windrow/prompt-api';
export const engine: Promise<Engine> = createEngine({ model: 'a.gguf', budget: '2GiB' });
export const answer = (chat: WindrowChat): Promise<string> => chat.send('Hello');
export const provider = engine.then((loaded) => createWindrow(loaded).languageModel().specificationVersion satisfies 'v4');
export const session = languageModelFrom({ model: 'a.gguf' }).create({ initialPrompts: [{ role: 'system', content: 'Be short.' }] });
export const onNode = (): Promise<string> => createNodeEngine().then((node) => node.loaded().info.name);
// @ts-expect-error no such option
void createEngine({ model: 'a.gguf', temperature: 1 });
`;
const rendered = `import { createEngine } from 'windrow';
import { createWindrow } from 'windrow/ai-sdk';
import { WindrowChat } from 'windrow/elements';
import { languageModelFrom } from 'windrow/prompt-api';
class Chat extends WindrowChat {}
const left = ['document', 'window', 'HTMLElement'].filter((name) => name in globalThis);
const functions = [createEngine, createWindrow, languageModelFrom].map((each) => typeof each).join(' ');
console.log(functions, Chat.name, '<windrow-chat model="/m.gguf"></windrow-chat>', 'left behind: ' + (left.join() || 'nothing'));
`;
const required = `const { createNodeEngine, DeviceError } = require('windrow/node');
createNodeEngine().catch((error) => console.log(require('windrow/package.json').name, error instanceof DeviceError, error.code, error.message));
`;

async function quick() {
  const compilers = ['typescript@5.9', 'typescript-6@npm:typescript@6.0'];
  const types = ['@ai-sdk/provider@4', '@types/json-schema']; // which a project with the AI SDK has
  const node = project('node', { 'required.cjs': required, 'rendered.js': rendered, 'typed.ts': typed }, ...compilers, ...types);
  await check('a project that wants a page alone, without Dawn', async () => {
    if (existsSync(join(node, 'node_modules/webgpu'))) throw new Error('the package webgpu was installed');
    return 'the package webgpu is not there';
  });
  await check('require() in Node, and what it says without Dawn', async () =>
    expectText(runIn(node, 'node', 'required.cjs'), /^windrow true no_gpu .*npm install webgpu/m),
  );
  await check('the command line without Dawn', async () => {
    const { stderr } = spawnSync('npx', ['windrow', 'doctor'], { cwd: node, encoding: 'utf8' });
    return expectText(stderr, /^DeviceError: .*npm install webgpu$/m);
  });
  await check('a page with the elements, rendered on a server', async () =>
    expectText(runIn(node, 'node', 'rendered.js'), /^function function function Chat <windrow-chat .*left behind: nothing$/m),
  );
  for (const compiler of ['typescript', 'typescript-6']) {
    await check(`a strict ${compiler} project, libraries checked too`, async () => {
      runIn(
        node,
        'node',
        `node_modules/${compiler}/bin/tsc`,
        ...'--noEmit --strict --skipLibCheck false --target es2022 --module nodenext --lib es2024,dom,dom.iterable typed.ts'.split(' '),
      );
      return 'types are found';
    });
  }
}

async function withBundlers() {
  const at = project(
    'bundled',
    { 'main.js': program, 'index.html': `${page}<script type="module" src="/main.js"></script>` },
    'vite@8',
    'webpack@5',
    'webpack-cli',
  );
  await check('a Vite project, built', async () => {
    runIn(at, 'npx', 'vite', 'build', '--logLevel', 'error');
    const site = await serve(join(at, 'dist'), readFileSync(join(at, 'dist/index.html'), 'utf8'));
    return answerOf(site.address).finally(site.close);
  });
  await check('a plain script tag, without a build', async () => {
    const site = await serve(
      at,
      `${page}<windrow-chat model="/tiny.gguf" max-tokens="6"></windrow-chat><script type="module" src="/node_modules/windrow/dist/lib/elements.js"></script>
      <script type="module">document.title = 'answer: ' + (await document.querySelector('windrow-chat').send('Once upon a time'));</script>`,
    );
    return answerOf(site.address).finally(site.close);
  });
  await check('a webpack project', async () => {
    runIn(at, 'npx', 'webpack', '--mode', 'production', '--entry', './main.js', '-o', 'packed', '--output-public-path', '/', '--stats', 'errors-only');
    const site = await serve(join(at, 'packed'), `${page}<script defer src="/main.js"></script>`);
    return answerOf(site.address).finally(site.close);
  });
  await check('a Vite project, in development', async () => {
    writeFileSync(join(at, 'tiny.gguf'), model);
    const server = await import(join(at, 'node_modules/vite/dist/node/index.js')).then(({ createServer: start }) =>
      start({ root: at, logLevel: 'error', server: { host: '127.0.0.1', port: 0 } }),
    );
    try {
      await server.listen();
      return await answerOf(server.resolvedUrls.local[0]);
    } finally {
      await server.close();
    }
  });
}

const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: root, encoding: 'utf8' }).trim();
try {
  await quick();
  if (process.argv.includes('--full')) await withBundlers();
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
process.exitCode = failed > 0 ? 1 : 0;
