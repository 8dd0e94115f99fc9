// @ts-check
// Has kernels compiled as Firefox does it: by naga, as the Python package `wgpu` brings it along (wgpu-native), which pip
// puts into .cache. Only pipelines are made; nothing runs.
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../..', import.meta.url));
const python = process.platform === 'win32' ? 'python' : 'python3';
const wheel = 'wgpu==0.32.0';
/** Without an answer for so long, the process is ended, as if it had ended itself. */
const patience = 60_000;

/**
 * @typedef {{ code: string, bindings: [number, string][], constants: Record<string, number> }} Source bindings as their numbers and types
 * @typedef {{ error?: string, skipped?: string }} Answer neither: its pipeline was made
 * @typedef {{ version: string, adapter: string, answers: Answer[] }} Compiled
 */

/**
 * The folder of wgpu, which pip fills the first time; an Error with pip's reason if it cannot.
 * @param {string} [folder]
 * @returns {Promise<string>}
 */
export async function ensureWgpu(folder = `${root}.cache/${wheel.replace('==', '-')}`) {
  if (existsSync(folder)) return folder;
  const partial = `${folder}.${process.pid}`;
  try {
    await promisify(execFile)(python, ['-m', 'pip', 'install', '--quiet', '--retries', '1', '--target', partial, wheel], { timeout: 300_000 });
    await rename(partial, folder);
    return folder;
  } catch (error) {
    const { message, stderr } = /** @type {Error & { stderr?: string }} */ (error);
    throw new Error(`pip does not install ${wheel}: ${stderr?.trim().split('\n').findLast((line) => line.startsWith('ERROR')) ?? message}`, { cause: error });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/**
 * What naga says to each kernel; Error if it gets no device. A kernel that ends the process has that as its error, and the
 * next process takes those behind it.
 * @param {Source[]} sources
 * @param {{ folder: string, env?: Record<string, string | undefined> }} options
 * @returns {Promise<Compiled>}
 */
export async function compileWithNaga(sources, { folder, env = process.env }) {
  const { version, adapter, answers } = await compileSome(sources, folder, env);
  while (answers.length < sources.length) answers.push(...(await compileSome(sources.slice(answers.length), folder, env)).answers);
  return { version, adapter, answers };
}

/**
 * As many as one process takes, the last one being what ended it.
 * @param {Source[]} sources
 * @param {string} folder
 * @param {Record<string, string | undefined>} env
 * @returns {Promise<Compiled>}
 */
async function compileSome(sources, folder, env) {
  const child = spawn(python, [`${root}scripts/naga/naga.py`], { stdio: 'pipe', env: { ...env, PYTHONPATH: folder, RUST_BACKTRACE: '0' } });
  /** @type {Promise<string>} */
  const ended = new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => resolve(`ended by ${signal ?? `exit status ${code}`}`));
  });
  let errors = '';
  child.stderr.on('data', (text) => (errors += text));
  child.stdin.on('error', () => undefined); // it may end before it has read all
  child.stdin.end(sources.map((source) => JSON.stringify(source)).join('\n'));
  const watch = setTimeout(() => child.kill('SIGKILL'), patience);
  const answers = [];
  for await (const line of createInterface({ input: child.stdout })) {
    answers.push(JSON.parse(line));
    watch.refresh();
  }
  clearTimeout(watch);
  const how = await ended;
  const [first, ...rest] = answers;
  const lines = errors.trim().split('\n');
  const panic = lines.findIndex((line) => line.includes('panicked at'));
  const reason = `${how}: ${(panic < 0 ? lines.slice(-1) : lines.slice(panic, panic + 2)).join(' ')}`;
  if (!first) throw new Error(`wgpu-native gives no device (${reason})`);
  return { ...first, answers: rest.length < sources.length ? [...rest, { error: `the process ${reason}` }] : rest };
}
