// A site's service worker that answers OpenAI's requests.
import { answerFetch } from '../../src/service-worker.ts';

interface WorkerEvent {
  data: unknown;
  request: Request;
  respondWith(response: Promise<Response>): void;
  waitUntil(work: Promise<void>): void;
}
const scope = self as unknown as {
  skipWaiting(): Promise<void>;
  clients: { claim(): Promise<void> };
  addEventListener(type: string, listener: (event: WorkerEvent) => void): void;
};
scope.addEventListener('install', (event) => event.waitUntil(scope.skipWaiting()));
scope.addEventListener('activate', (event) => event.waitUntil(scope.clients.claim()));
scope.addEventListener('message', (event) => event.data === 'claim' && event.waitUntil(scope.clients.claim())); // by a page that was reloaded past it
scope.addEventListener('fetch', (event) => answerFetch(event));
