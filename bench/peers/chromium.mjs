// Engine: a page of pages/ in headless Chromium, on SwiftShader or, with WINDROW_GPU=1, on the machine's GPU.
// A page defines start(settings), and run(steps), which gives { text or ids, times, cpu } as protocol.mjs takes them.
import { createReadStream, existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { chromium } from 'playwright';
import { chromiumArgs, findChromium } from '../../scripts/browser.mjs';
import { root } from './engines.mjs';
import { ortModel, ortShape, ortText, ortVersion } from './ort-files.mjs';
import { measured, serve, settings } from './protocol.mjs';

const { page: name, model, onnx, ids, newTokens, budget } = settings;
const here = import.meta.dirname;

/** What the pages may fetch: a folder, or a file, by the first part of the path. */
const places = {
  pages: join(here, 'pages'), 'ort-decoder.mjs': join(here, 'ort-decoder.mjs'), ort: join(here, 'node_modules/onnxruntime-web/dist'),
  windrow: join(root, 'dist/lib'), comlink: join(root, 'node_modules/comlink/dist/esm'),
  'model.gguf': model, 'model.onnx': name === 'ort' ? ortModel(onnx) : '',
};
const types = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm' };

const server = createServer((request, response) => {
  const [first, ...rest] = normalize(decodeURIComponent(request.url.split('?')[0])).split('/').slice(1);
  const path = join(places[first] ?? here, ...rest);
  if (!places[first] || !existsSync(path) || !statSync(path).isFile()) return response.writeHead(404).end();
  const size = statSync(path).size;
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const [start, end] = range ? [Number(range[1]), Math.min(Number(range[2] || size - 1), size - 1)] : [0, size - 1];
  response.writeHead(range ? 206 : 200, {
    'content-type': types[extname(path)] ?? 'application/octet-stream',
    'content-length': end - start + 1,
    'accept-ranges': 'bytes',
    'cache-control': 'no-store',
    ...(range && { 'content-range': `bytes ${start}-${end}/${size}` }),
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
  });
  if (request.method === 'HEAD') response.end();
  else createReadStream(path, { start, end }).pipe(response);
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

const browser = await chromium.launch({ executablePath: findChromium(), args: chromiumArgs });
const page = await browser.newPage();
page.on('console', (message) => console.error(message.text().slice(0, 300)));
page.on('pageerror', (error) => console.error(error));
await page.exposeFunction('browserCpuMs', browserCpuMs);
await page.goto(`http://127.0.0.1:${server.address().port}/pages/${name}.html`);
await page.waitForFunction('window.start');
const given = { ids, newTokens, budgetBytes: budget && bytesOf(budget), ...(name === 'ort' && { shape: ortShape(onnx) }) };
const about = await page.evaluate((settings) => window.start(settings), given);
const run = (steps) => page.evaluate((given) => window.run(given), steps);
await run(2); // compiles and warms up

const text = name === 'ort' ? ortText(onnx) : undefined;
await serve(
  { ...about, ...(text && { version: ortVersion() }), browser: browser.version() },
  async () => {
    const { ids: made, text: written = text(made), times, cpu, steps = newTokens } = await run(newTokens);
    return measured(ids.length, steps, times, cpu, { text: written });
  },
  () => browser.close(),
);

/** As in 14GiB. */
function bytesOf(text) {
  const [, count, unit] = /^([\d.]+)\s*([KMG]?)i?B?$/.exec(text) ?? [];
  if (!count) throw new Error(`The budget is ${text}; it has to be as in 14GiB.`);
  return Number(count) * 1024 ** ' KMG'.indexOf(unit || ' ');
}

/** CPU time in ms so far of all processes that descend from this one, which are the browser's (Linux). */
function browserCpuMs() {
  const processes = new Map();
  for (const id of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const fields = readFileSync(`/proc/${id}/stat`, 'latin1').replace(/^.*\) /s, '').split(' ');
      processes.set(id, { parent: fields[1], ms: 10 * (Number(fields[11]) + Number(fields[12])) }); // 100 ticks a second
    } catch {
      // It ended meanwhile.
    }
  }
  const descends = (id) => id === String(process.pid) || (processes.has(id) && descends(processes.get(id).parent));
  return [...processes].reduce((sum, [, { parent, ms }]) => sum + (descends(parent) ? ms : 0), 0);
}
