// `windrow serve` as a program of its own, on a software GPU, for pages that ask it.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { swiftShaderFile } from '../../scripts/adapters.mjs';
import { buildNode, root } from '../../test/built.ts';
import { kernels, tinyModel } from './tiny-model.ts';

export interface Served {
  /** As in `127.0.0.1:4711`. */
  host: string;
  /** Asks for the program's end; resolves to its exit status. */
  close(): Promise<number | null>;
}

/** Milliseconds in which it listens, however busy the machine is: less than a test has. */
const patience = 120_000;

/** Where the program listens, as it says on standard error. Rejects with all that it said where it ends before, or where the limit comes first. */
export function untilListening(child: ChildProcessWithoutNullStreams, limit: AbortSignal): Promise<string> {
  return new Promise<string>((resolve, reject) => {
    let told = '';
    const fail = (what: string): void => reject(new Error(`windrow serve ${what} before it listened:\n${told}`));
    child.stderr.on('data', (bytes: Buffer) => {
      told += bytes.toString();
      const [, found] = /Listening at http:\/\/(\S+?)\/v1 /.exec(told) ?? [];
      if (found) resolve(found);
    });
    child.on('error', reject);
    child.on('exit', () => fail('ended'));
    const stop = (): void => fail('had no more time');
    if (limit.aborted) stop();
    limit.addEventListener('abort', stop);
  });
}

/** The tiny model, for pages of `origins` that have the key. Where it does not come to listen, nothing is left of it. */
export async function startServe(origins: string[], key: string, limit?: AbortSignal): Promise<Served> {
  buildNode();
  const folder = mkdtempSync(join(tmpdir(), 'windrow-serve-'));
  const model = join(folder, tinyModel.name);
  writeFileSync(model, tinyModel.buffer);
  const flags = ['--port', '0', '--kernels', kernels, ...origins.flatMap((origin) => ['--origin', origin])];
  const driver = process.env.WINDROW_GPU === '1' ? undefined : swiftShaderFile();
  const child = spawn(process.execPath, [join(root, 'bin/windrow.mjs'), 'serve', model, ...flags], {
    env: {
      ...process.env, WINDROW_API_KEY: key, XDG_CACHE_HOME: folder, XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR ?? '/tmp',
      ...(driver !== undefined && { VK_ICD_FILENAMES: driver }),
    },
  });
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve).on('error', () => resolve(null)));
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal);
    const status = await exited;
    rmSync(folder, { recursive: true, force: true });
    return status;
  };
  try {
    return { host: await untilListening(child, limit ?? AbortSignal.timeout(patience)), close: () => end('SIGTERM') };
  } catch (error) {
    await end('SIGKILL');
    throw error;
  }
}
