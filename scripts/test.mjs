// @ts-check
// `npm test`: check, unit tests, GPU tests on lavapipe and some on SwiftShader, the built page in Firefox and in Chromium, the package in
// fresh projects; then `N passed, N failed`.
// What cannot run here is printed as `skipped: reason`. `--full` runs the long checks too and writes docs/verified.json;
// `--only=check,unit,gpu,firefox,e2e,package` runs a part, `--tests=PATTERN` only test files whose path contains it, `--adapter=NAME`
// one of the software adapters; then the other points of docs/verified.json stay, with the commits they were measured at.
import { execFileSync, spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureAdapters, narrowLavapipe } from './adapters.mjs';
import { ensureChromium, ensureFirefox } from './browser.mjs';
import { ensureModel } from './model.mjs';
import { readPlaywrightReport, readVitestReport } from './reports.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
const full = process.argv.includes('--full');
const only = process.argv.find((arg) => arg.startsWith('--only='))?.slice('--only='.length).split(',');
const tests = process.argv.find((arg) => arg.startsWith('--tests='))?.slice('--tests='.length);
const onlyAdapter = process.argv.find((arg) => arg.startsWith('--adapter='))?.slice('--adapter='.length);
const wanted = (/** @type {string} */ name) => !only || only.includes(name);

const scratch = mkdtempSync(join(tmpdir(), 'windrow-test-'));
const verified = join(scratch, 'verified.jsonl');
const total = { passed: 0, failed: 0, skipped: 0 };
const skips = new Set();
const flaky = new Set();
/** @type {string[]} */
const failures = [];
/** Milliseconds of each part, and of each file of the parts. @type {Map<string, number>} */
const parts = new Map();
/** @type {typeof parts} */
const times = new Map();

/** A driver that hangs must not hang a machine for ever. */
const limit = (full ? 360 : 60) * 60_000;

/** @template T @param {string} name @param {() => T | Promise<T>} part */
async function timed(name, part) {
  console.log(`\n== ${name}`);
  const start = performance.now();
  const result = await part();
  parts.set(name, performance.now() - start);
  return result;
}

/** @param {string} reason */
function skip(reason, count = 1) {
  total.skipped += count;
  skips.add(reason);
  console.log(`skipped: ${reason}`);
}

/**
 * Runs a program of node_modules or npm with its output on ours.
 * @param {string[]} command
 * @param {Record<string, string>} [env]
 * @returns {Promise<number>} its exit status, 1 if it was killed
 */
function run([program, ...args], env = {}) {
  const child = spawn(program, args, {
    stdio: 'inherit',
    timeout: limit,
    killSignal: 'SIGKILL',
    env: { ...process.env, ...(full ? { WINDROW_FULL: '1', WINDROW_VERIFIED: verified } : {}), ...env },
    shell: process.platform === 'win32',
  });
  return new Promise((resolve) => {
    child.on('error', (error) => {
      console.error(`${program}: ${error.message}`);
      resolve(1);
    });
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

/**
 * The same beside something else that takes one core: its output comes when it has ended.
 * @param {string[]} command
 * @returns {Promise<{ status: number, stdout: string }>}
 */
function runBeside([program, ...args]) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: limit, killSignal: 'SIGKILL', shell: process.platform === 'win32' });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (bytes) => (stdout += bytes));
  child.stderr.on('data', (bytes) => (stderr += bytes));
  return new Promise((resolve) => {
    child.on('error', (error) => {
      console.error(`${program}: ${error.message}`);
      resolve({ status: 1, stdout });
    });
    child.on('close', (code) => {
      console.log(stdout + stderr);
      resolve({ status: code ?? 1, stdout });
    });
  });
}

/** @type {import('./reports.mjs').Report} */
const nothing = { passed: 0, failed: [], skipped: [], flaky: [], files: new Map(), times: new Map() };

/** Adds a runner's report; a runner that failed without saying in which test counts as one failure. */
function add(/** @type {string} */ name, /** @type {number} */ status, /** @type {import('./reports.mjs').Report} */ report) {
  total.passed += report.passed;
  const failed = report.failed.length > 0 || status === 0 ? report.failed : [`ended with status ${status}`];
  total.failed += failed.length;
  failures.push(...failed.map((test) => `${name}: ${test}`));
  for (const [file, ms] of report.times) times.set(`${name}: ${file}`, ms);
  for (const test of report.skipped) skip(`${name}: ${test}`);
  for (const test of report.flaky) flaky.add(`${name}: ${test}`);
}

// What these test does not depend on the adapter: one is enough, as the second software adapter is slow. The short run takes weight types, which
// lavapipe leaves to it, and the kernels that compile sooner there (test/short-checks.ts): all else repeats what lavapipe has shown.
const onceOnly = [
  'bad-input', 'cli', 'compilers', 'completions', 'ecosystem', 'embeddings', 'engine', 'first-load', 'forecast', 'naga', 'node-memory', 'serve', 'window',
].map((name) => `**/${name}-gpu.test.ts`);
const onSecondAlone = ['test/gpu/kernels/formats-gpu.test.ts'];
const onSecond = [...onSecondAlone, ...['kernels/kernels', 'kernels/other-kernels'].map((name) => `test/gpu/${name}-gpu.test.ts`)];
for (const file of onSecond) if (!existsSync(file)) throw new Error(`${file} is gone; name here what SwiftShader runs in its place.`);

/**
 * @param {string} project
 * @param {string} name
 * @param {Record<string, string>} [env]
 * @param {{ exclude?: string[], only?: string[] }} [files]
 */
async function vitest(project, name, env = {}, { exclude = [], only: files = tests ? [tests] : [] } = {}) {
  const report = join(scratch, `${name.replace(/\W+/g, '-')}.json`);
  const status = await run(
    [
      process.execPath, 'node_modules/vitest/vitest.mjs', 'run', '--project', project, '--passWithNoTests',
      ...files,
      ...exclude.flatMap((file) => ['--exclude', file]),
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
    ],
    env,
  );
  const read = readVitestReport(report);
  add(name, status, read);
  note(read, (file) => `npx vitest run --project ${project} ${file}`, env.WINDROW_ADAPTER ?? 'none');
}

/** Notes for docs/verified.json how many tests of each file passed, beside the values that tests note themselves. */
function note(/** @type {import('./reports.mjs').Report} */ { files }, /** @type {(file: string) => string} */ command, /** @type {string} */ adapter) {
  if (!full) return;
  for (const [file, passed] of files)
    appendFileSync(verified, `${JSON.stringify({ point: `${file}: tests passed`, command: command(file), adapter, value: passed })}\n`);
}

/** @type {Promise<boolean> | undefined} */
let building;

/** Builds page, library and engine, once in a run; whether that went well. */
const build = () => (building ??= run(['npm', 'run', 'build']).then((status) => {
  if (status !== 0) add('build', status, nothing);
  return status === 0;
}));

/** @type {ReturnType<typeof ensureAdapters> | undefined} */
let adapters;
const softwareAdapters = () => (adapters ??= ensureAdapters());

/** Environment in which a software adapter is found, and compiles quickly in the short run. @param {{ name: string, icd: string }} adapter */
const driverOf = ({ name, icd }) => ({ VK_ICD_FILENAMES: icd, ...(name === 'lavapipe' && !full ? narrowLavapipe() : {}) });

/** Firefox draws on what its system has for Vulkan: on Linux without a GPU of its own that is lavapipe. Gives whether the tests ran. */
async function firefox() {
  const name = 'pages in Firefox';
  const found = ensureFirefox();
  const lavapipe = process.platform === 'linux' && process.env.WINDROW_GPU !== '1' ? softwareAdapters()[0] : undefined;
  const missing = 'skipped' in found ? found.skipped : lavapipe && 'skipped' in lavapipe ? `no lavapipe (${lavapipe.skipped})` : undefined;
  if (missing) skip(`${name}: ${missing}`);
  if (missing || !(await build())) return false;
  await vitest('firefox', name, {
    ...('path' in found && { FIREFOX_PATH: found.path }),
    ...(lavapipe && 'icd' in lavapipe && driverOf(lavapipe)),
    WINDROW_ADAPTER: lavapipe ? 'Firefox/lavapipe' : 'Firefox',
  });
  return true;
}

/** @param {ReturnType<typeof ensureChromium>} chromium @param {boolean} inFirefox what runs in Firefox too, and is slow on SwiftShader, has run there */
async function playwright(chromium, inFirefox) {
  if ('skipped' in chromium) return skip(`e2e: no Chromium (${chromium.skipped})`);
  if (!(await build())) return;
  const report = join(scratch, 'playwright.json');
  const env = {
    CHROMIUM_PATH: chromium.path,
    PLAYWRIGHT_JSON_OUTPUT_NAME: report,
    WINDROW_ADAPTER: process.env.WINDROW_GPU === '1' ? 'Chromium' : 'Chromium/SwiftShader',
    ...(inFirefox && { WINDROW_IN_FIREFOX: '1' }),
  };
  const status = await run(
    [process.execPath, 'node_modules/@playwright/test/cli.js', 'test', '--pass-with-no-tests', ...(tests ? [tests] : []), '--reporter=list,json'],
    env,
  );
  const read = readPlaywrightReport(report);
  add('e2e', status, read);
  note(read, (file) => `npx playwright test ${file}`, env.WINDROW_ADAPTER);
}

/** The package in fresh projects, each of which is a line of what the script prints. */
async function packaged() {
  if (!(await build())) return;
  const { status, stdout } = await runBeside([process.execPath, 'scripts/test-package.mjs', ...(full ? ['--full'] : [])]);
  const lines = (/** @type {RegExp} */ of) => stdout.match(of) ?? [];
  add('package', status, { ...nothing, passed: lines(/^passed: /gm).length, failed: lines(/^failed: .*/gm) });
}

/** Firefox runs one page at a time, and the package waits for npm; in the full run it asks Chromium for answers too. Gives whether Firefox ran. */
async function besideEachOther() {
  const pages = async () => wanted('firefox') && (await firefox());
  const projects = async () => wanted('package') && (await packaged());
  if (!wanted('firefox') && !wanted('package')) return false;
  return timed('pages in Firefox, and the package in fresh projects', async () => {
    const [ran] = full ? [await pages(), await projects()] : await Promise.all([pages(), projects()]);
    return ran;
  });
}

/** What the tests measured in this run, with the commit it was measured at; in a run of a part, beside what earlier ones measured. */
function writeVerified() {
  if (!existsSync(verified)) return;
  const git = (/** @type {string[]} */ ...args) => execFileSync('git', args, { encoding: 'utf8' }).trim();
  const commit = git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '--untracked-files=no') ? ' with changes' : '');
  const points = readFileSync(verified, 'utf8').trim().split('\n').map((line) => {
    const { point, command, adapter, value } = JSON.parse(line);
    return { point, command, commit, adapter, value };
  });
  if ((only || tests || onlyAdapter) && existsSync('docs/verified.json')) {
    const key = (/** @type {{ point: string, adapter: string }} */ { point, adapter }) => `${point}|${adapter}`;
    const measured = new Set(points.map(key));
    points.push(
      ...JSON.parse(readFileSync('docs/verified.json', 'utf8')).filter((/** @type {{ point: string, adapter: string }} */ point) => !measured.has(key(point))),
    );
  }
  points.sort((a, b) => String(a.point).localeCompare(String(b.point)) || String(a.adapter).localeCompare(String(b.adapter)));
  writeFileSync('docs/verified.json', `${JSON.stringify(points, null, 2)}\n`);
}

try {
  await ensureModel().catch((error) => skip(`tests of the default model: ${error.message}`));
  // First, as SwiftShader comes with it.
  const chromium = wanted('gpu') || wanted('e2e') ? ensureChromium() : { skipped: 'not wanted' };
  if (wanted('check')) {
    const needsBuild = ['firefox', 'e2e', 'package'].some(wanted);
    // Compiler and linter side by side, each of which takes one core.
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
    const commands = scripts.check.split(' && ').map((/** @type {string} */ command) => ['npx', ...command.split(' ')]);
    const [ended] = await timed('check, and the build', () => Promise.all([Promise.all(commands.map(runBeside)), needsBuild && build()]));
    const status = Math.max(...ended.map((/** @type {{ status: number }} */ each) => each.status));
    add('check', status, { ...nothing, passed: status === 0 ? 1 : 0 });
  }
  if (wanted('unit')) await timed('unit tests', () => vitest('unit', 'unit tests'));
  if (wanted('gpu')) {
    let first = true;
    const wantedAdapters = softwareAdapters().filter(({ name }) => !onlyAdapter || name === onlyAdapter);
    const hasSecond = wantedAdapters.length > 1 && wantedAdapters.every((adapter) => 'icd' in adapter);
    for (const adapter of wantedAdapters) {
      if ('skipped' in adapter) {
        skip(`GPU tests on ${adapter.name}: ${adapter.skipped}`);
        continue;
      }
      const name = `GPU tests on ${adapter.name}`;
      const some = onSecond.filter((file) => !tests || file.includes(tests));
      if (!first && !full && some.length === 0) {
        skip(`GPU tests on ${adapter.name} of ${tests}: the full run has them`);
        continue;
      }
      const files = first ? { exclude: !full && hasSecond ? onSecondAlone : [] } : full ? { exclude: onceOnly } : { only: some };
      const env = { ...driverOf(adapter), WINDROW_ADAPTER: `Dawn/${adapter.name}` };
      await timed(name, () => vitest('gpu', name, env, files));
      first = false;
    }
  }
  const inFirefox = await besideEachOther();
  if (wanted('e2e')) await timed('pages in Chromium', () => playwright(chromium, inFirefox));
  if (full) writeVerified();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

console.log();
for (const test of flaky) console.log(`failed at first, then passed: ${test}`);
for (const reason of skips) console.log(`skipped: ${reason}`);
console.log('slowest files:');
for (const [file, ms] of [...times].sort(([, a], [, b]) => b - a).slice(0, 25)) console.log(`  ${(ms / 1000).toFixed()} s  ${file}`);
console.log(`seconds of each part: ${[...parts].map(([name, ms]) => `${name} ${(ms / 1000).toFixed()}`).join(', ')}`);
for (const test of failures) console.log(`failed: ${test}`);
if (total.passed + total.failed === 0) console.log('Nothing ran, which is a failure.');
console.log(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
