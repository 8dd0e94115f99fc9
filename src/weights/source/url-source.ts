// A file on a web server as a byte source. Only simple requests, so that a foreign server needs no preflight:
// https://fetch.spec.whatwg.org/#cors-safelisted-request-header. How many run at once is the caller's affair.
import { InvalidFileError, RequestError } from '../../errors.ts';
import { type ByteSource } from '../../gguf/source.ts';

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
}

/** What a refusal is, by its status. */
const codes: Record<number, 'access_denied' | 'not_found'> = { 401: 'access_denied', 403: 'access_denied', 404: 'not_found', 410: 'not_found' };
const retries = 4;

/**
 * The file at `url`. Its size is known only once a response has told it. Servers that ignore ranges work, slowly: what
 * lies before an offset is received and dropped. Throws RequestError where the server refuses, InvalidFileError where the
 * file ends early or the answer is a web page, a plain Error where the network fails five times without a byte between.
 */
export function urlSource(url: string, options: UrlSourceOptions = {}): ByteSource {
  const { fetch = globalThis.fetch.bind(globalThis), backOffMs = 250, stallMs = 30_000, token } = options;
  const name = url.split(/[?#]/)[0]; // what follows may be a secret
  let byteLength: number | undefined;
  let acceptsRanges: boolean | undefined;
  let version: string | undefined;

  /** The pieces of `length` bytes from `offset`, fewer only if the file ends before. */
  async function* pieces(offset: number, length: number, callSignal?: AbortSignal): AsyncGenerator<Uint8Array, void> {
    const signal = AbortSignal.any([options.signal, callSignal].filter((one) => one !== undefined));
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
        if (failures === retries) {
          throw new Error(`${name} cannot be read at byte ${offset}, tried ${retries + 1} times: ${(error as Error).message}. Check the connection, and that the server allows this page (CORS).`, { cause: error });
        }
        await pause(backOffMs * 2 ** failures++, signal);
      }
    }
  }

  /** What one request gives of the bytes from `offset` to `end`. Throws when the response breaks. */
  async function* oneResponse(offset: number, end: number, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
    const stalled = new AbortController();
    const watched = async <T>(work: Promise<T>): Promise<T> => {
      const timer = setTimeout(() => stalled.abort(new Error(`no byte in ${stallMs / 1000} s`)), stallMs);
      return work.finally(() => clearTimeout(timer));
    };
    const headers: HeadersInit = { Range: `bytes=${offset}-${end - 1}`, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
    const request: RequestInit = { headers, cache: 'no-store', signal: AbortSignal.any([signal, stalled.signal]) };
    const response = await watched(fetch(url, request));
    let at = firstByte(response, offset);
    if (at === undefined || !response.body) return;
    const reader = response.body.getReader();
    try {
      while (at < end) {
        const { done, value } = await watched(reader.read());
        if (done) return;
        const piece = value.subarray(Math.max(0, offset - at), Math.max(0, end - at));
        at += value.length;
        if (piece.length > 0) yield piece;
      }
    } finally {
      reader.cancel().catch(() => {}); // there is nothing to do about a body that is broken already
    }
  }

  /** Where in the file the body of `response` begins; undefined if the file has nothing at `offset`. */
  function firstByte(response: Response, offset: number): number | undefined {
    const { status, headers } = response;
    const answered = `${name} answered ${status} ${response.statusText}`.trimEnd();
    if (status === 416) return undefined;
    if (status >= 500 || status === 408 || status === 429) throw new Error(answered);
    if (status !== 200 && status !== 206) throw new RequestError(`${answered}; needed is 200 or 206. Check the address, and whether the file is public.`, { code: codes[status] });
    if (headers.get('content-type')?.startsWith('text/html')) {
      throw new InvalidFileError(`${answered} with a web page (text/html); needed is the file itself. On a model hub that is the address of the download.`);
    }
    // All of these are unreadable across origins unless the server exposes them, but for a plain Last-Modified.
    const range = /^bytes (\d+)-\d+\/(\d+)?/.exec(headers.get('content-range') ?? '');
    const size = status === 206 ? range?.[2] : headers.has('content-encoding') ? null : headers.get('content-length');
    noteState(size ? Number(size) : undefined, headers.get('etag') ?? headers.get('last-modified') ?? undefined);
    acceptsRanges = status === 206;
    if (status === 200) return 0;
    if (range && Number(range[1]) !== offset) throw new Error(`asked for byte ${offset}, it sent ${range[0]}`);
    return offset;
  }

  /** Parts of two files must never be mixed. */
  function noteState(size: number | undefined, tag: string | undefined): void {
    for (const [what, before, now] of [['size', byteLength, size], ['version', version, tag]]) {
      if (before !== undefined && now !== undefined && before !== now) {
        throw new InvalidFileError(`${name} was changed on the server while it was read: its ${what} was ${before} and is now ${now}. Load it again.`, { code: 'file_changed' });
      }
    }
    byteLength ??= size;
    version ??= tag;
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
      return byteLength;
    },
    get acceptsRanges() {
      return acceptsRanges;
    },
    get version() {
      return version;
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

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
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
