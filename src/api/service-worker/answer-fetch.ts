// In a service worker: answers requests below `v1/` through a page of the site that holds an engine. Knows no engine and no shapes.
import { errorResponse, HttpError } from '../http/errors.ts';
import { type Question, type ToPage, type ToServiceWorker } from './messages.ts';

interface Client {
  postMessage(message: unknown, transfer: Transferable[]): void;
}

/** What is needed of the service worker's global scope. */
export interface Scope {
  readonly registration: { readonly scope: string };
  readonly clients: { matchAll(options: { includeUncontrolled: boolean; type: 'all' }): Promise<readonly Client[]> };
  readonly navigator: { readonly locks?: Pick<LockManager, 'request'> };
}

export interface FetchEventLike {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

export interface AnswerOptions {
  /** Milliseconds in which a page has to say that it holds an engine. Default 5000. */
  patience?: number;
}

/**
 * For the listener of `fetch`: answers requests of the site's own pages below `v1/` of the scope, and gives false for all others.
 * Where no page holds an engine (`serveToServiceWorker`), the answer is a 503 with the code `not_loaded`.
 */
export function answerFetch(event: FetchEventLike, { patience = 5000 }: AnswerOptions = {}, scope = globalThis as unknown as Scope): boolean {
  if (!event.request.url.startsWith(new URL('v1/', scope.registration.scope).href)) return false;
  event.respondWith(answer(event.request, patience, scope).catch(errorResponse));
  return true;
}

async function answer(request: Request, patience: number, scope: Scope): Promise<Response> {
  const body = request.body || request.method === 'POST' ? await request.arrayBuffer() : null;
  const { port, lock } = await findPage(patience, scope);
  const { url, method, headers, signal } = request;
  if (signal.aborted) { // while the page was looked for; no event comes for it any more
    port.close();
    throw signal.reason as Error;
  }
  const send = (message: ToPage, transfer: Transferable[] = []): void => port.postMessage(message, transfer);
  const lost = new AbortController();
  void scope.navigator.locks
    ?.request(lock, { signal: lost.signal }, () => lost.abort(new HttpError(503, 'not_loaded', 'The page that held the engine was closed.')))
    .catch(() => {}); // the answer came to its end first
  send({ type: 'request', url, method, headers: [...headers], body }, body ? [body] : []);
  signal.addEventListener('abort', () => send({ type: 'cancel' }));
  return receive(port, lost, () => send({ type: 'cancel' }));
}

/** The first page that offers to answer. */
async function findPage(patience: number, { clients }: Scope): Promise<{ port: MessagePort; lock: string }> {
  const pages = await clients.matchAll({ includeUncontrolled: true, type: 'all' });
  const ports: MessagePort[] = [];
  try {
    return await new Promise((resolve, reject) => {
      const nobody = () => reject(new HttpError(503, 'not_loaded', 'No page of this site has an engine that answers. Load a model in one of them.'));
      if (!pages.length) return nobody();
      const timer = setTimeout(nobody, patience);
      for (const page of pages) {
        const { port1, port2 } = new MessageChannel();
        ports.push(port1);
        port1.onmessage = ({ data }: MessageEvent<ToServiceWorker>) => {
          if (data.type !== 'offer') return;
          clearTimeout(timer);
          port1.onmessage = null;
          ports.splice(ports.indexOf(port1), 1);
          resolve({ port: port1, lock: data.lock });
        };
        page.postMessage({ windrow: 'who answers?' } satisfies Question, [port2]);
      }
    });
  } finally {
    for (const port of ports) port.close();
  }
}

/** The page's answer. `lost` is aborted once the page is gone, and by this once the answer has come to its end. */
function receive(port: MessagePort, lost: AbortController, cancel: () => void): Promise<Response> {
  return new Promise((resolve, reject) => {
    let controller!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
    let isOver = false;
    const over = (): void => {
      isOver = true;
      port.close();
      lost.abort();
    };
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (given) => void (controller = given),
      cancel() {
        cancel();
        over();
      },
    });
    lost.signal.addEventListener('abort', () => {
      if (isOver) return;
      over();
      const { reason } = lost.signal as { reason: Error };
      controller.error(reason);
      reject(reason);
    });
    port.onmessage = ({ data }: MessageEvent<ToServiceWorker>) => {
      if (isOver) return;
      if (data.type === 'head') resolve(new Response(data.status === 204 ? null : body, { status: data.status, headers: data.headers }));
      else if (data.type === 'piece') controller.enqueue(data.bytes);
      else if (data.type === 'end') {
        controller.close();
        over();
      } else if (data.type === 'broken') {
        const error = new Error(data.message);
        controller.error(error);
        reject(error); // without effect where there was a head
        over();
      }
    };
  });
}
