// Hosts the engine in Node on Dawn: what the command line and programs in Node use.
import { mkdirSync } from 'node:fs';
import { homedir, tmpdir, totalmem, userInfo } from 'node:os';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type * as Dawn from 'webgpu';
import { type Engine, type Host, createEngine } from './engine/engine.ts';
import { DeviceError } from './errors.ts';
import { openKeptFiles } from './engine/sessions/in-files.ts';
import { isSoftware } from './gpu/device.ts';
import { openScratchFile } from './node/scratch-file.ts';
import { recordsFile } from './weights/store/records-file.ts';

export { openModel } from './engine/load/opened.ts';
export { plan } from './engine/load/plan/plan.ts';
export { readHeader } from './gguf/read.ts';
export { createTokenizer } from './text/tokenizer/tokenizer.ts';
export { openFileSource } from './weights/source/file-source.ts';
export { surfaceOf } from './node/backend.ts';
export { type Engine, type EngineOptions, type Host } from './engine/engine.ts';
export { BudgetError, DeviceError, InvalidFileError, RequestError, UnsupportedModelError, type ErrorCode } from './errors.ts';

let instance: GPU | undefined; // Dawn crashes once this is garbage-collected while devices are alive

/** The package `webgpu`, which is large and which pages have no use for: a peer that npm does not install by itself. */
function loadDawn(): typeof Dawn {
  try {
    return createRequire(import.meta.url)('webgpu') as typeof Dawn;
  } catch (error) {
    const { message } = error as Error;
    const why = message.startsWith("Cannot find module 'webgpu'")
      ? 'is not installed. Run: npm install webgpu'
      : `does not start on ${process.platform}-${process.arch}: ${message}`;
    throw new DeviceError(`Dawn, the WebGPU of Node (package webgpu), ${why}`, { code: 'no_gpu', cause: error });
  }
}

/** Dawn's `navigator.gpu`; DeviceError where the package webgpu is missing. `flags` are Dawn's, as in `backend=null`. */
export function dawn(flags: string[] = []): GPU {
  if (!instance) {
    if (!process.env.XDG_RUNTIME_DIR) {
      process.env.XDG_RUNTIME_DIR = join(tmpdir(), `windrow-${userInfo().username}`);
      mkdirSync(process.env.XDG_RUNTIME_DIR, { recursive: true, mode: 0o700 });
    }
    const { create, globals } = loadDawn();
    Object.assign(globalThis, globals);
    instance = create(flags);
  }
  return instance;
}

/**
 * Dawn polls with setImmediate, which keeps a core busy; a software adapter needs that core, so there it yields 1 ms.
 * A real GPU would lose the millisecond at every wait.
 */
export async function yieldOnSoftware(gpu: GPU): Promise<void> {
  const adapter = await gpu.requestAdapter();
  if (!adapter || !isSoftware(adapter.info)) return;
  globalThis.setImmediate = ((f: (...args: unknown[]) => void, ...args: unknown[]) => setTimeout(f, 1, ...args)) as unknown as typeof setImmediate;
}

const cached = <T>(name: string) => recordsFile<T>(join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'windrow', name));

/** What was measured on this machine, in JSON files. */
export const measuredHere = (): Required<Pick<Host, 'tuning' | 'costs' | 'gpuCosts' | 'uses' | 'heads'>> => ({
  tuning: cached('tuning.json'),
  costs: cached('store-cost.json'),
  gpuCosts: cached('gpu-costs.json'),
  uses: cached('experts.json'),
  heads: cached('heads.json'),
});

/** Bytes of this machine's memory, or what this process may take of it. */
export const memoryHere = (): number => Math.min(totalmem(), process.constrainedMemory() || Infinity);

export interface NodeEngineOptions extends Omit<Host, 'gpu' | 'store'> {
  /** Dawn's, as in `backend=null`. */
  dawnFlags?: string[];
  /** Folder in which states of conversations are kept. Default: they are not. */
  sessions?: string;
}

/**
 * An engine on Dawn in this process, with no model loaded yet: `load` one, then `generate`. What is measured is kept under
 * XDG_CACHE_HOME (~/.cache) in windrow/; weights are read from the file each time and not stored. `dawnFlags` hold for the first
 * engine of the process. Where no budget is named, up to half of the machine's memory is tried on a GPU, and less if it refuses.
 * @throws DeviceError from `load`, if there is no GPU adapter.
 */
export async function createNodeEngine({ dawnFlags, sessions, ...options }: NodeEngineOptions = {}): Promise<Engine> {
  const gpu = dawn(dawnFlags);
  await yieldOnSoftware(gpu);
  const here = { ...measuredHere(), memoryBytes: memoryHere(), scratch: () => openScratchFile() };
  return createEngine({ ...here, ...(sessions && { keptStates: async () => openKeptFiles(sessions) }), ...options, gpu });
}
