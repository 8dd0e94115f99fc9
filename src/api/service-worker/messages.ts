// What a service worker and the page that holds an engine say to each other. Types only. The service worker keeps nothing between two
// requests: the browser may end it at any time, and the next request finds the page anew.

/** To every page of the site, with a port for what follows. */
export interface Question {
  windrow: 'who answers?';
}

/** Over the port, by a page that holds an engine; `lock` is the name of a lock that it holds as long as it lives. */
export interface Offer {
  type: 'offer';
  lock: string;
}

/** Over the port, to the page whose offer was taken. */
export type ToPage =
  | { type: 'request'; url: string; method: string; headers: [string, string][]; body: ArrayBuffer | null }
  /** Nobody wants the rest of the answer, or any of it. */
  | { type: 'cancel' };

/** Over the port, by the page: the head, then pieces of the body in order, then the end, or that it broke off. */
export type ToServiceWorker =
  | Offer
  | { type: 'head'; status: number; headers: [string, string][] }
  | { type: 'piece'; bytes: Uint8Array<ArrayBuffer> }
  | { type: 'end' }
  | { type: 'broken'; message: string };
