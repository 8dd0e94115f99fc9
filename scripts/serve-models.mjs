// A vite plugin: serves the files of models/ under /models/, with ranges, in dev and preview. No part of a build.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const models = fileURLToPath(new URL('../models', import.meta.url));

/** @returns {import('vite').Plugin} */
export function serveModels(folder = models) {
  /** @param {{ middlewares: import('vite').Connect.Server }} server */
  const use = ({ middlewares }) => void middlewares.use('/models/', (request, response, next) => void serve(folder, request, response).catch(next));
  return { name: 'serve-models', configureServer: use, configurePreviewServer: use };
}

/**
 * Answers 200, 206, 404 or 416.
 * @param {string} folder
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:http').ServerResponse} response
 */
export async function serve(folder, request, response) {
  const name = basename(decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname)); // never another folder
  const path = join(folder, name);
  const size = await stat(path).then(
    (file) => (file.isFile() ? file.size : undefined),
    () => undefined,
  );
  if (size === undefined) {
    response.writeHead(404, { 'content-type': 'text/plain' }).end(`No file models/${name}. \`npm start\` gets the default model.\n`);
    return;
  }
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const from = range ? Number(range[1]) : 0;
  const to = Math.min(range?.[2] ? Number(range[2]) : Infinity, size - 1);
  const common = { 'content-type': 'application/octet-stream', 'accept-ranges': 'bytes', 'cache-control': 'no-store' };
  if (from > to) {
    response.writeHead(416, { ...common, 'content-range': `bytes */${size}` }).end();
    return;
  }
  response.writeHead(range ? 206 : 200, { ...common, 'content-length': to - from + 1, ...(range ? { 'content-range': `bytes ${from}-${to}/${size}` } : {}) });
  if (request.method === 'HEAD') response.end();
  else createReadStream(path, { start: from, end: to }).on('error', () => response.destroy()).pipe(response);
}
