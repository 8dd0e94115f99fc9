// One worker and the calls that are open on it. Knows Comlink and how a worker dies; nothing about models or chats.
import { releaseProxy, wrap, type Remote } from 'comlink';
import workerAddress from '../worker.ts?worker&url'; // an own module: bundlers of a page leave its address alone
import { DeviceError, reviveError } from '../errors.ts';
import { type WorkerEngine } from '../protocol.ts';
import { scriptAddress } from './trusted.ts';

export interface Connection {
  /** Calls the worker. Rejects with windrow's own error classes, and as soon as the worker dies or the connection closes. */
  call<T>(method: (worker: Remote<WorkerEngine>) => Promise<T>): Promise<T>;
  /** Calls `listener` once when the worker dies or the connection closes (at once if it has); gives the way to stop listening. */
  onClose(listener: (reason: Error) => void): () => void;
  /** Ends the worker. Every open call rejects with `reason`; so do all later ones. */
  close(reason: Error): void;
}

/** The worker that windrow ships, or the given one; the engine owns it from here on. */
export function startWorker(worker?: Worker | (() => Worker)): Worker {
  if (typeof worker === 'function') return worker();
  return worker ?? startScript(workerAddress);
}

/**
 * Starts a worker's script. One of another origin is imported by a small module that is the page's own, since no page may start
 * it. In a frame without an origin every script is of another one, and there only a data: address gives a worker that may
 * import and has a GPU.
 */
export function startScript(address: string | URL): Worker {
  const url = new URL(address, location.href);
  const options = { type: 'module', name: 'windrow' } as const;
  if (url.origin === self.origin || url.protocol === 'blob:') return new Worker(scriptAddress(url), options);
  const module = `import ${JSON.stringify(url.href)};`;
  if (globalThis.origin === 'null') return new Worker(scriptAddress(`data:text/javascript,${encodeURIComponent(module)}`), options);
  const blob = URL.createObjectURL(new Blob([module], { type: 'text/javascript' }));
  try {
    return new Worker(scriptAddress(blob), options);
  } finally {
    setTimeout(() => URL.revokeObjectURL(blob), 60_000); // the browser reads it after this
  }
}

export function connect(worker: Worker): Connection {
  const remote = wrap<WorkerEngine>(worker);
  const listeners = new Set<(reason: Error) => void>();
  let closed: Error | null = null;

  const close = (reason: Error): void => {
    if (closed) return;
    closed = reason;
    worker.removeEventListener('error', onError);
    worker.removeEventListener('messageerror', onMessageError);
    remote[releaseProxy]();
    worker.terminate();
    for (const listener of [...listeners]) listener(reason);
    listeners.clear();
  };
  const onError = (event: Event): void => close(new DeviceError(workerFailure(event), { code: 'worker_failed' }));
  const onMessageError = (): void =>
    close(new DeviceError('A message of the engine\'s worker could not be read, so the worker was ended. Load the model again.', { code: 'worker_failed' }));
  worker.addEventListener('error', onError);
  worker.addEventListener('messageerror', onMessageError);

  const onClose = (listener: (reason: Error) => void): (() => void) => {
    if (closed) listener(closed);
    else listeners.add(listener);
    return () => listeners.delete(listener);
  };

  return {
    close,
    onClose,
    // A promise of Comlink's stays pending for ever when its worker dies, hence the second way out. Not Promise.race with
    // one lasting promise: that would keep a reaction on it for every call ever made.
    call: <T>(method: (worker: Remote<WorkerEngine>) => Promise<T>) =>
      new Promise<T>((resolve, reject) => {
        if (closed) throw closed;
        const ignore = onClose(reject);
        method(remote)
          .then(resolve, (error: Error) => reject(reviveError(error)))
          .finally(ignore);
      }),
  };
}

function workerFailure(event: Event): string {
  const message = 'message' in event ? String(event.message) : '';
  return message
    ? `The engine's worker failed: ${message}. Load the model again.`
    : "The script of the engine's worker could not be loaded. Check that the page serves it and that its " +
        'Content-Security-Policy allows it (worker-src).' +
        (globalThis.origin === 'null'
          ? ' As this frame has no origin (sandbox without allow-same-origin), the script needs Access-Control-Allow-Origin: *, and such a policy data:.'
          : '') +
        ` ${globalThis.crossOriginIsolated ? 'As this page has' : 'If this page has'} a Cross-Origin-Embedder-Policy, the script needs the same header.`;
}
