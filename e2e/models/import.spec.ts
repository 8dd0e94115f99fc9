// Models on their way into the browser's storage, in Chromium with a profile on disk: tabs that are killed, connections
// that break, servers that know little, two tabs at once, disks that are full, bits that flip.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type Page } from '@playwright/test';
import { makeModel } from '../../scripts/fixtures/make-model.mjs';
import { isFull } from '../../test/verified.ts';
import { beginImport, importDone, importModel, type LibraryWindow, openPage, progressOf, test } from '../support/library.ts';
import { settled } from '../support/origin.ts';

const MiB = 2 ** 20;
const slabBytes = 16 * MiB;
const connections = 4;

/** About 90 MB in slabs of up to 16 MiB: rows of several matrices share slabs. */
const wide = { layers: 5, dim: 1024, ff: 4096, heads: 8, kvHeads: 4, vocab: 4096, type: 'Q8_0', name: 'Wide' };
/** About 9 MB in 26 slabs. */
const deep = { layers: 24, dim: 256, ff: 768, heads: 4, kvHeads: 2, vocab: 512, type: 'Q4_0', name: 'Deep' };

/** About 2 MB in 6 slabs, for what is loaded on a software GPU too. */
const small = { layers: 4, dim: 256, ff: 768, heads: 4, kvHeads: 2, vocab: 512, type: 'Q4_0', name: 'Small' };

const verify = (page: Page, id: string) => page.evaluate((model) => (window as unknown as LibraryWindow).library.verify(model), id);
const models = (page: Page) => page.evaluate(() => (window as unknown as LibraryWindow).library.models());

/** Share of the weights that are there, by the page's own progress. */
const share = async (page: Page): Promise<number> => {
  const last = (await progressOf(page)).findLast(({ phase }) => phase === 'weights');
  return last ? last.loadedBytes / last.totalBytes : 0;
};

/** Bytes that lie in the browser's storage. */
const stored = (page: Page) => page.evaluate(async () => (await navigator.storage.estimate()).usage!);

/** Shares of an import at which its tab ends: by the first ones closed, by the others killed with its browser. */
const interruptions = isFull ? [0.15, 0.4, 0.6, 0.85] : [0.6, 0.85];

test('a tab killed at several points of an import goes on where it was, and downloads at most a slab per connection twice', async ({
  models: folder,
  origin,
  profile,
}) => {
  const { byteLength } = await makeModel({ ...wide, out: join(folder, 'wide.gguf') });
  origin.behave.bytesPerSecond = 25 * MiB;
  const url = `${origin.url}/wide.gguf`;
  let before = 0;
  for (const [i, point] of interruptions.entries()) {
    const page = await openPage(await profile.open(), origin);
    await beginImport(page, url);
    await expect.poll(() => share(page), { intervals: [20] }).toBeGreaterThan(point);
    const resumed = (await progressOf(page)).find(({ phase }) => phase === 'weights')!;
    expect(resumed.loadedBytes / resumed.totalBytes).toBeGreaterThanOrEqual(before);
    before = resumed.loadedBytes / resumed.totalBytes;
    await (i >= interruptions.length / 2 ? profile.kill() : page.close());
    await origin.idle();
  }
  expect(before).toBeGreaterThan(0.3);
  origin.behave = {};
  const page = await openPage(await profile.open(), origin);
  const { id, complete } = await importModel(page, url);
  expect(complete).toBe(true);
  expect(await verify(page, id)).toMatchObject({ damaged: [], whole: true });
  const twice = origin.sent() - byteLength;
  console.log(`${(twice / MiB).toFixed(1)} MiB of ${(byteLength / MiB).toFixed(1)} were sent twice in ${interruptions.length} interruptions`);
  expect(twice).toBeLessThanOrEqual(interruptions.length * connections * slabBytes);
});

test('a connection that breaks and an address that redirects to one that expires do no harm', async ({ models: folder, origin, profile }) => {
  const { byteLength } = await makeModel({ ...deep, out: join(folder, 'deep.gguf') });
  origin.behave = { breakAfter: 700_000, redirect: true };
  const page = await openPage(await profile.open(), origin);
  const { id } = await importModel(page, `${origin.url}/owner/repo/resolve/main/deep.gguf`);
  expect(await verify(page, id)).toMatchObject({ damaged: [], whole: true });
  expect(origin.requests.every(({ path }) => path.startsWith('/ticket/'))).toBe(true);
  // What a broken connection had on its way is sent again, and the header's first read went past the header.
  expect(origin.sent()).toBeLessThan(byteLength + MiB + 3 * 65536 * origin.requests.length);
});

test('a server of another origin that says as little as it can is read without being asked first', async ({ models: folder, origin, profile }) => {
  const { byteLength } = await makeModel({ ...deep, out: join(folder, 'deep.gguf') });
  origin.behave = { redirect: true };
  const page = await openPage(await profile.open(), origin);
  const failed: string[] = [];
  page.context().on('requestfailed', (request) => failed.push(`${request.url()} ${request.failure()?.errorText}`));
  const foreign = origin.url.replace('127.0.0.1', 'localhost'); // the same server by another name
  const { id } = await importModel(page, `${foreign}/owner/repo/resolve/main/deep.gguf`);
  expect(await verify(page, id)).toMatchObject({ damaged: [], whole: true });
  expect(origin.requests.length).toBeGreaterThan(connections);
  expect(origin.sent()).toBeLessThan(byteLength + MiB); // in ranges: nothing was read twice
  expect(origin.preflights).toBe(0);
  expect(failed).toEqual([]); // no answer is broken off, which the browser would list as cancelled
});

test('a server that ignores ranges is read once, and after a kill no finished slab is written again', async ({ models: folder, origin, profile }) => {
  const { byteLength } = await makeModel({ ...deep, out: join(folder, 'deep.gguf') });
  origin.behave = { ranges: false, bytesPerSecond: 1.5 * MiB };
  let page = await openPage(await profile.open(), origin);
  await beginImport(page, `${origin.url}/deep.gguf`);
  await expect.poll(() => stored(page), { intervals: [50] }).toBeGreaterThan(0.4 * byteLength);
  await profile.kill();
  origin.requests.length = 0;
  origin.behave = { ranges: false };
  page = await openPage(await profile.open(), origin);
  const { id } = await importModel(page, `${origin.url}/deep.gguf`);
  const begun = (await progressOf(page)).find(({ phase }) => phase === 'weights')!;
  expect(begun.loadedBytes / begun.totalBytes).toBeGreaterThan(0.3);
  expect(await verify(page, id)).toMatchObject({ damaged: [], whole: true });
  expect(origin.requests).toHaveLength(2); // one for the header, one for the weights
});

test('the hash of the whole file is checked, over a kill too', async ({ models: folder, origin, profile }) => {
  const path = join(folder, 'deep.gguf');
  const { byteLength } = await makeModel({ ...deep, out: path });
  const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
  origin.behave.holdAt = 0.8 * byteLength;
  let page = await openPage(await profile.open(), origin);
  await beginImport(page, `${origin.url}/deep.gguf`, { sha256 });
  await expect.poll(() => stored(page)).toBeGreaterThan(0.4 * byteLength);
  await profile.kill();
  origin.behave = {};
  page = await openPage(await profile.open(), origin);
  const { id } = await importModel(page, `${origin.url}/deep.gguf`, { sha256 });
  expect(await verify(page, id)).toMatchObject({ damaged: [], whole: true });
  await page.evaluate((model) => (window as unknown as LibraryWindow).library.remove(model), id);
  await expect(importModel(page, `${origin.url}/deep.gguf`, { sha256: sha256.replaceAll('0', '1') })).rejects.toThrow(`has the SHA-256 ${sha256}`);
  expect(await models(page)).toEqual([]);
});

test('a file that changed since is downloaded anew, and that is said', async ({ models: folder, origin, profile }) => {
  const path = join(folder, 'deep.gguf');
  await makeModel({ ...deep, out: path });
  origin.behave = { etag: '"one"', bytesPerSecond: 6 * MiB };
  const page = await openPage(await profile.open(), origin);
  const interrupted = async () => {
    await beginImport(page, `${origin.url}/deep.gguf`);
    await expect.poll(() => share(page), { intervals: [20] }).toBeGreaterThan(0.5);
    await page.evaluate(() => (window as unknown as LibraryWindow).job.cancel());
    await expect(importDone(page)).rejects.toThrow('cancelled');
  };
  const noticeOf = async () => (await progressOf(page)).find(({ notice }) => notice)?.notice;
  await interrupted();
  origin.behave.etag = '"two"';
  await interrupted();
  expect(await noticeOf()).toMatch(/deep.gguf was changed since its import was interrupted/);

  await makeModel({ ...deep, layers: 23, out: path }); // another header: another model at the same address
  await interrupted();
  expect(await noticeOf()).toMatch(/was changed/);
  expect(await models(page)).toHaveLength(1);

  origin.behave = { etag: '"three"', bytesPerSecond: 6 * MiB };
  await beginImport(page, `${origin.url}/deep.gguf`);
  await expect.poll(() => share(page), { intervals: [20] }).toBeGreaterThan(0.3);
  origin.behave.etag = '"four"';
  await expect(importDone(page)).rejects.toThrow(/was changed on the server while it was read: its version was "three" and is now "four"/);
  origin.behave = { etag: '"four"' };
  const { id } = await importModel(page, `${origin.url}/deep.gguf`);
  expect(await verify(page, id)).toMatchObject({ damaged: [], whole: true });
});

test('an import pauses and goes on', async ({ models: folder, origin, profile }) => {
  await makeModel({ ...deep, out: join(folder, 'deep.gguf') });
  origin.behave.bytesPerSecond = 4 * MiB;
  const page = await openPage(await profile.open(), origin);
  await beginImport(page, `${origin.url}/deep.gguf`);
  await expect.poll(() => share(page), { intervals: [20] }).toBeGreaterThan(0.2);
  await page.evaluate(() => (window as unknown as LibraryWindow).job.pause());
  expect(await settled(() => share(page))).toBeLessThan(1); // once what the sockets hold has arrived
  await page.evaluate(() => (window as unknown as LibraryWindow).job.resume());
  expect((await importDone(page)).complete).toBe(true);
  const speeds = (await progressOf(page)).map(({ bytesPerSecond = 0 }) => bytesPerSecond);
  expect(Math.max(...speeds)).toBeGreaterThan(2 * MiB);
});

test('of two tabs one imports while the other waits and sees how far it is; when it dies the other goes on', async ({ models: folder, origin, profile }) => {
  const { byteLength } = await makeModel({ ...deep, out: join(folder, 'deep.gguf') });
  origin.behave.bytesPerSecond = MiB; // until the others wait, each with a megabyte of header read beside the first
  const context = await profile.open();
  const [first, second, third] = [await openPage(context, origin), await openPage(context, origin), await openPage(context, origin)];
  await beginImport(first, `${origin.url}/deep.gguf`);
  await expect.poll(() => share(first), { intervals: [20] }).toBeGreaterThan(0.1);
  await beginImport(second, `${origin.url}/deep.gguf`);
  await beginImport(third, `${origin.url}/deep.gguf`);
  await expect.poll(async () => (await progressOf(second)).some(({ waiting, loadedBytes }) => waiting && loadedBytes > 0)).toBe(true);
  origin.behave = {};
  await first.close();
  const [a, b] = await Promise.all([importDone(second), importDone(third)]);
  expect(a).toMatchObject({ complete: true, id: b.id });
  expect(origin.sent()).toBeLessThan(byteLength * 1.6); // not thrice
  const checks = await Promise.all([verify(second, a.id), verify(third, a.id)]);
  expect(checks).toEqual([{ damaged: [], parts: 26, whole: true }, { damaged: [], parts: 26, whole: true }]);
});

test('a model that is too large for the storage is refused before the download, with both numbers and what could go', async ({
  models: folder,
  origin,
  profile,
}) => {
  await makeModel({ ...deep, out: join(folder, 'deep.gguf') });
  const huge = { ...wide, layers: 2, dim: 8192, ff: 2 ** 18, heads: 64, kvHeads: 8, type: 'F16', headerOnly: true }; // 26 GB
  await makeModel({ ...huge, out: join(folder, 'huge.gguf') });
  const page = await openPage(await profile.open(), origin);
  await importModel(page, `${origin.url}/deep.gguf`);
  origin.requests.length = 0;
  const failure = await importModel(page, `${origin.url}/huge.gguf`).then(() => '', String);
  expect(failure).toMatch(/BudgetError: The model needs 26\d{9} more bytes of the browser's storage; \d+ bytes are free \(\d+ of \d+ are used\)\. /);
  expect(failure).toContain('are used). Free disk space, or choose a smaller model');
  expect(origin.sent()).toBeLessThan(MiB);
});

test('a disk that fills up during the import is told, and the import goes on when there is room', async ({ models: folder, origin, profile }) => {
  await makeModel({ ...wide, layers: 2, out: join(folder, 'wide.gguf') });
  const context = await profile.open();
  const page = await openPage(context, origin);
  const cdp = await context.newCDPSession(page);
  await cdp.send('Storage.overrideQuotaForOrigin', { origin: origin.url, quotaSize: 30 * MiB });
  await expect(importModel(page, `${origin.url}/wide.gguf`)).rejects.toThrow(
    /BudgetError: The browser's storage is full: the model needs \d+ bytes, \d+ of them are stored/,
  );
  await cdp.send('Storage.overrideQuotaForOrigin', { origin: origin.url });
  const { id } = await importModel(page, `${origin.url}/wide.gguf`);
  const begun = (await progressOf(page)).find(({ phase }) => phase === 'weights')!;
  expect(begun.loadedBytes).toBeGreaterThan(0);
  expect(await verify(page, id)).toMatchObject({ damaged: [], whole: true });
});

/** Flips a bit in the middle of the largest file of the store. */
const flipBit = (page: Page, id: string): Promise<string> =>
  page.evaluate(async (model) => {
    const folder = await (await (await navigator.storage.getDirectory()).getDirectoryHandle('windrow')).getDirectoryHandle(model);
    let largest: File | undefined;
    for await (const entry of (folder as unknown as { values(): AsyncIterable<FileSystemFileHandle> }).values()) {
      const file = await entry.getFile();
      if (!largest || file.size > largest.size) largest = file;
    }
    const bytes = new Uint8Array(await largest!.arrayBuffer());
    bytes[bytes.length >> 1] ^= 4;
    const writable = await (await folder.getFileHandle(largest!.name)).createWritable();
    await writable.write(bytes);
    await writable.close();
    return largest!.name;
  }, id);

test('a flipped bit stops the load, and only the ranges of that slab are read again', async ({ models: folder, origin, profile }) => {
  const { byteLength } = await makeModel({ ...small, out: join(folder, 'small.gguf') });
  const page = await openPage(await profile.open(), origin);
  const { id } = await importModel(page, `${origin.url}/small.gguf`);
  await flipBit(page, id);
  origin.requests.length = 0;
  const load = () => page.evaluate(async (model) => {
    const engine = await (window as unknown as LibraryWindow).createEngine({ model: { stored: model }, context: 64 });
    await engine.unload();
  }, id);
  await expect(load()).rejects.toThrow(
    /InvalidFileError: Part \d+ of 6 of the stored model Small .* is damaged: its SHA-256 differs.* It has been mended from its source: load the model again/,
  );
  expect(origin.sent()).toBeLessThan(byteLength / 2);
  await load();

  await flipBit(page, id);
  expect(await verify(page, id)).toMatchObject({ damaged: [expect.any(Number)], whole: true });
  expect(await verify(page, id)).toMatchObject({ damaged: [] });

  await flipBit(page, id);
  origin.behave.offline = true;
  await expect(load()).rejects.toThrow(/is damaged.*could not be mended from its source.*load the model's file/);
});

test('a model from a file names the file when it is damaged, and is mended by it', { tag: '@repeats' }, async ({ models: folder, origin, profile }) => {
  const path = join(folder, 'small.gguf');
  await makeModel({ ...small, out: path });
  const page = await openPage(await profile.open(), origin);
  await page.setContent('<input type="file" multiple>');
  await page.setInputFiles('input', path);
  const importFile = () => page.evaluate(() => {
    const file = document.querySelector('input')!.files![0];
    return (window as unknown as LibraryWindow).library.importModel({ model: file }).done;
  });
  const { id } = await importFile();
  await flipBit(page, id);
  const load = (stored: boolean) => page.evaluate(async ([model, fromStore]) => {
    const source = fromStore ? { stored: model } : document.querySelector('input')!.files![0];
    await (await (window as unknown as LibraryWindow).createEngine({ model: source, context: 64 })).unload();
  }, [id, stored] as const);
  await expect(load(true)).rejects.toThrow(/is damaged.*load that file again to mend this part alone/);
  await expect(load(false)).rejects.toThrow(/is damaged.*has been mended/);
  await load(true);
});

test('a second visit needs no network', async ({ models: folder, origin, profile }) => {
  await makeModel({ ...small, out: join(folder, 'small.gguf') });
  let page = await openPage(await profile.open(), origin);
  await importModel(page, `${origin.url}/small.gguf`);
  await profile.kill();
  origin.behave.offline = true;
  page = await openPage(await profile.open(), origin);
  const text = await page.evaluate(async (url) => {
    const engine = await (window as unknown as LibraryWindow).createEngine({ model: url, context: 64 });
    const { choices } = await engine.chat.completions.create({ messages: [{ role: 'user', content: 'Hi' }], max_tokens: 4 });
    await engine.unload();
    return choices[0].message.content;
  }, `${origin.url}/small.gguf`);
  expect(text!.length).toBeGreaterThan(0);
});
