// Node's HTTP server over a handler of `Request` and `Response`.
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { errorResponse, HttpError } from '../../api/http/errors.ts';
import { type Handler } from '../../api/http/handler.ts';

/** Not listening yet. A client that closes its connection aborts the signal of its request. */
export const createHttpServer = (handler: Handler): Server => createServer((incoming, outgoing) => void respond(handler, incoming, outgoing));

async function respond(handler: Handler, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const closing = new AbortController();
  outgoing.on('close', () => closing.abort(new DOMException('The client closed the connection.', 'AbortError')));
  outgoing.on('error', () => {}); // the client is gone, which `close` tells
  try {
    await send(await handler(requestOf(incoming, closing.signal)), outgoing, closing.signal);
    incoming.resume(); // what a refusal left unread goes nowhere; the next request comes behind it
  } catch (error) {
    if (!outgoing.headersSent) await send(errorResponse(error), outgoing, closing.signal).catch(() => {});
    outgoing.destroy();
  }
}

function requestOf(incoming: IncomingMessage, signal: AbortSignal): Request {
  const { method = 'GET', url = '/', headers: { host }, rawHeaders } = incoming;
  const headers = new Headers();
  for (let i = 0; i < rawHeaders.length; i += 2) headers.append(rawHeaders[i], rawHeaders[i + 1]);
  const address = URL.canParse(`http://${host}`) && url.startsWith('/') ? `http://${host}${url}` : undefined;
  if (address === undefined || !URL.canParse(address)) throw new HttpError(400, 'invalid_request', 'The request has no usable address or Host.');
  const body = method === 'GET' || method === 'HEAD' ? undefined : bodyOf(incoming);
  return new Request(address, { method, headers, body, signal, duplex: 'half' } as RequestInit);
}

/** Read only when asked. To cancel it leaves the connection, on which the answer goes out, as it is. */
function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  const parts = incoming.iterator({ destroyOnReturn: false }) as AsyncGenerator<Uint8Array>;
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    const { done, value } = await parts.next();
    if (done) controller.close();
    else controller.enqueue(value);
  };
  return new ReadableStream({ pull, cancel: async () => void (await parts.return(undefined)) }, { highWaterMark: 0 });
}

async function send(response: Response, outgoing: ServerResponse, closed: AbortSignal): Promise<void> {
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  const reader = response.body?.getReader();
  const stop = (): void => void reader?.cancel().catch(() => {}); // what it reads from has ended anyway
  closed.addEventListener('abort', stop);
  for (let part = await reader?.read(); part && !part.done && !closed.aborted; part = await reader!.read()) {
    if (!outgoing.write(part.value)) await drained(outgoing);
  }
  outgoing.end();
}

const drained = (outgoing: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    const go = (): void => {
      outgoing.off('drain', go).off('close', go);
      resolve();
    };
    outgoing.on('drain', go).on('close', go);
  });
