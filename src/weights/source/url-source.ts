// A file on a web server as a byte source. Only simple requests, so that a foreign server needs no preflight:
// https://fetch.spec.whatwg.org/#cors-safelisted-request-header. How many run at once is the caller's affair.
import { anySignal } from '../../signals.ts';
import { InvalidFileError, RequestError } from '../../errors.ts';
import { type ByteSource } from '../../gguf/source.ts';
import { whatToCheck } from './unreachable.ts';
import { differenceOf, type FileState, readAnswer, Refused, refusePage } from './answer.ts';

export interface UrlSourceOptions {
  fetch?: typeof globalThis.fetch;
  /** Ends every request. */
  signal?: AbortSignal;
  /** Milliseconds before the first retry, doubled for each further one. Default 250. */
  backOffMs?: number;
  /** Milliseconds without a byte after which a request counts as broken. Default 30,000. */
  stallMs?: number;
  /** Sent as a bearer token. A browser asks such a server first (preflight), and drops the token where it is redirected to another host. */
  token?: string;
  /** The hash of the whole file is compared in the end: another tag or date alone does not end a read, as two machines behind one name may differ in it. */
  hashed?: boolean;
  /** Waits between tries. Default: a timer. */
  pause?: (ms: number, signal: AbortSignal) => Promise<void>;
}

const retries = 4;
/** Longest wait that a server may ask for (Retry-After) between two tries. */
const longestWaitMs = 120_000;

/**
 * The file at `url`. Its size is known only once a response has told it. Servers that ignore ranges work, slowly: what
 * lies before an offset is received and dropped. Throws RequestError where the server refuses, InvalidFileError where the
 * file ends early or the answer is a web page, a plain Error where the network fails five times without a byte between. A
 * server that says when to come again (Retry-After) is asked again then, and RequestError tells that it limits requests.
 */
export function urlSource(url: string, options: UrlSourceOptions = {}): ByteSource {
  const { fetch = globalThis.fetch.bind(globalThis), backOffMs = 250, stallMs = 30_000, token, hashed = false, pause = wait } = options;
  const name = url.split(/[?#]/)[0]; // what follows may be a secret
  const state: FileState = {};
  let acceptsRanges: boolean | undefined;
  let isFile = false; // its first bytes have been there

  /** The pieces of `length` bytes from `offset`, fewer only if the file ends before. */
  async function* pieces(offset: number, length: number, callSignal?: AbortSignal): AsyncGenerator<Uint8Array, void> {
    const signal = anySignal([options.signal, callSignal].filter((one) => one !== undefined));
    const end = offset + length;
    let failures = 0;
    for (let ended = false; !ended && offset < end; ) {
      try {
        signal.throwIfAborted();
        const before = offset;
        for await (const piece of oneResponse(offset, end, signal)) {
          offset += piece.length;
          failures = 0;
          yield piece;
        }
        // A server may send less than a range asks for; the file has ended when nothing more comes.
        ended = offset === before;
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof InvalidFileError || error instanceof RequestError) throw error;
        if (failures === retries || (error instanceof Refused && (error.waitMs ?? 0) > longestWaitMs)) throw givenUp(error as Error, offset, failures + 1);
        const told = error instanceof Refused ? (error.waitMs ?? 0) : 0;
        await pause(Math.max(told, backOffMs * 2 ** failures++), signal);
      }
    }
  }

  function givenUp(error: Error, offset: number, tries: number): Error {
    if (!(error instanceof Refused && error.busy)) {
      return new Error(`${name} cannot be read at byte ${offset}, tried ${tries} times: ${error.message}. ${error instanceof Refused ? 'The server fails: load it again later.' : whatToCheck(url, globalThis.origin)}`, { cause: error });
    }
    const asked = error.waitMs === undefined ? '' : ` It asks to come again in ${Math.ceil(error.waitMs / 1000)} s.`;
    return new RequestError(`${error.message}: the server limits requests or has too many (tried ${tries} times, at byte ${offset}).${asked} Load it again later: what is stored is not downloaded twice.`, { code: 'rate_limited', cause: error });
  }

  /** What one request gives of the bytes from `offset` to `end`. Throws when the response breaks. */
  async function* oneResponse(offset: number, end: number, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
    const stalled = new AbortController();
    const watched = async <T>(work: Promise<T>): Promise<T> => {
      const timer = setTimeout(() => stalled.abort(new Error(`no byte in ${stallMs / 1000} s`)), stallMs);
      return work.finally(() => clearTimeout(timer));
    };
    const headers: HeadersInit = { Range: `bytes=${offset}-${end - 1}`, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
    const request: RequestInit = { headers, cache: 'no-store', signal: anySignal([signal, stalled.signal]) };
    const response = await watched(fetch(url, request));
    const answer = readAnswer(response, name, offset, Date.now());
    noteState(answer);
    let { at } = answer;
    if (at === undefined || !response.body) return;
    acceptsRanges = answer.ranged;
    const reader = response.body.getReader();
    let ended = false;
    try {
      while (at < end) {
        const { done, value } = await watched(reader.read());
        ended = done;
        if (done) return;
        refusePage(answer, name, isFile, value);
        isFile = true;
        const piece = value.subarray(Math.max(0, offset - at), Math.max(0, end - at));
        at += value.length;
        if (piece.length > 0) yield piece;
      }
      // A range ends here, which only one more read shows: a body that is let go of before counts as broken off.
      if (answer.ranged) ended = await watched(reader.read()).then(({ done }) => done, () => false);
    } finally {
      if (!ended) reader.cancel().catch(() => {}); // there is nothing to do about a body that is broken already
    }
  }

  /** Parts of two files must never be mixed. */
  function noteState(now: FileState): void {
    const changed = differenceOf(state, now, !hashed);
    if (changed) {
      throw new InvalidFileError(`${name} was changed on the server while it was read: its ${changed.what} was ${changed.before} and is now ${changed.now}. Load it again.`, { code: 'file_changed' });
    }
    state.size ??= now.size;
    state.etag ??= now.etag;
    state.modified ??= now.modified;
  }

  async function readUpTo(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    let done = 0;
    for await (const piece of pieces(offset, length, signal)) {
      bytes.set(piece, done);
      done += piece.length;
    }
    return bytes.subarray(0, done);
  }

  const requireAll = (offset: number, length: number, got: number): void => {
    if (got < length) throw new InvalidFileError(`${name} ends after ${offset + got} bytes; needed are ${length} bytes from byte ${offset}. The file on the server is incomplete.`);
  };

  return {
    name,
    get byteLength() {
      return state.size;
    },
    get acceptsRanges() {
      return acceptsRanges;
    },
    get version() {
      return state.etag ?? state.modified;
    },
    readUpTo,
    async read(offset, length, signal) {
      const bytes = await readUpTo(offset, length, signal);
      requireAll(offset, length, bytes.length);
      return bytes;
    },
    async *stream(offset, length, signal) {
      let done = 0;
      for await (const piece of pieces(offset, length, signal)) {
        done += piece.length;
        yield piece;
      }
      requireAll(offset, length, done);
    },
  };
}

const wait = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal.addEventListener('abort', stop, { once: true });
  });
