// One request over its own MessagePort. Knows ports and signals; nothing about OpenAI's shapes.
import { transfer } from 'comlink';
import { reviveError } from '../../errors.ts';
import { type EmbedInput, type EmbedRequest, type Embedding, type GenerateControl, type GenerateEvent } from '../../protocol.ts';
import { type StartRequest } from '../backend.ts';
import { type Connection } from '../connection.ts';

/** How requests are started in a worker. */
export const startOver = (connection: Connection): StartRequest => (request, signal, listener) => {
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
    if (event.type === 'begun') {
      if (!ended) listener.begun?.();
      return;
    }
    if (event.type === 'tokens') {
      if (!ended) listener.tokens(event.text, event.tokens, event);
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
};

/** How texts are embedded in a worker. */
export const embedOver = (connection: Connection) => async (
  inputs: EmbedInput[],
  { signal, ...how }: EmbedRequest & { signal?: AbortSignal } = {},
): Promise<Embedding[]> => {
  signal?.throwIfAborted();
  const { port1: port, port2: workerPort } = new MessageChannel();
  const stop = (): void => port.postMessage({ type: 'stop' } satisfies GenerateControl);
  signal?.addEventListener('abort', stop);
  try {
    return await connection.call((worker) => worker.embed(inputs, transfer(workerPort, [workerPort]), how));
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  } finally {
    signal?.removeEventListener('abort', stop);
    port.close();
  }
};
