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

/** A file on a server, and what its answers have told of it so far. */
interface RemoteFile {
  url: string;
  /** Its address without what may be a secret. */
  name: string;
  options: UrlSourceOptions & Required<Pick<UrlSourceOptions, 'fetch' | 'backOffMs' | 'stallMs' | 'pause'>>;
  state: FileState;
  acceptsRanges?: boolean;
  /** Its first bytes have been there, and are no web page. */
  isFile: boolean;
}

/**
 * The file at `url`. Its size is known only once a response has told it. Servers that ignore ranges work, slowly: what
 * lies before an offset is received and dropped. Throws RequestError where the server refuses, InvalidFileError where the
 * file ends early or the answer is a web page, a plain Error where the network fails five times without a byte between. A
 * server that says when to come again (Retry-After) is asked again then, and RequestError tells that it limits requests.
 */
export function urlSource(url: string, options: UrlSourceOptions = {}): ByteSource {
  const { fetch = globalThis.fetch.bind(globalThis), backOffMs = 250, stallMs = 30_000, pause = wait } = options;
  const file: RemoteFile = { url, name: url.split(/[?#]/)[0], options: { ...options, fetch, backOffMs, stallMs, pause }, state: {}, isFile: false };
  return {
    name: file.name,
    get byteLength() {
      return file.state.size;
    },
    get acceptsRanges() {
      return file.acceptsRanges;
    },
    get version() {
      return file.state.etag ?? file.state.modified;
    },
    readUpTo: (offset, length, signal) => readUpTo(file, offset, length, signal),
    async read(offset, length, signal) {
      const bytes = await readUpTo(file, offset, length, signal);
      requireAll(file, offset, length, bytes.length);
      return bytes;
    },
    async *stream(offset, length, signal) {
      let done = 0;
      for await (const piece of pieces(file, offset, length, signal)) {
        done += piece.length;
        yield piece;
      }
      requireAll(file, offset, length, done);
    },
  };
}

async function readUpTo(file: RemoteFile, offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let done = 0;
  for await (const piece of pieces(file, offset, length, signal)) {
    bytes.set(piece, done);
    done += piece.length;
  }
  return bytes.subarray(0, done);
}

function requireAll({ name }: RemoteFile, offset: number, length: number, got: number): void {
  if (got >= length) return;
  throw new InvalidFileError(`${name} ends after ${offset + got} bytes; needed are ${length} bytes from byte ${offset}. The file on the server is incomplete.`);
}

/** The pieces of `length` bytes from `offset`, fewer only if the file ends before. */
async function* pieces(file: RemoteFile, offset: number, length: number, callSignal?: AbortSignal): AsyncGenerator<Uint8Array, void> {
  const { backOffMs, pause, signal: ownSignal } = file.options;
  const signal = anySignal([ownSignal, callSignal].filter((one) => one !== undefined));
  const end = offset + length;
  let failures = 0;
  for (let ended = false; !ended && offset < end; ) {
    try {
      signal.throwIfAborted();
      const before = offset;
      for await (const piece of oneResponse(file, offset, end, signal)) {
        offset += piece.length;
        failures = 0;
        yield piece;
      }
      // A server may send less than a range asks for; the file has ended when nothing more comes.
      ended = offset === before;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof InvalidFileError || error instanceof RequestError) throw error;
      const told = error instanceof Refused ? (error.waitMs ?? 0) : 0;
      if (failures === retries || told > longestWaitMs) throw givenUp(file, error as Error, offset, failures + 1);
      await pause(Math.max(told, backOffMs * 2 ** failures++), signal);
    }
  }
}

function givenUp({ name, url }: RemoteFile, error: Error, offset: number, tries: number): Error {
  if (!(error instanceof Refused && error.busy)) {
    const what = `${name} cannot be read at byte ${offset}, tried ${tries} times: ${error.message}.`;
    const advice = error instanceof Refused ? 'The server fails: load it again later.' : whatToCheck(url, globalThis.origin);
    return new Error(`${what} ${advice}`, { cause: error });
  }
  const what = `${error.message}: the server limits requests or has too many (tried ${tries} times, at byte ${offset}).`;
  const asked = error.waitMs === undefined ? '' : ` It asks to come again in ${Math.ceil(error.waitMs / 1000)} s.`;
  return new RequestError(`${what}${asked} Load it again later: what is stored is not downloaded twice.`, { code: 'rate_limited', cause: error });
}

/** What one request gives of the bytes from `offset` to `end`. Throws when the response breaks. */
async function* oneResponse(file: RemoteFile, offset: number, end: number, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
  const { name, url, options: { fetch, stallMs, token } } = file;
  const stalled = new AbortController();
  const watched = async <T>(work: Promise<T>): Promise<T> => {
    const timer = setTimeout(() => stalled.abort(new Error(`no byte in ${stallMs / 1000} s`)), stallMs);
    return work.finally(() => clearTimeout(timer));
  };
  const headers: HeadersInit = { Range: `bytes=${offset}-${end - 1}`, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  const request: RequestInit = { headers, cache: 'no-store', signal: anySignal([signal, stalled.signal]) };
  const response = await watched(fetch(url, request));
  const answer = readAnswer(response, name, offset, Date.now());
  noteState(file, answer);
  let { at } = answer;
  if (at === undefined || !response.body) return;
  file.acceptsRanges = answer.ranged;
  const reader = response.body.getReader();
  let ended = false;
  try {
    while (at < end) {
      const { done, value } = await watched(reader.read());
      ended = done;
      if (done) return;
      refusePage(answer, name, file.isFile, value);
      file.isFile = true;
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
function noteState({ name, state, options: { hashed = false } }: RemoteFile, now: FileState): void {
  const changed = differenceOf(state, now, !hashed);
  if (changed) {
    const what = `its ${changed.what} was ${changed.before} and is now ${changed.now}`;
    throw new InvalidFileError(`${name} was changed on the server while it was read: ${what}. Load it again.`, { code: 'file_changed' });
  }
  state.size ??= now.size;
  state.etag ??= now.etag;
  state.modified ??= now.modified;
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
