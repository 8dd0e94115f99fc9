// Small web servers for the tests of the elements: a site is a map from paths to what is answered, with its headers.
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { readFileSync } from 'node:fs';
import { join, extname } from 'node:path';

export interface Site {
  address: string;
  close(): void;
}
type Headers = Record<string, string>;

const types: Record<string, string> = { '.js': 'text/javascript', '.html': 'text/html', '.css': 'text/css' };

/** A page of every site with nothing on it. */
export const blank = '/blank';

/** Serves the files of `folder`, and `pages` in front of them. */
export async function startSite(folder: string | null, pages: Record<string, string | Buffer> = {}, headers: Headers = {}): Promise<Site> {
  const server: Server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    try {
      const body = pages[pathname] ?? (pathname === blank ? '<!doctype html>' : folder === null ? undefined : readFileSync(join(folder, pathname)));
      if (body === undefined) throw new Error('no such file');
      response
        .writeHead(200, { 'content-type': types[extname(pathname)] ?? (typeof body === 'string' ? 'text/html' : 'application/octet-stream'), ...headers })
        .end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
}
