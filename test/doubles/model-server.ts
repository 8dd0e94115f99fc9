// A web server on this machine for tests of what reads models from one: it answers ranges of a file, as well or as badly as a test asks.
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';

export interface Reply {
  status: number;
  headers?: Record<string, string>;
  body?: Uint8Array | string;
}

export interface ModelServer {
  /** Of the one file that it has. */
  url: string;
  /** What is served; may be changed. */
  file: Uint8Array;
  /** Ranges that were asked for since this was last emptied. */
  requests: { from: number; to: number }[];
  /** In place of, or on top of, the usual answer to a range. Undefined answers as usual. */
  reply?: (from: number, to: number, count: number) => Reply | undefined;
  close(): void;
}

export async function serveModel(file: Uint8Array, path = 'm.gguf'): Promise<ModelServer> {
  let count = 0;
  const server = createServer((request, response) => {
    const [, from = 0, to = served.file.length - 1] = (/bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? []).map(Number);
    served.requests.push({ from, to });
    const { status, headers, body } = { ...rangeOf(served.file, from, to), ...served.reply?.(from, to, count++) };
    response.writeHead(status, headers).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const served: ModelServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/${path}`, file, requests: [],
    close: () => void (server.closeAllConnections(), server.close()),
  };
  return served;
}

/** A sound answer to a range. */
export const rangeOf = (file: Uint8Array, from: number, to: number): Reply =>
  from >= file.length
    ? { status: 416 }
    : { status: 206, headers: { 'content-range': `bytes ${from}-${Math.min(to, file.length - 1)}/${file.length}` }, body: file.subarray(from, to + 1) };
