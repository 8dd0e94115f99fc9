// The engine that all sessions of a `LanguageModel` share: loaded for the first of them, unloaded after the last.
import { createEngine, type Engine, type EngineOptions } from '../api/engine.ts';
import { type LoadProgress } from '../protocol.ts';
import { untilAborted } from '../signals.ts';

export type PromptEngine = Pick<Engine, 'info' | 'chat' | 'countTokens'>;
/** As of `createEngine`; `worker` is a function, as the model may be loaded again. */
export type LoadOnDemand = Omit<EngineOptions, 'worker' | 'onProgress' | 'signal'> & { worker?: () => Worker };

export interface Engines {
  readonly state: 'idle' | 'loading' | 'ready';
  /** For one session, which has to `release` it. Rejects with the signal's reason, or with what went wrong; then there is nothing to release. */
  acquire(onProgress?: (progress: LoadProgress) => void, signal?: AbortSignal): Promise<PromptEngine>;
  release(): void;
}

/** One that the caller has, and unloads. */
export const given = (engine: PromptEngine): Engines => ({ state: 'ready', acquire: async () => engine, release() {} });

interface Load {
  engine: Promise<Engine>;
  /** Ends it while it is under way. */
  controller: AbortController;
  isReady: boolean;
}

export function loadedOnDemand(options: LoadOnDemand): Engines {
  let users = 0;
  let load: Load | undefined;
  let unloaded: Promise<unknown> = Promise.resolve(); // the GPU is not to hold the model twice
  const listeners = new Set<(progress: LoadProgress) => void>();

  const begin = (): Load => {
    const controller = new AbortController();
    const onProgress = (progress: LoadProgress) => listeners.forEach((listener) => listener(progress));
    const engine = unloaded.then(() => createEngine({ ...options, onProgress, signal: controller.signal }));
    const begun: Load = { controller, isReady: false, engine };
    begun.engine.then(
      () => (begun.isReady = true),
      () => (load = load === begun ? undefined : load), // the next session tries again
    );
    return begun;
  };
  const release = (): void => {
    if (--users > 0 || !load) return;
    const { engine, controller } = load;
    load = undefined;
    controller.abort(new DOMException('No session needs the model any more.', 'AbortError'));
    unloaded = engine.then((loaded) => loaded.unload()).catch(() => {}); // of a load that was ended there is nothing to unload
  };
  return {
    get state() {
      return !load ? 'idle' : load.isReady ? 'ready' : 'loading';
    },
    async acquire(onProgress, signal) {
      signal?.throwIfAborted();
      users++;
      if (onProgress) listeners.add(onProgress);
      try {
        load ??= begin();
        return await untilAborted(load.engine, signal);
      } catch (error) {
        release();
        throw error;
      } finally {
        if (onProgress) listeners.delete(onProgress);
      }
    },
    release,
  };
}
