// What a server's answer to a request for a range says before its body, or in its first bytes. Sends and repeats nothing.
import { InvalidFileError, RequestError } from '../../errors.ts';
import { fileOfPage } from './unreachable.ts';

/** What is told of a file's state; each undefined where it is not, or may not be read across origins. */
export interface FileState {
  size?: number;
  etag?: string;
  modified?: string;
}

export interface Answer extends FileState {
  /** Where in the file the body begins; undefined if the file has nothing where it was asked for. */
  at: number | undefined;
  ranged: boolean;
  /** Called a web page by the server: only the first bytes tell. */
  page: boolean;
}

/** A refusal that may pass. */
export class Refused extends Error {
  /** `waitMs`: as the server asks for; `busy`: it limits requests or is overloaded. */
  constructor(message: string, readonly busy: boolean, readonly waitMs?: number) {
    super(message);
  }
}

/** What a refusal is, by its status. */
const codes: Record<number, 'access_denied' | 'not_found'> = { 401: 'access_denied', 403: 'access_denied', 404: 'not_found', 410: 'not_found' };

/** Throws RequestError where the server refuses for good, Refused where it may not next time, InvalidFileError where the bytes are none of the file. */
export function readAnswer({ status, statusText, headers }: Response, name: string, offset: number, now: number): Answer {
  const answered = `${name} answered ${status} ${statusText}`.trimEnd();
  if (status === 416) return { at: undefined, ranged: true, page: false };
  if (status >= 500 || status === 408 || status === 429)
    throw new Refused(answered, status === 429 || status === 503, retryAfter(headers.get('retry-after'), now));
  if (status !== 200 && status !== 206)
    throw new RequestError(`${answered}; needed is 200 or 206. Check the address, and whether the file is public.`, { code: codes[status] });
  const ranged = status === 206;
  const encoding = headers.get('content-encoding');
  if (ranged && encoding && encoding !== 'identity') {
    throw new InvalidFileError(
      `${name} is compressed by its server (Content-Encoding: ${encoding}), and ranges of a compressed file are not those of the file. Have the ` +
      'server send .gguf files as they are.',
    );
  }
  // All of these are unreadable across origins unless the server exposes them, but for a plain Last-Modified.
  const range = /^bytes (\d+)-\d+\/(\d+)?/.exec(headers.get('content-range') ?? '');
  if (ranged && range && Number(range[1]) !== offset) throw new Error(`asked for byte ${offset}, it sent ${range[0]}`);
  const size = ranged ? range?.[2] : encoding ? null : headers.get('content-length');
  return {
    at: ranged ? offset : 0, ranged, page: headers.get('content-type')?.startsWith('text/html') === true,
    size: size ? Number(size) : undefined,
    etag: headers.get('etag')?.replace(/^W\//, ''), // a server that compresses other answers sends the tag of the same file as a weak one
    modified: headers.get('last-modified') ?? undefined,
  };
}

function webPage(name: string): InvalidFileError {
  const file = fileOfPage(name);
  return new InvalidFileError(
    `${name} is a web page (text/html); needed is the file itself${file ? `, which is at ${file}` : '. On a model hub that is the address of the download'}.`,
  );
}

/** Scripts that hand out files call them anything: what begins as a GGUF does is none of the pages that `page` stands for. */
export function refusePage({ page, at }: Answer, name: string, known: boolean, first: Uint8Array): void {
  const begins = at === 0 && [...'GGUF'].every((letter, i) => i >= first.length || letter.charCodeAt(0) === first[i]);
  if (page && !begins && !known) throw webPage(name);
}

/** Milliseconds of a Retry-After, which is a number of seconds or a date. */
function retryAfter(value: string | null, now: number): number | undefined {
  if (value === null) return undefined;
  const ms = /^\s*\d+\s*$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

/** What of two states of a file differs. `tags`: whether other tags and dates alone count. */
export function differenceOf(before: FileState, now: FileState, tags: boolean): { what: string; before: string | number; now: string | number } | undefined {
  const differ = (key: keyof FileState) => before[key] !== undefined && now[key] !== undefined && before[key] !== now[key];
  // Dates are compared where there are no tags: of two machines behind one name each may have its own date.
  const tag = before.etag !== undefined && now.etag !== undefined ? 'etag' : 'modified';
  const key = differ('size') ? 'size' : tags && differ(tag) ? tag : undefined;
  return key && { what: key === 'size' ? 'size' : 'version', before: before[key]!, now: now[key]! };
}

/** Whether two versions that a source told name one state of the file. */
export const sameVersion = (a: string, b: string): boolean => a.replace(/^W\//, '') === b.replace(/^W\//, '');
