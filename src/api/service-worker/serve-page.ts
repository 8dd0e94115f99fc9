// In the page (or worker) that holds an engine: answers what the site's service worker passes on.
import { createHandler, type Handler, type HandlerOptions } from '../http/handler.ts';
import { randomId } from '../../random.ts';
import { type Surface } from '../surface.ts';
import { type Question, type ToPage, type ToServiceWorker } from './messages.ts';

export interface PageOptions extends HandlerOptions {
  /** Where the service worker's messages come in. Default `navigator.serviceWorker`. */
  messages?: Pick<ServiceWorkerContainer, 'addEventListener' | 'removeEventListener' | 'startMessages'>;
  /** Default `navigator.locks`. */
  locks?: Pick<LockManager, 'request'>;
}

/**
 * Answers requests that the site's service worker passes on (`answerFetch`), with the engine. Gives the way to end that; requests under
 * way are stopped then.
 */
export function serveToServiceWorker(
  engine: Surface,
  { messages = navigator.serviceWorker, locks = navigator.locks, ...options }: PageOptions = {},
): () => void {
  const handler = createHandler(engine, { headFirst: true, ...options });
  const lock = `windrow-page-${randomId()}`;
  const ended = new AbortController();
  // Held as long as this page lives: whoever waits for it learns of its end, however that comes.
  const held = new Promise<void>((resolve) => ended.signal.addEventListener('abort', () => resolve()));
  void locks?.request(lock, () => held);
  const hear = ({ data, ports: [port] }: MessageEvent<Question | undefined>): void => {
    if (data?.windrow !== 'who answers?' || !port) return;
    port.onmessage = ({ data: message }: MessageEvent<ToPage>) => {
      if (message.type === 'request') void respond(handler, message, port, ended.signal);
    };
    port.postMessage({ type: 'offer', lock } satisfies ToServiceWorker);
  };
  messages.addEventListener('message', hear);
  messages.startMessages();
  return () => {
    messages.removeEventListener('message', hear);
    ended.abort();
  };
}

async function respond(handler: Handler, { url, method, headers, body }: ToPage & { type: 'request' }, port: MessagePort, ended: AbortSignal): Promise<void> {
  const stopping = new AbortController();
  const stop = (): void => stopping.abort(new DOMException('The request was closed.', 'AbortError'));
  const send = (message: ToServiceWorker): void => port.postMessage(message);
  port.onmessage = ({ data }: MessageEvent<ToPage>) => {
    if (data.type === 'cancel') stop();
  };
  ended.addEventListener('abort', stop);
  try {
    const response = await handler(new Request(url, { method, headers, body, signal: stopping.signal }));
    send({ type: 'head', status: response.status, headers: [...response.headers] });
    const reader = response.body?.getReader();
    stopping.signal.addEventListener('abort', () => void reader?.cancel().catch(() => {})); // what it reads from has ended anyway
    for (let part = await reader?.read(); part && !part.done; part = await reader!.read()) send({ type: 'piece', bytes: part.value });
    send({ type: 'end' });
  } catch (error) {
    send({ type: 'broken', message: (error as Error).message }); // the handler never rejects: a body was under way
  } finally {
    port.onmessage = null; // not closed here: what was sent may still be on its way
    ended.removeEventListener('abort', stop);
  }
}
