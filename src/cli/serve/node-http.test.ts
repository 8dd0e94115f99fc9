// Answers that come before the whole request was read, over connections that are kept.
import { Agent, request, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readObject } from '../../api/http/body.ts';
import { errorResponse, HttpError } from '../../api/http/errors.ts';
import { type Handler } from '../../api/http/handler.ts';
import { createHttpServer } from './node-http.ts';

const mostBytes = 1000;
const handler: Handler = async (asked) => {
  try {
    if (asked.url.endsWith('/refused')) throw new HttpError(401, 'invalid_api_key', 'The key is wrong.');
    return Response.json(await readObject(asked, mostBytes));
  } catch (error) {
    return errorResponse(error);
  }
};
let server: Server;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
beforeAll(async () => {
  server = createHttpServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  agent.destroy();
  await new Promise((resolve) => server.close(resolve));
});

const send = (path: string, parts: string[], headers: Record<string, string | number> = {}): Promise<{ status?: number; text: string }> =>
  new Promise((resolve, reject) => {
    const { port } = server.address() as AddressInfo;
    const sent = request({ agent, port, host: '127.0.0.1', path, method: 'POST', headers: { 'content-type': 'application/json', ...headers } }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => (text += part)).on('end', () => resolve({ status: answer.statusCode, text })).on('error', reject);
    });
    sent.on('error', reject);
    for (const part of parts) sent.write(part);
    sent.end();
  });
const large = Array<string>(64).fill('x'.repeat(2 ** 16)); // more than sockets hold

test.each<[string, string, string[], Record<string, string | number>, number]>([
  ['before its body is read', '/refused', large, {}, 401],
  ['for the length that it tells', '/', large, { 'content-length': large.join('').length }, 413],
  ['in the middle of its body', '/', large, {}, 413],
  ['for its type', '/', large, { 'content-type': 'text/plain' }, 415],
])('a request that is refused %s gets its answer, and so does the next one', async (_, path, parts, headers, status) => {
  expect(await send(path, parts, headers)).toMatchObject({ status });
  expect(await send('/', ['{"a":', '"ü"}'])).toEqual({ status: 200, text: '{"a":"ü"}' });
});
