import { truncateSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { InvalidFileError, RequestError } from '../../errors.ts';
import { type ByteSource } from '../../gguf/source.ts';
import { openFileSource } from './file-source.ts';
import { readAhead } from './read-ahead.ts';
import { bytesSource, fileSource } from './source.ts';
import { urlSource } from './url-source.ts';
import { temporaryFolder } from '../../../test/folder.ts';

const bytes = Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 2654435761) >>> 24);
/** Vitest compares large arrays element by element. */
const expectSame = (actual: Uint8Array, expected: Uint8Array): void => {
  expect(actual.length).toBe(expected.length);
  expect(Buffer.compare(actual, expected)).toBe(0);
};
const part = (offset: number, length: number) => Buffer.from(bytes.subarray(offset, offset + length));

async function collect(source: ByteSource, offset: number, length: number, signal?: AbortSignal): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source.stream(offset, length, signal)) pieces.push(piece.slice());
  return Buffer.concat(pieces);
}

/** A server whose answers each test sets. */
let answer: (request: IncomingMessage, response: ServerResponse, from: number, to: number) => void;
let requests: string[] = [];
let server: Server;
let address: string;
beforeAll(async () => {
  server = createServer((request, response) => {
    requests.push(request.headers.range ?? 'no range');
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '')!.map(Number);
    answer(request, response, from, to);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/model.gguf`;
});
afterEach(() => {
  requests = [];
});
afterAll(async () => {
  await onDisk.close();
  server.closeAllConnections();
  server.close();
});

const ranged: typeof answer = (_, response, from, to) => {
  if (from >= bytes.length) return void response.writeHead(416).end();
  const body = part(from, to + 1 - from);
  response.writeHead(206, { 'content-length': body.length }).end(body);
};
const whole: typeof answer = (_, response) => void response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
const status = (code: number): typeof answer => (_, response) => void response.writeHead(code, { 'content-type': 'text/html' }).end('<html>');
/** The first `times` answers break after `sent` bytes. */
function breaking(times: number, sent: number): typeof answer {
  return (request, response, from, to) => {
    if (times-- <= 0) return ranged(request, response, from, to);
    response.writeHead(206, { 'content-length': to + 1 - from });
    response.write(part(from, sent), () => response.destroy());
  };
}
const overNetwork = (options = {}) => urlSource(`${address}?secret=1`, { backOffMs: 1, ...options });

const folder = temporaryFolder('source');
const path = join(folder, 'model.gguf');
writeFileSync(path, bytes);
const onDisk = await openFileSource(path);

describe.each([
  ['bytes', async () => bytesSource(bytes, 'model.gguf')],
  ['a File', async () => fileSource(new File([bytes], 'model.gguf'))],
  ['a file on disk', async () => onDisk],
  ['a server with ranges', async () => ((answer = ranged), overNetwork())],
  ['a server without ranges', async () => ((answer = whole), overNetwork())],
])('%s', (_, make) => {
  it('gives exactly the bytes asked for', async () => {
    const source = await make();
    expectSame(await source.read(1_000_001, 70_000), part(1_000_001, 70_000));
    expect(await source.read(5, 0)).toHaveLength(0);
    expect(await source.read(bytes.length - 1, 1)).toEqual(bytes.slice(-1));
  });

  it('streams the bytes asked for in order', async () => {
    const source = await make();
    expectSame(await collect(source, 3, 2_500_000), part(3, 2_500_000));
  });

  it('refuses to read past the end, with the numbers', async () => {
    const source = await make();
    await expect(source.read(2_999_990, 20)).rejects.toThrow(InvalidFileError);
    await expect(source.read(2_999_990, 20)).rejects.toThrow(/3000000 bytes; needed are 20 bytes from byte 2999990/);
    await expect(collect(source, 2_999_990, 20)).rejects.toThrow(InvalidFileError);
  });

  it('reads up to the end when asked to', async () => {
    const source = await make();
    expect(await source.readUpTo(2_999_990, 20)).toEqual(bytes.slice(-10));
    expect(await source.readUpTo(4_000_000, 20)).toHaveLength(0);
  });

  it('stops when asked to', async () => {
    const source = await make();
    await expect(source.read(0, 10, AbortSignal.abort())).rejects.toThrow(/abort/i);
    const abort = new AbortController();
    const stream = source.stream(0, 2_000_000, abort.signal)[Symbol.asyncIterator]();
    await stream.next();
    abort.abort();
    await expect((async () => { while (!(await stream.next()).done); })()).rejects.toThrow(/abort/i);
  });
});

describe('a file on disk', () => {
  it('that shrinks while it is open is refused', async () => {
    const shrinking = join(folder, 'shrinking.gguf');
    writeFileSync(shrinking, bytes);
    const source = await openFileSource(shrinking);
    truncateSync(shrinking, 100);
    await expect(source.read(50, 100)).rejects.toThrow(/ends now after 100: it was changed/);
    await source.close();
  });
});

describe('a File', () => {
  it('that cannot be read any more is named', async () => {
    const gone = { name: 'gone.gguf', size: 10, slice: () => ({ arrayBuffer: () => Promise.reject(new Error('NotReadable.')) }) } as unknown as File;
    await expect(fileSource(gone).read(0, 5)).rejects.toThrow(/gone.gguf cannot be read any more at byte 0: NotReadable. Choose the file again/);
  });
});

describe('over the network', () => {
  it('sends one simple ranged request to the address as given', async () => {
    answer = ranged;
    const calls: [unknown, RequestInit | undefined][] = [];
    const source = overNetwork({ fetch: ((url: string, init?: RequestInit) => (calls.push([url, init]), fetch(url, init))) as typeof fetch });
    await collect(source, 10, 2_000_000);
    expect(requests).toEqual(['bytes=10-2000009']);
    expect(calls[0]).toEqual([
      `${address}?secret=1`,
      { headers: { Range: 'bytes=10-2000009' }, cache: 'no-store', signal: expect.any(AbortSignal) as AbortSignal },
    ]);
  });

  it('learns the size where the server tells it', async () => {
    answer = whole;
    const source = overNetwork();
    expect(source.byteLength).toBeUndefined();
    await source.read(0, 4);
    expect(source.byteLength).toBe(bytes.length);
  });

  it('continues a broken response where it broke', async () => {
    answer = breaking(2, 1000);
    expectSame(await collect(overNetwork(), 0, 500_000), part(0, 500_000));
    expect(requests).toHaveLength(3);
    expect(requests[0]).toBe('bytes=0-499999');
    expect(requests[2]).not.toBe('bytes=0-499999');
  });

  it('goes on when a server sends less than a range asks for', async () => {
    answer = (request, response, from, to) => ranged(request, response, from, Math.min(to, from + 99_999));
    expectSame(await overNetwork().read(0, 250_000), part(0, 250_000));
    expect(requests).toEqual(['bytes=0-249999', 'bytes=100000-249999', 'bytes=200000-249999']);
  });

  it('tries four times again when nothing comes, waiting longer each time, then says why', async () => {
    answer = status(500);
    const waits: number[] = [];
    const pause = async (ms: number) => void waits.push(ms);
    await expect(overNetwork({ backOffMs: 10, pause }).read(7, 5)).rejects.toThrow(
      /model.gguf cannot be read at byte 7, tried 5 times: .*answered 500 Internal Server Error\. The server fails: load it again later/,
    );
    expect(requests).toHaveLength(5);
    expect(waits).toEqual([10, 20, 40, 80]);
  });

  it('comes again when a server that limits requests says, and says that where it is too long or too often', async () => {
    const limited = (code: number, times: number, headers: Record<string, string>): typeof answer => (request, response, from, to) =>
      times-- > 0 ? void response.writeHead(code, headers).end() : ranged(request, response, from, to);
    const waits: number[] = [];
    const pause = async (ms: number) => void waits.push(ms);
    answer = limited(429, 2, { 'retry-after': '6' });
    expectSame(await overNetwork({ pause }).read(0, 50), part(0, 50));
    expect(waits).toEqual([6000, 6000]);

    answer = limited(503, 1, { 'retry-after': new Date(Date.now() + 30_000).toUTCString() });
    expectSame(await overNetwork({ pause }).read(0, 50), part(0, 50));
    expect(waits[2]).toBeGreaterThan(20_000);

    answer = limited(429, Infinity, { 'retry-after': '3600' });
    requests = [];
    const refused = overNetwork({ pause }).read(0, 50);
    await expect(refused).rejects.toMatchObject({
      code: 'rate_limited',
      message: expect.stringMatching(/answered 429 Too Many Requests: the server limits requests.*come again in 3600 s\. Load it again later/),
    });
    await expect(refused).rejects.toThrow(/^(?!.*CORS)/);
    expect([requests.length, waits.length]).toEqual([1, 3]); // an hour is not waited for

    answer = limited(429, Infinity, {});
    await expect(overNetwork({ pause }).read(0, 50)).rejects.toMatchObject({
      code: 'rate_limited',
      message: expect.stringMatching(/tried 5 times, at byte 0\)\. Load/),
    });
  });

  it('reads the answer to a range to its end: no body is cancelled, which browsers list as failed', async () => {
    let cancelled = 0;
    const inRanges: typeof fetch = async (_, init) => {
      const [from, to] = /(\d+)-(\d+)/.exec((init!.headers as Record<string, string>).Range)!.slice(1).map(Number);
      const pieces = [part(from, 1000), part(from + 1000, to + 1 - from - 1000)].filter((piece) => piece.length > 0);
      const body = new ReadableStream<Uint8Array>({
        pull: (controller) => void (pieces.length > 0 ? controller.enqueue(pieces.shift()!) : controller.close()),
        cancel: () => void cancelled++,
      }, { highWaterMark: 0 });
      return new Response(body, { status: 206, headers: { 'content-range': `bytes ${from}-${to}/${bytes.length}` } });
    };
    const source = overNetwork({ fetch: inRanges });
    await source.readUpTo(0, 256 * 1024);
    let length = 0;
    for await (const chunk of readAhead(
      source,
      [
        { offset: 5000, length: 1_000_000 },
        { offset: 2_000_000, length: 900_000 },
      ],
      { chunkBytes: 300_000 },
    ))
      length += chunk.bytes.length;
    expect([length, cancelled]).toEqual([1_900_000, 0]);
    const stream = source.stream(0, 100_000)[Symbol.asyncIterator]();
    await stream.next();
    await stream.return!();
    expect(cancelled).toBe(1); // a reader that leaves lets go of it
  });

  it('names a server that compresses ranges', async () => {
    const packed = gzipSync(bytes);
    answer = (_, response, from, to) =>
      void response.writeHead(206, { 'content-range': `bytes ${from}-${to}/${packed.length}`, 'content-encoding': 'gzip' }).end(packed.subarray(from, to + 1));
    await expect(overNetwork().read(0, 5000)).rejects.toMatchObject({
      code: 'invalid_file',
      message: expect.stringMatching(/model.gguf is compressed by its server \(Content-Encoding: gzip\).*as they are/),
    });
  });

  it('takes what begins as a GGUF for one, though the server calls it a web page', async () => {
    const file = Buffer.concat([Buffer.from('GGUF'), part(4, 5000)]);
    answer = (_, response, from, to) => void response.writeHead(206, { 'content-type': 'text/html; charset=UTF-8' }).end(file.subarray(from, to + 1));
    const source = overNetwork();
    expectSame(await source.read(0, 1000), file.subarray(0, 1000));
    expectSame(await source.read(1000, 1000), file.subarray(1000, 2000));
    await expect(overNetwork().read(1000, 1000)).rejects.toThrow(/is a web page/); // nothing tells that it is none
  });

  it('counts a server that falls silent as broken', async () => {
    answer = (_, response) => response.writeHead(206, { 'content-length': 100 }).flushHeaders();
    await expect(overNetwork({ stallMs: 30 }).read(0, 100)).rejects.toThrow(
      /cannot be read at byte 0, tried 5 times: no byte in 0.03 s. Check the connection and the address/,
    );
  });

  it.each([404, 403])('refuses status %i at once, without the query of the address', async (code) => {
    answer = status(code);
    const error = (await overNetwork().read(0, 5).catch((caught: unknown) => caught)) as Error;
    expect(error).toBeInstanceOf(RequestError);
    expect(error.message).toMatch(new RegExp(`model.gguf answered ${code} [\\w ]+; needed is 200 or 206`));
    expect(error.message).not.toContain('secret');
    expect(requests).toHaveLength(1);
  });

  it('refuses a web page', async () => {
    answer = status(200);
    await expect(overNetwork().read(0, 5)).rejects.toThrow(/model.gguf is a web page \(text\/html\)/);
    await expect(overNetwork().read(0, 5)).rejects.toBeInstanceOf(InvalidFileError);
  });

  it('does not take another range for the one asked for', async () => {
    answer = (_, response) => void response.writeHead(206, { 'content-range': 'bytes 0-4/3000000', 'content-length': 5 }).end(part(0, 5));
    await expect(overNetwork().read(100, 5)).rejects.toThrow(/asked for byte 100, it sent bytes 0-4\/3000000/);
  });

  it('stops between retries when asked to', async () => {
    answer = status(500);
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 20);
    await expect(overNetwork({ backOffMs: 10_000 }).read(0, 5, abort.signal)).rejects.toThrow(/abort/i);
  });
});

describe('what a server tells of a file', () => {
  const tagged = (etag: string): typeof answer => (_, response, from, to) => {
    const body = part(from, to + 1 - from);
    response.writeHead(206, { 'content-length': body.length, 'content-range': `bytes ${from}-${to}/${bytes.length}`, etag }).end(body);
  };

  it('is its size, its version, and whether ranges work', async () => {
    answer = tagged('"one"');
    const source = overNetwork();
    expect([source.byteLength, source.version, source.acceptsRanges]).toEqual([undefined, undefined, undefined]);
    await source.read(0, 10);
    expect([source.byteLength, source.version, source.acceptsRanges]).toEqual([bytes.length, '"one"', true]);
    answer = whole;
    const slow = overNetwork();
    await slow.read(0, 10);
    expect([slow.byteLength, slow.acceptsRanges]).toEqual([bytes.length, false]);
  });

  it('refuses to mix two states of a file', async () => {
    answer = tagged('"one"');
    const source = overNetwork();
    await source.read(0, 10);
    answer = tagged('W/"one"'); // the same file
    await source.read(10, 10);
    answer = tagged('"two"');
    await expect(source.read(10, 10)).rejects.toThrow(/was changed on the server while it was read: its version was "one" and is now "two"/);
    await expect(source.read(10, 10)).rejects.toMatchObject({ name: 'InvalidFileError', code: 'file_changed' });
    answer = (_, response, from, to) =>
      void response.writeHead(206, { 'content-range': `bytes ${from}-${to}/4000000`, 'content-length': to + 1 - from }).end(part(from, to + 1 - from));
    await expect(source.read(10, 10)).rejects.toThrow(/its size was 3000000 and is now 4000000/);
  });

  it('is of two machines behind one name no reason to stop where the hash of the whole is compared', async () => {
    let count = 0;
    answer = (request, response, from, to) => tagged(count++ % 2 ? '"a"' : '"b"')(request, response, from, to);
    const source = overNetwork({ hashed: true });
    for (const at of [0, 10, 20]) await source.read(at, 10);
    answer = (_, response, from, to) =>
      void response.writeHead(206, { 'content-range': `bytes ${from}-${to}/4000000`, 'content-length': to + 1 - from }).end(part(from, to + 1 - from));
    await expect(source.read(10, 10)).rejects.toMatchObject({ code: 'file_changed' });
  });
});

it('sends an access token only if there is one, and never in the address', async () => {
  const seen: (string | undefined)[] = [];
  answer = (request, response, from, to) => {
    seen.push(request.headers.authorization);
    ranged(request, response, from, to);
  };
  await overNetwork().read(0, 5);
  await overNetwork({ token: 'hush' }).read(0, 5);
  expect(seen).toEqual([undefined, 'Bearer hush']);
  answer = status(403);
  await expect(overNetwork({ token: 'hush' }).read(0, 5)).rejects.toThrow(/^(?!.*hush)/);
});
