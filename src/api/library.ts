// Models without loading any: what one would take, and those that the browser's storage keeps, imported, listed, checked and
// deleted.
import { transfer } from 'comlink';
import { DeviceError } from '../errors.ts';
import { type KeptSession, type LoadProgress, type ModelPlan, type ModelSource, type StoredModel, type VerifyResult } from '../protocol.ts';
import { connect, startWorker } from './connection.ts';
import { type ModelOptions } from './engine.ts';
import { type Sessions } from './sessions.ts';
import { type ImportSettings, toLoadOptions } from './load-settings.ts';
import { toModelSource } from './model-source.ts';

export interface ImportOptions extends ImportSettings {
  /** As for `createEngine`; several Files are the parts of a split model. */
  model: string | File | File[] | ArrayBuffer | ModelSource;
  onProgress?: (progress: LoadProgress) => void;
}

/** Of what `createEngine` takes, what a plan depends on. An ArrayBuffer is copied and stays the caller's. */
export type PlanOptions = Pick<
  ModelOptions, 'model' | 'sha256' | 'fileBytes' | 'budget' | 'ram' | 'context' | 'f32' | 'kv' | 'adapters' | 'experts' | 'activation' | 'hub'
>;

export interface ImportJob {
  /** Rejects with the reason of `cancel`, or with what went wrong. */
  readonly done: Promise<StoredModel>;
  /** Holds back the transfer; open requests wait too. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Ends the import. What is stored stays, and the next import of the model goes on from there. */
  cancel(reason?: Error): void;
}

export interface ModelLibrary {
  /**
   * What loading a model would take (GPU bytes, bytes to store, tokens/s), from its header alone: of a model that is not stored
   * no weights are read. The first time on a GPU about a second goes into measuring it. A model that does not fit is no error:
   * its `verdict` is `refused`.
   * @throws InvalidFileError, UnsupportedModelError, DeviceError, RequestError.
   */
  plan(options: PlanOptions): Promise<ModelPlan>;
  /** Puts a model into the browser's storage. In a worker of its own, so that cancelling it disturbs nothing else. */
  importModel(options: ImportOptions): ImportJob;
  /** Sort by `lastUsed` to see what could go first. */
  models(): Promise<StoredModel[]>;
  /** Deletes a stored model; RequestError while a tab uses it. */
  remove(id: string): Promise<void>;
  /** Checks every byte of a stored model; what is damaged is mended from the model's address. */
  verify(id: string, options?: Pick<ImportSettings, 'encryption'>): Promise<VerifyResult>;
  /** States of conversations that are kept: `Sessions` of an engine has the rest. */
  readonly sessions: Pick<Sessions, 'list' | 'remove'>;
  /** Ends the worker. Imports go on. */
  close(): void;
}

/** Starts a worker for the library. `worker` starts it in place of windrow, and is called again for each import. */
export function openLibrary(options: { worker?: () => Worker } = {}): ModelLibrary {
  const connection = connect(startWorker(options.worker));
  return {
    plan: async ({ model, ...settings }) => {
      const source = toModelSource(model);
      const load = toLoadOptions(settings);
      return connection.call((worker) => worker.plan(source, load));
    },
    importModel: (given) => startImport(options.worker, given),
    models: () => connection.call((worker) => worker.models()),
    remove: (id) => connection.call((worker) => worker.remove(id)),
    verify: (id, settings) => connection.call((worker) => worker.verify(id, settings)),
    sessions: {
      list: () => connection.call((worker) => worker.session('list') as Promise<KeptSession[]>),
      remove: (name) => connection.call((worker) => worker.session('remove', name) as Promise<void>),
    },
    close: () => connection.close(new Error('The library was closed.')),
  };
}

function startImport(worker: (() => Worker) | undefined, { model, onProgress, ...settings }: ImportOptions): ImportJob {
  const source = toModelSource(model);
  const load = toLoadOptions(settings);
  const connection = connect(startWorker(worker));
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = ({ data }: MessageEvent<LoadProgress>) => onProgress?.(data);
  const importing =
    globalThis.isSecureContext === false
      ? Promise.reject<StoredModel>(
          new DeviceError('This page came by http; models are stored and run only where browsers trust the address. Open it over https or from localhost.'),
        )
      : connection.call((remote) => remote.importModel('bytes' in source ? transfer(source, [source.bytes]) : source, load, transfer(port2, [port2])));
  const done = importing
    .finally(() => {
      port1.close();
      connection.close(new Error('The import has ended.'));
    });
  done.catch(() => {}); // the caller may only look at it later
  return {
    done,
    pause: () => connection.call((remote) => remote.pauseImports(true)),
    resume: () => connection.call((remote) => remote.pauseImports(false)),
    cancel: (reason = new DOMException('The import was cancelled.', 'AbortError')) => connection.close(reason),
  };
}
