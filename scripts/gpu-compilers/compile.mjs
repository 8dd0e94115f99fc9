// @ts-check
// Has WGSL compiled for GPUs that are not there, by Mesa's drivers through Dawn, and tells what code they made of it. Nothing runs: a layer
// (layer.c) lets pipelines be made and swallows all else. Run as a program it is the process of one GPU.
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync, closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, statSync, writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { builds, gpus } from './gpus.mjs';

/** @typedef {{ code: string, constants?: Record<string, number> }} Source */
/** @typedef {{ use: import('./gpus.mjs').Use, error?: undefined } | { error: string }} Answer */

const self = fileURLToPath(import.meta.url);
/** Kernels that a process takes: some drivers keep memory for each. */
const atOnce = 500;

/** Builds the layer where that was not done yet of its source as it is; an Error with the reason if it cannot. */
export function ensureLayer() {
  const library = join(builds, 'libcompile_only.so');
  if (existsSync(library) && statSync(library).mtimeMs >= statSync(fileURLToPath(new URL('layer.c', import.meta.url))).mtimeMs) return;
  mkdirSync(builds, { recursive: true });
  try {
    execFileSync('sh', [fileURLToPath(new URL('build.sh', import.meta.url))], { stdio: 'pipe', env: { ...process.env, OUT: builds } });
  } catch (error) {
    const { stderr, message } = /** @type {Error & { stderr?: Buffer }} */ (error);
    const why = stderr?.toString().trim().split('\n').at(-1) || message;
    throw new Error(`the layer cannot be built: ${why}`, { cause: error });
  }
}

/**
 * What the compiler of the GPU `name` makes of each kernel. One that ends the process has that as its error, and the next process takes those
 * behind it; an Error where there is no device at all. What was answered by the same driver before is not asked again, so that a run that was
 * ended goes on where it was.
 * @param {readonly Source[]} sources
 * @param {string} name
 * @returns {Promise<Answer[]>}
 */
export async function compileFor(sources, name) {
  const kept = openKept(name);
  const keys = sources.map(({ code, constants = {} }) => digest(JSON.stringify([code, constants])));
  const open = [...new Map(sources.flatMap((source, i) => (kept.answers.has(keys[i]) ? [] : [[keys[i], source]])))];
  while (open.length) {
    const some = open.slice(0, atOnce);
    let done = 0;
    await compileSome(some.map(([, source]) => source), name, (answer, isKept) => kept.add(some[done++][0], answer, isKept));
    open.splice(0, done);
  }
  return keys.map((key) => /** @type {Answer} */ (kept.answers.get(key)));
}

const digest = (/** @type {string | Buffer} */ bytes) => createHash('sha256').update(bytes).digest('base64');

/** Which Dawn makes pipelines. */
const { version } = JSON.parse(readFileSync(new URL('../../node_modules/webgpu/package.json', import.meta.url), 'utf8'));

/**
 * Answers by what was asked, in a file for each GPU that another driver, layer or Dawn begins anew, or another way to ask them or to read what they say.
 * @param {string} name
 */
function openKept(name) {
  const { icd, preload, loader, dawn, env, use } = gpus[name];
  const files = [icd, preload, join(builds, 'libcompile_only.so')].map((file) => file && digest(readFileSync(file)));
  const driver = JSON.stringify([files, version, loader, dawn, env, String(use)]);
  const file = join(builds, `kept.${name}.jsonl`);
  const [begun, ...lines] = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
  if (begun !== driver) writeFileSync(file, `${driver}\n`);
  /** @type {Map<string, Answer>} */
  const answers = new Map(begun === driver ? lines.map((line) => JSON.parse(line)) : []);
  return {
    answers,
    /** @param {string} key @param {Answer} answer @param {boolean} isKept for later runs too */
    add(key, answer, isKept) {
      answers.set(key, answer);
      if (isKept) appendFileSync(file, `${JSON.stringify([key, answer])}\n`);
    },
  };
}

/**
 * @param {readonly Source[]} sources
 * @param {string} name
 * @param {(answer: Answer, isKept: boolean) => void} onAnswer for each in turn, as far as the process came
 */
async function compileSome(sources, name, onAnswer) {
  const { icd, env, preload, loader = [], dawn = '', use } = gpus[name];
  const folder = mkdtempSync(join(tmpdir(), 'gpu-compilers-'));
  const log = join(folder, 'log');
  let told; // by the layer, read as it grows
  try {
    const [command, ...args] = [...loader, process.execPath, self, 'compile'];
    const child = spawn(command, args, {
      stdio: 'pipe',
      env: {
        ...process.env, XDG_RUNTIME_DIR: folder, XDG_CACHE_HOME: folder, MESA_SHADER_CACHE_DISABLE: 'true', VK_ICD_FILENAMES: icd, VK_LAYER_PATH: builds,
        VK_INSTANCE_LAYERS: 'VK_LAYER_compile_only', COMPILE_ONLY_LOG: log, DAWN: dawn, ...(preload && { LD_PRELOAD: preload }), ...env,
      },
    });
    let errors = '';
    child.stderr.on('data', (text) => (errors = (errors + text).slice(-4000)));
    child.stdin.on('error', () => undefined); // it may end before it has read all
    child.stdin.end(sources.map((source) => JSON.stringify(source)).join('\n'));
    const answered = new Map();
    let count = -1; // the first line is of the device
    let read = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      if (!line.startsWith('{')) continue;
      const { end, error } = JSON.parse(line);
      if (++count === 0) continue;
      if (error) {
        onAnswer({ error }, true);
        continue;
      }
      if (!(end > read)) { // Dawn makes equal pipelines once
        onAnswer(/** @type {Answer} */ (answered.get(end)), true);
        continue;
      }
      told ??= openSync(log, 'r');
      const bytes = Buffer.alloc(end - read);
      readSync(told, bytes, 0, bytes.length, read);
      read = end;
      const [executable] = JSON.parse(bytes.subarray(bytes.lastIndexOf('\n', -2) + 1).toString());
      const answer = { use: use({ ...executable, statistics: { ...executable.statistics, subgroup: executable.subgroup } }) };
      answered.set(end, answer);
      onAnswer(answer, true);
    }
    const last = errors.trim().split('\n').at(-1);
    if (count < 0) throw new Error(`${name} gives no device: ${last}`);
    // Which may be for want of memory: the next run asks again.
    if (count < sources.length) onAnswer({ error: `the process ended: ${last}` }, false);
  } finally {
    if (told !== undefined) closeSync(told);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Compiles the kernels that come on stdin, one after the other; answers each with where its line in the layer's log ends. */
async function compileFromInput() {
  const { create, globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  const gpu = create([`enable-dawn-features=${['allow_unsafe_apis', process.env.DAWN].filter(Boolean).join()}`]);
  const adapter = await gpu.requestAdapter();
  if (!adapter) throw new Error('Dawn finds no adapter');
  const limits = /** @type {const} */ ([
    'maxComputeWorkgroupStorageSize', 'maxComputeInvocationsPerWorkgroup', 'maxComputeWorkgroupSizeX', 'maxStorageBuffersPerShaderStage',
  ]);
  const device = await adapter.requestDevice({
    requiredFeatures: /** @type {GPUFeatureName[]} */ (['shader-f16', 'subgroups']).filter((name) => adapter.features.has(name)),
    requiredLimits: Object.fromEntries(limits.map((name) => [name, adapter.limits[name]])),
  });
  Object.assign(globalThis, { kept: [gpu, device] }); // Dawn crashes once they are collected
  console.log(JSON.stringify({ vendor: adapter.info.vendor }));
  const log = process.env.COMPILE_ONLY_LOG ?? '';
  for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(await compileOne(device, JSON.parse(line), log)));
  process.stdout.write('', () => process.exit(0)); // the driver's threads would go on
}

/** @param {GPUDevice} device @param {Source} source @param {string} log */
async function compileOne(device, { code, constants }, log) {
  const module = device.createShaderModule({ code });
  try {
    await device.createComputePipelineAsync({ layout: 'auto', compute: { module, constants } });
    return { end: statSync(log).size };
  } catch (error) {
    const { messages } = await module.getCompilationInfo();
    return { error: [/** @type {Error} */ (error).message, ...messages.map((each) => `${each.lineNum}: ${each.message}`)].join('\n') };
  }
}

if (process.argv[1] === self && process.argv[2] === 'compile') await compileFromInput();
