// `windrow serve` as a program of its own, on a software GPU, for pages that ask it.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { swiftShaderFile } from '../../scripts/adapters.mjs';
import { buildNode, root } from '../../test/built.ts';
import { untilListening } from '../../test/listening.ts';
import { kernels, tinyModel } from './tiny-model.ts';

export interface Served {
  /** As in `127.0.0.1:4711`. */
  host: string;
  /** Asks for the program's end; resolves to its exit status. */
  close(): Promise<number | null>;
}

/** Milliseconds in which it listens, however busy the machine is: less than a test has. */
const patience = 120_000;

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
    const { host } = new URL(await untilListening(child, limit ?? AbortSignal.timeout(patience)));
    return { host, close: () => end('SIGTERM') };
  } catch (error) {
    await end('SIGKILL');
    throw error;
  }
}
