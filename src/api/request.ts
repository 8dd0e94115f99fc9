// One request over its own MessagePort. Knows ports and signals; nothing about OpenAI's shapes.
import { transfer } from 'comlink';
import { reviveError } from '../errors.ts';
import { type FinishReason, type GenerateControl, type GenerateEvent, type GenerateRequest, type GenerateStats, type Token } from '../protocol.ts';
import { type Connection } from './connection.ts';

/** Exactly one of `done`, `stopped` and `failed` is called, and nothing after it. */
export interface RequestListener {
  tokens(text: string, tokens: Token[]): void;
  done(reason: Exclude<FinishReason, 'abort'>, stats: GenerateStats): void;
  /** By the signal, by the returned function, or by the worker. */
  stopped(): void;
  failed(error: Error): void;
}

/** Starts a request; gives the way to stop it. After a stop, no token is reported that was already on its way. */
export function startRequest(connection: Connection, request: GenerateRequest, signal: AbortSignal | undefined, listener: RequestListener): () => void {
  const { port1: port, port2: workerPort } = new MessageChannel();
  let ended = false;

  const end = (): boolean => {
    if (ended) return false;
    ended = true;
    signal?.removeEventListener('abort', stop);
    return true;
  };
  const stop = (): void => {
    if (!end()) return;
    port.postMessage({ type: 'stop' } satisfies GenerateControl);
    listener.stopped();
  };
  const fail = (error: Error): void => {
    if (end()) listener.failed(error);
  };
  const release = (): void => {
    port.onmessage = null;
    port.close();
  };

  signal?.addEventListener('abort', stop);
  port.onmessage = ({ data: event }: MessageEvent<GenerateEvent>) => {
    if (event.type === 'tokens') {
      if (!ended) listener.tokens(event.text, event.tokens);
      return;
    }
    release(); // only now: after a stop, the worker's last word comes over the port too
    if (!end()) return;
    if (event.type === 'error') listener.failed(reviveError(event));
    else if (event.reason === 'abort') listener.stopped();
    else listener.done(event.reason, event.stats);
  };
  connection
    .call((worker) => worker.generate(request, transfer(workerPort, [workerPort])))
    .catch((error: Error) => {
      release();
      fail(error);
    });
  return stop;
}
