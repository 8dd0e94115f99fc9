// What a page holds: a loaded model in a worker. Knows no GPU, no storage, no elements.
import { transfer } from 'comlink';
import { parseBytes } from '../bytes.ts';
import { RequestError } from '../errors.ts';
import {
  type DevicePeak,
  type EngineStats,
  type LoadProgress,
  type ModelInfo,
  type ModelSource,
  type SelfTestResult,
  type StoredModel,
} from '../protocol.ts';
import { type Backend } from './backend.ts';
import { type ChatMessageParam, type TemplateOptions } from './completions/chat.ts';
import { connect, startWorker, type Connection } from './connection.ts';
import { toMessages, toTemplateVariables } from './completions/messages.ts';
import { leftAt, noteLeaving } from './left.ts';
import { type LoadSettings, toLoadOptions } from './load-settings.ts';
import { toModelSource } from './model-source.ts';
import { distributions, type Distributions } from './distributions.ts';
import { type Models } from './models.ts';
import { embedOver, startOver } from './completions/request.ts';
import { createSessions, type Sessions } from './sessions.ts';
import { createSurface, type Surface } from './surface.ts';

export interface ModelOptions extends LoadSettings {
  /**
   * A URL (relative ones from the page), `owner/repo[:quantisation]` on a model hub, a File, all Files of a split model,
   * or the bytes of a GGUF. An ArrayBuffer is transferred: the page's own is empty afterwards.
   */
  model: string | File | File[] | ArrayBuffer | ModelSource;
  onProgress?: (progress: LoadProgress) => void;
  /** Ends the load: the worker is ended and the promise rejects with the signal's reason. */
  signal?: AbortSignal;
}

export interface EngineOptions extends ModelOptions {
  /** A worker that runs windrow's worker script, for pages that must start it themselves. The engine owns it: `unload` ends it. */
  worker?: Worker | (() => Worker);
}

export interface Engine extends Surface {
  readonly info: ModelInfo;
  /** How many tokens the prompt of a conversation has, to see beforehand whether `info.context` has room for it and an answer. */
  countTokens(messages: ChatMessageParam[], options?: TemplateOptions): Promise<number>;
  /**
   * Plans and places the model within another budget, as in `ModelOptions`; by default a share of what the adapter allows. The
   * file is not opened again, and conversations go on. @throws BudgetError; the model stays as it was then.
   */
  changeBudget(budget?: number | string, options?: Pick<ModelOptions, 'onProgress'>): Promise<ModelInfo>;
  /** What the model expects in the place of each token of a text, to compare two by (`divergence`). */
  readonly distributions: Distributions;
  /** Conversations whose states are held, copied and kept. */
  readonly sessions: Sessions;
  stats(): Promise<EngineStats>;
  /** `models()` gives what the browser's storage keeps, `models.list()` the loaded model as OpenAI's surface has it. */
  readonly models: Models & (() => Promise<StoredModel[]>);
  /** Checks every kernel on this device: seconds on a GPU, minutes in software. */
  selfTest(): Promise<SelfTestResult[]>;
  /** What this device can copy and multiply per second, to compare speeds with. */
  peak(): Promise<DevicePeak>;
  /** Deletes a stored model. */
  remove(id: string): Promise<void>;
  /** Frees the GPU and ends the worker. Open calls and later ones reject with a RequestError. */
  unload(): Promise<void>;
}

/**
 * Starts a worker and loads a model into it.
 * @throws InvalidFileError, UnsupportedModelError, BudgetError, DeviceError, RequestError; the signal's reason.
 */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  options.signal?.throwIfAborted();
  return loadEngine(connect(startWorker(options.worker)), options);
}

/** Loads a model into a worker that is already connected; closes the connection if that fails. */
export async function loadEngine(connection: Connection, options: ModelOptions): Promise<Engine> {
  const { onProgress, signal } = options;
  const abort = (): void => {
    noteLeaving();
    connection.close(signal!.reason);
  };
  signal?.addEventListener('abort', abort);
  globalThis.addEventListener?.('pagehide', noteLeaving);
  try {
    signal?.throwIfAborted();
    const source = toModelSource(options.model);
    const load = { ...toLoadOptions(options), leftAt: leftAt() };
    const info = await withProgress(onProgress, (port) =>
      connection.call((worker) => worker.load('bytes' in source ? transfer(source, [source.bytes]) : source, load, port)),
    );
    return engineOf(connection, info);
  } catch (error) {
    connection.close(error as Error);
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
    globalThis.removeEventListener?.('pagehide', noteLeaving);
  }
}

/** Does `work` with a port for the worker's progress, while `onProgress` gets what comes through it. */
async function withProgress<T>(onProgress: ModelOptions['onProgress'], work: (port: MessagePort | null) => Promise<T>): Promise<T> {
  if (!onProgress) return work(null);
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = ({ data }: MessageEvent<LoadProgress>) => onProgress(data);
  try {
    return await work(transfer(port2, [port2]));
  } finally {
    port1.close();
  }
}

/** How long a worker may take to free its GPU memory by itself before it is ended, which frees it too. */
const unloadMs = 1000;

function engineOf(connection: Connection, loaded: ModelInfo): Engine {
  let info = loaded;
  let unloading: Promise<void> | null = null;
  const backend: Backend = {
    get info() {
      return info;
    },
    start: startOver(connection),
    embed: embedOver(connection),
    session: (call, ...args) => connection.call((worker) => worker.session(call, ...args) as Promise<never>),
  };
  const { models, ...surface } = createSurface(backend);
  return {
    get info() {
      return info;
    },
    ...surface,
    sessions: createSessions(backend),
    distributions: distributions(backend),
    models: Object.assign(() => connection.call((worker) => worker.models()), models),
    countTokens: async (messages, { chat_template_kwargs } = {}) => {
      const prompt = { messages: toMessages(messages), variables: toTemplateVariables(chat_template_kwargs) };
      return connection.call((worker) => worker.countTokens(prompt));
    },
    async changeBudget(budget, { onProgress } = {}) {
      const bytes = budget === undefined ? undefined : parseBytes(budget, 'budget');
      return (info = await withProgress(onProgress, (port) => connection.call((worker) => worker.changeBudget(bytes, port))));
    },
    stats: () => connection.call((worker) => worker.stats()),
    selfTest: () => connection.call((worker) => worker.selfTest()),
    peak: () => connection.call((worker) => worker.peak()),
    remove: (id) => connection.call((worker) => worker.remove(id)),
    unload: () => (unloading ??= unload(connection)),
  };
}

async function unload(connection: Connection): Promise<void> {
  let timer: ReturnType<typeof setTimeout>;
  const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, unloadMs)));
  const freed = connection.call((worker) => worker.unload()).catch(() => {}); // it is ended next, whatever it answers
  await Promise.race([freed, patience]);
  clearTimeout(timer!);
  connection.close(new RequestError('The engine was unloaded. Load the model again.', { code: 'not_loaded' }));
}
