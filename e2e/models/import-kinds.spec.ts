// What else can be imported, in Chromium with a profile on disk: split models, names on a hub, encrypted models; and what
// the stored model is to the engine afterwards.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, type Page } from '@playwright/test';
import { makeModel } from '../../scripts/fixtures/make-model.mjs';
import { importModel, type LibraryWindow, openPage, test } from '../support/library.ts';

const small = { layers: 4, dim: 256, ff: 768, heads: 4, kvHeads: 2, vocab: 512, type: 'Q4_0', name: 'Small' };
const sha256Of = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

type Source = string | { stored: string } | { repo: string };
/** Loads a model, lets it say four tokens, and gives them with the engine's statistics. */
const answer = (page: Page, model: Source, encryption?: { passphrase: string }, budget?: number) =>
  page.evaluate(async ([source, encrypted, bytes]) => {
    const engine = await (window as unknown as LibraryWindow).createEngine({ model: source, context: 64, f32: true, encryption: encrypted, budget: bytes });
    const { choices } = await engine.chat.completions.create({ messages: [{ role: 'user', content: 'Hi' }], max_tokens: 4 });
    const { keptBytes, streamedBytes } = await engine.stats();
    await engine.unload();
    return { text: choices[0].message.content, keptBytes, streamedBytes };
  }, [model, encryption, budget] as const);
const verify = (page: Page, id: string, encryption?: { passphrase: string }) =>
  page.evaluate(([model, settings]) => (window as unknown as LibraryWindow).library.verify(model, settings), [id, encryption && { encryption }] as const);

test('a split model is imported as one from the address of any part, and from its files', async ({ models: folder, origin, profile }) => {
  const { paths } = await makeModel({ ...small, parts: 3, out: join(folder, 'split.gguf') });
  const page = await openPage(await profile.open(), origin);
  const sha256 = paths.map(sha256Of);
  const { id, ...about } = await importModel(page, `${origin.url}/${basename(paths[1])}?download=true`, { sha256 });
  expect(about).toMatchObject({ complete: true, sha256 });
  expect(await verify(page, id)).toMatchObject({ damaged: [], parts: 6 });
  const { text } = await answer(page, { stored: id });
  await page.evaluate((model) => (window as unknown as LibraryWindow).library.remove(model), id);

  await page.setContent('<input type="file" multiple>');
  await page.setInputFiles('input', [paths[2], paths[0], paths[1]]);
  const fromFiles = await page.evaluate(
    () => (window as unknown as LibraryWindow).library.importModel({ model: [...document.querySelector('input')!.files!] }).done,
  );
  expect(fromFiles).toMatchObject({ complete: true, sha256: undefined });
  expect(fromFiles.id).not.toBe(id); // which its hashes made: nobody told them now
  expect((await answer(page, { stored: fromFiles.id })).text).toBe(text);

  await page.setInputFiles('input', [paths[2], paths[0]]);
  await expect(
    page.evaluate(() => (window as unknown as LibraryWindow).library.importModel({ model: [...document.querySelector('input')!.files!] }).done),
  ).rejects.toThrow(/parts 1 of 3, 3 of 3. Give all parts/);
  await page.setInputFiles('input', [paths[0]]);
  await expect(
    page.evaluate(() => (window as unknown as LibraryWindow).library.importModel({ model: document.querySelector('input')!.files![0] }).done),
  ).rejects.toThrow(/part 1 of 3 of a split model/);
});

test('a name on a hub is found, checked by the hash that the hub tells, and needs no network again', async ({ models: folder, origin, profile }) => {
  const { paths: [path], byteLength } = await makeModel({ ...small, out: join(folder, 'Small.Q4_0.gguf') });
  const listing = (oid: string) => ({
    '/api/models/owner/small/tree/main?recursive=true': { body: [{ type: 'file', path: 'Small.Q4_0.gguf', size: byteLength, lfs: { oid, size: byteLength } }] },
    '/api/models/owner/gone/tree/main?recursive=true': { status: 404, body: {} },
  });
  origin.behave = { hub: listing('0'.repeat(64)), redirect: true, token: 'hf_secret' };
  const page = await openPage(await profile.open(), origin);
  const repo = 'owner/small:Q4_0';
  await expect(importModel(page, repo, { hub: origin.url })).rejects.toThrow(/may not be read \(401\). It is private or gated/);
  await expect(importModel(page, { repo: 'owner/gone', token: 'hf_secret' }, { hub: origin.url })).rejects.toThrow(/has no model owner\/gone \(404\)/);
  await expect(importModel(page, { repo, token: 'hf_secret' }, { hub: origin.url })).rejects.toThrow(/has the SHA-256 .*; needed is 0000/);
  origin.behave.hub = listing(sha256Of(path));
  const { id, urls } = await importModel(page, { repo, token: 'hf_secret' }, { hub: origin.url });
  expect(urls).toEqual([repo, `${origin.url}/owner/small/resolve/main/Small.Q4_0.gguf`]);
  expect(await verify(page, id)).toMatchObject({ damaged: [], whole: true });

  origin.behave = { offline: true };
  expect((await answer(page, { repo })).text!.length).toBeGreaterThan(0);
  // Nowhere in what is stored: neither the token nor a trace of it.
  const stored = await page.evaluate(async () => {
    const databases = await indexedDB.databases();
    return JSON.stringify(await Promise.all(databases.map(({ name }) => new Promise((resolve) => {
      const request = indexedDB.open(name!);
      request.onsuccess = () => {
        const stores = [...request.result.objectStoreNames];
        const all = request.result.transaction(stores).objectStore(stores[0]).getAll();
        all.onsuccess = () =>
          resolve(
            all.result.map((value: unknown) =>
              JSON.stringify(value, (_, inner: unknown) => (inner instanceof Uint8Array ? new TextDecoder('latin1').decode(inner) : inner)),
            ),
          );
      };
    }))));
  });
  expect(stored).toContain(repo);
  expect(stored).not.toContain('hf_secret');
});

test('an encrypted model is unreadable on the disk, and answers as the plain one', { tag: '@repeats' }, async ({ models: folder, origin, profile }) => {
  await makeModel({ ...small, out: join(folder, 'small.gguf') });
  const url = `${origin.url}/small.gguf`;
  const page = await openPage(await profile.open(), origin);
  const remove = (id: string) => page.evaluate((model) => (window as unknown as LibraryWindow).library.remove(model), id);
  /** Some bytes of the largest stored file, in hexadecimal. */
  const storedBytes = (id: string) => page.evaluate(async (model) => {
    const directory = await (await (await navigator.storage.getDirectory()).getDirectoryHandle('windrow')).getDirectoryHandle(model);
    let largest: File | undefined;
    for await (const entry of (directory as unknown as { values(): AsyncIterable<FileSystemFileHandle> }).values()) {
      const file = await entry.getFile();
      if (!largest || file.size > largest.size) largest = file;
    }
    return { size: largest!.size, bytes: Array.from(new Uint8Array(await largest!.slice(40_000, 40_032).arrayBuffer())).join() };
  }, id);

  const plain = await importModel(page, url);
  const { text } = await answer(page, { stored: plain.id });
  const inClear = await storedBytes(plain.id);
  await expect(answer(page, { stored: plain.id }, { passphrase: 'open' })).rejects.toThrow(/is stored in clear. Delete it first/);
  await remove(plain.id);

  const { id } = await importModel(page, url, { encryption: { passphrase: 'open' } });
  expect(await storedBytes(id)).not.toEqual(inClear);
  expect((await storedBytes(id)).size).toBeGreaterThan(inClear.size);
  const whole = await answer(page, { stored: id }, { passphrase: 'open' });
  expect(whole.text).toBe(text);
  // Decrypted on its way to the GPU, token by token.
  const streamed = await answer(page, { stored: id }, { passphrase: 'open' }, Math.ceil(0.65 * whole.keptBytes));
  expect(streamed.text).toBe(text);
  expect(streamed.streamedBytes).toBeGreaterThan(whole.keptBytes / 2);
  await expect(answer(page, { stored: id })).rejects.toThrow(/is stored encrypted. Give its key or its passphrase/);
  await expect(answer(page, url, { passphrase: 'shut' })).rejects.toThrow(/passphrase is not the one/);
  expect(await verify(page, id, { passphrase: 'open' })).toMatchObject({ damaged: [], whole: true });
});

test('what a read of the store costs is measured at the first load and told', { tag: '@repeats' }, async ({ models: folder, origin, profile }) => {
  await makeModel({ ...small, layers: 3, dim: 512, ff: 2048, type: 'Q8_0', out: join(folder, 'wide.gguf') }); // layers of 4 MB: reads of less tell nothing
  const page = await openPage(await profile.open(), origin);
  const { id } = await importModel(page, `${origin.url}/wide.gguf`);
  const load = () => page.evaluate(async (model) => {
    const engine = await (window as unknown as LibraryWindow).createEngine({ model: { stored: model }, context: 64, f32: true });
    const { storeCost } = await engine.stats();
    await engine.unload();
    return storeCost;
  }, id);
  const storeCost = await load();
  console.log(
    `a read of the store costs ${(storeCost!.secondsPerRead * 1000).toFixed(2)} ms and its bytes ${Math.round(1e-6 / storeCost!.secondsPerByte)} MB/s`,
  );
  expect(storeCost!.secondsPerRead).toBeGreaterThanOrEqual(0);
  expect(storeCost!.secondsPerByte).toBeGreaterThan(0);
  expect(await load()).toEqual(storeCost); // kept
});

test('a model that a tab has loaded is not deleted by another, and is when it is unloaded', async ({ models: folder, origin, profile }) => {
  await makeModel({ ...small, out: join(folder, 'small.gguf') });
  const context = await profile.open();
  const [page, other] = [await openPage(context, origin), await openPage(context, origin)];
  const { id } = await importModel(page, `${origin.url}/small.gguf`);
  const remove = () => other.evaluate((model) => (window as unknown as LibraryWindow).library.remove(model), id);
  await page.evaluate(async (model) => {
    const { createEngine } = window as unknown as LibraryWindow;
    Object.assign(window, { engine: await createEngine({ model: { stored: model }, context: 64, f32: true }) });
  }, id);
  await expect(remove()).rejects.toThrow(/RequestError: The model is in use, perhaps by another tab/);
  expect(await verify(other, id)).toMatchObject({ damaged: [], whole: true }); // reading is shared
  await page.evaluate(() => (window as unknown as { engine: { unload(): Promise<void> } }).engine.unload());
  await remove();
  expect(await page.evaluate(() => (window as unknown as LibraryWindow).library.models())).toEqual([]);
  const left = await page.evaluate(async () => {
    const names: string[] = [];
    for await (const name of (
      (await (await navigator.storage.getDirectory()).getDirectoryHandle('windrow')) as unknown as { keys(): AsyncIterable<string> }
    ).keys())
      names.push(name);
    return names;
  });
  expect(left).toEqual(['probe']);
});
