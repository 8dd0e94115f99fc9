// An origin for tests: a bare page, windrow's library as built, and model files served as well or as badly as a test asks.
// It counts what it sends.
import { once } from 'node:events';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { basename, join } from 'node:path';

export interface Origin {
  readonly url: string;
  /** Of each model request: the range that was asked for, and the bytes of it that were sent. */
  readonly requests: { path: string; from: number; to: number; sent: number; authorization?: string }[];
  /** Requests by which browsers ask whether they may send another one. */
  preflights: number;
  /** Bytes of models sent since the requests were last emptied. */
  sent(): number;
  behave: Behaviour;
  /** Resolves once every answer under way has ended, or was broken off. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

export interface Behaviour {
  /** False: every request gets the whole file. */
  ranges?: boolean;
  etag?: string;
  /** For all requests together. */
  bytesPerSecond?: number;
  /** Sends no more once so many bytes were sent, until this is changed. */
  holdAt?: number;
  /** Ends each connection after so many bytes. */
  breakAfter?: number;
  /** Answers of the model hub, by path with its query. */
  hub?: Record<string, { status?: number; link?: string; body: unknown }>;
  /** Redirects /…/resolve/… to another path that works once. */
  redirect?: boolean;
  /** 401 without this bearer token. */
  token?: string;
  /** Nothing but the page and the library. */
  offline?: boolean;
}

const library = 'dist/lib';

/** What `read` gives once it gives the same twice, half a second apart. */
export async function settled<T>(read: () => Promise<T>): Promise<T> {
  for (let last = await read(); ; ) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    const now = await read();
    if (now === last) return now;
    last = now;
  }
}

/** What an origin serves, and how. */
interface Serving {
  readonly folder: string;
  readonly origin: Origin;
  /** Paths that redirects lead to, each to be asked for once. */
  readonly tickets: Set<string>;
  ticketsGiven: number;
  /** Resolves when so many bytes may be sent. */
  pace(bytes: number): Promise<void>;
}

export async function startOrigin(folder: string): Promise<Origin> {
  const responses = new Set<ServerResponse>();
  const origin: Origin = {
    url: '',
    requests: [],
    preflights: 0,
    sent: () => origin.requests.reduce((sum, { sent }) => sum + sent, 0),
    behave: {},
    async idle() {
      await Promise.all([...responses].map((response) => once(response, 'close')));
    },
    async close() {
      for (const response of responses) response.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const serving: Serving = { folder, origin, tickets: new Set(), ticketsGiven: 0, pace: createPace(origin) };
  const server = createServer((request, response) => {
    responses.add(response);
    response.on('close', () => responses.delete(response));
    handle(serving, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(origin, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

const toAll = { 'access-control-allow-origin': '*' };

const send = (response: ServerResponse, status: number, type: string, body: string): void =>
  void response.writeHead(status, { 'content-type': type, ...toAll }).end(body);

function handle(serving: Serving, request: IncomingMessage, response: ServerResponse): void {
  const { origin, tickets } = serving;
  const { pathname, search } = new URL(request.url ?? '/', 'http://origin');
  if (pathname === '/') return send(response, 200, 'text/html', '<!doctype html><title>windrow library</title>');
  if (pathname.startsWith('/lib/')) return sendLibrary(response, join(library, basename(pathname)));
  if (origin.behave.offline) return void response.destroy();
  if (request.method === 'OPTIONS') {
    origin.preflights++;
    return void response.writeHead(204, { ...toAll, 'access-control-allow-headers': 'authorization, range' }).end();
  }
  const { token, hub, redirect } = origin.behave;
  if (token && !pathname.startsWith('/ticket/') && request.headers.authorization !== `Bearer ${token}`) return send(response, 401, 'application/json', '{}');
  const answer = hub?.[pathname + search];
  if (answer) {
    response.writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...toAll, ...(answer.link ? { link: answer.link } : {}) });
    return void response.end(JSON.stringify(answer.body));
  }
  if (redirect && pathname.includes('/resolve/')) {
    const ticket = `/ticket/${serving.ticketsGiven++}/${basename(pathname)}`;
    tickets.add(ticket);
    return void response.writeHead(302, { location: ticket, ...toAll }).end();
  }
  if (pathname.startsWith('/ticket/') && !tickets.delete(pathname)) return send(response, 403, 'text/plain', 'expired');
  void sendFile(serving, request, response, pathname);
}

function sendLibrary(response: ServerResponse, path: string): void {
  if (!existsSync(path)) return send(response, 404, 'text/plain', 'not built');
  response.writeHead(200, { 'content-type': 'text/javascript' });
  createReadStream(path).pipe(response);
}

async function sendFile({ folder, origin, pace }: Serving, request: IncomingMessage, response: ServerResponse, pathname: string): Promise<void> {
  const path = join(folder, decodeURIComponent(basename(pathname)));
  if (!existsSync(path)) return send(response, 404, 'text/plain', 'no such file');
  const { ranges = true, etag, breakAfter = Infinity } = origin.behave;
  const size = statSync(path).size;
  const range = ranges ? /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') : null;
  const from = range ? Number(range[1]) : 0;
  const to = range ? Math.min(Number(range[2]), size - 1) : size - 1;
  if (from >= size) return void response.writeHead(416, toAll).end();
  const entry = { path: pathname, from, to, sent: 0, authorization: request.headers.authorization };
  origin.requests.push(entry);
  // As little as a foreign server may say: no Content-Range, no exposed ETag unless the test wants one.
  response.writeHead(range ? 206 : 200, {
    'content-type': 'application/octet-stream', 'content-length': to + 1 - from, ...toAll,
    ...(etag ? { etag, 'access-control-expose-headers': 'etag' } : {}),
  });
  const closed = once(response, 'close');
  for await (const piece of createReadStream(path, { start: from, end: to, highWaterMark: 64 * 1024 })) {
    const bytes = piece as Buffer;
    await pace(bytes.length);
    if (response.destroyed) return;
    if (!response.write(bytes)) await Promise.race([once(response, 'drain'), closed]);
    entry.sent += bytes.length;
    if (entry.sent >= breakAfter) return void response.destroy();
  }
  response.end();
}

/** Keeps to `bytesPerSecond` and `holdAt` of the origin's behaviour, as they are at the time. */
function createPace(origin: Origin): Serving['pace'] {
  let budgetFrom = performance.now();
  let spent = 0;
  return async (bytes) => {
    while (origin.sent() >= (origin.behave.holdAt ?? Infinity)) await new Promise((resolve) => setTimeout(resolve, 20));
    const { bytesPerSecond } = origin.behave;
    if (!bytesPerSecond) return;
    const now = performance.now();
    if (now - budgetFrom > (spent / bytesPerSecond) * 1000 + 50) [budgetFrom, spent] = [now, 0]; // idle time is not saved up
    spent += bytes;
    const wait = budgetFrom + (spent / bytesPerSecond) * 1000 - performance.now();
    if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait));
  };
}
