// Requests that are closed before a page takes them. Service workers themselves are in e2e.
import { expect, test } from 'vitest';
import { answerFetch, type Scope } from './answer-fetch.ts';
import { type ToPage, type ToServiceWorker } from './messages.ts';

const address = 'https://example.org/v1/models';

/** A page that offers to answer, after `before`; what it hears is logged, and answered. */
function scopeOf(before: () => void, heard: ToPage[], closed: () => void, answers: readonly ToServiceWorker[] = []): Scope {
  const page = {
    postMessage(_: unknown, [port]: MessagePort[]) {
      port.onmessage = ({ data }: MessageEvent<ToPage>) => {
        heard.push(data);
        if (data.type === 'request') for (const message of answers) port.postMessage(message);
      };
      port.addEventListener('close', closed);
      before();
      port.postMessage({ type: 'offer', lock: 'a' } satisfies ToServiceWorker);
    },
  };
  const clients = { matchAll: async () => [page as never] };
  return { registration: { scope: 'https://example.org/' }, clients, navigator: {} };
}

test('a request that is closed while a page is looked for asks it for nothing', async () => {
  const closing = new AbortController();
  const heard: ToPage[] = [];
  let response: Promise<Response> | undefined;
  const portClosed = new Promise<void>((resolve) => {
    const scope = scopeOf(() => closing.abort(), heard, resolve);
    answerFetch({ request: new Request(address, { signal: closing.signal }), respondWith: (given) => void (response = given) }, {}, scope);
  });
  expect((await response)?.status).toBe(499);
  await portClosed; // after all that was sent over it
  expect(heard).toEqual([]);
});

test('an answer that breaks off in the page breaks off here, with its words', async () => {
  let response: Promise<Response> | undefined;
  const head: ToServiceWorker = { type: 'head', status: 200, headers: [] };
  const scope = scopeOf(() => {}, [], () => {}, [head, { type: 'broken', message: 'The GPU is lost.' }]);
  answerFetch({ request: new Request(address), respondWith: (given) => void (response = given) }, {}, scope);
  await expect((await response!).text()).rejects.toThrow('The GPU is lost.');
});
