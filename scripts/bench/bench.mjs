// @ts-check
// `npm run bench`: runs bench.html, as built, in Chromium; prints its report and writes it as JSON. The model is the default
// one or the path that is given. Options are those of the page's address (bench/page-query.ts):
//   npm run bench -- [MODEL.gguf] [--prompt 64 --new 16 --contexts 128,512 --quick --sweep --f32 --kv q8 --budget 2GiB
//     --kernels SHAPES --expect IDS --one-submit] [--json windrow-bench.json]
// SwiftShader is the GPU unless WINDROW_GPU=1 says to take the machine's own.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright';
import { preview } from 'vite';
import { chromiumArgs, ensureChromium } from '../browser.mjs';
import { ensureModel } from '../model.mjs';
import { serveModels } from '../serve-models.mjs';

const flags = ['quick', 'sweep', 'f32', 'one-submit'];
const texts = ['prompt', 'new', 'contexts', 'kv', 'budget', 'kernels', 'expect'];
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'string', default: 'windrow-bench.json' },
    ...Object.fromEntries(flags.map((name) => [name, { type: /** @type {const} */ ('boolean') }])),
    ...Object.fromEntries(texts.map((name) => [name, { type: /** @type {const} */ ('string') }])),
  },
});
const given = /** @type {Record<string, string | boolean | undefined>} */ (values);

const browser = ensureChromium();
if ('skipped' in browser) {
  console.error(`No Chromium: ${browser.skipped}.`);
  process.exit(1);
}
const model = resolve(positionals[0] ?? (await ensureModel()));
const query = new URLSearchParams({ model: `models/${basename(model)}` });
for (const name of [...flags, ...texts]) if (given[name]) query.set(name, given[name] === true ? '1' : String(given[name]));

const server = await preview({
  configFile: false,
  root: process.cwd(),
  base: '../',
  build: { outDir: 'dist/app' },
  plugins: [serveModels(dirname(model))],
  preview: { host: '127.0.0.1', port: 0 },
  logLevel: 'warn',
});
const profile = mkdtempSync(join(tmpdir(), 'windrow-bench-')); // on disk: default contexts keep storage in memory
const context = await chromium.launchPersistentContext(profile, { executablePath: browser.path, args: chromiumArgs });
try {
  const page = context.pages()[0];
  await page.exposeFunction('tellProgress', (/** @type {string} */ line) => console.error(line));
  await page.addInitScript(() => {
    addEventListener('DOMContentLoaded', () => {
      let last = '';
      new MutationObserver(() => {
        const line = document.querySelector('[role=status]')?.textContent ?? '';
        if (line && line !== last) /** @type {any} */ (window).tellProgress(line);
        last = line;
      }).observe(document.body, { subtree: true, childList: true, characterData: true });
    });
  });
  await page.goto(`${server.resolvedUrls?.local[0]}bench.html?${query}`);
  const outcome = await (await page.waitForFunction(() => window.bench, undefined, { timeout: 0 })).jsonValue();
  if (!outcome || 'error' in outcome) throw new Error(outcome?.error);
  const { text, ...json } = outcome.result;
  console.log(text);
  writeFileSync(values.json, `${JSON.stringify(json, null, 1)}\n`);
  console.error(`The report as JSON: ${resolve(values.json)}`);
} catch (error) {
  console.error(`The benchmark failed: ${/** @type {Error} */ (error).message}`);
  process.exitCode = 1;
} finally {
  await context.close();
  await server.close();
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
}
