// What is kept of conversations, in records as in a browser and in files as in Node: the same, but for where it lies.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packParts } from '../../kv/saved/snapshot.ts';
import { memoryRecords } from '../../../test/doubles/memory-store.ts';
import { openKeptFiles } from './in-files.ts';
import { createKeptRecords } from './in-records.ts';
import { type Kept, type KeptStore, keep, listKept, readKept } from './kept.ts';
import { temporaryFolder } from '../../../test/folder.ts';

const parts = (fill: number, bytes = 40) =>
  packParts({ of: { model: 'm', format: 'f16', pages: 1 }, tokens: [1, 2], layers: [new Uint8Array(bytes).fill(fill), new Uint8Array(bytes).fill(fill + 1)] });
const sizeOf = (all: readonly Uint8Array[]) => all.reduce((sum, { byteLength }) => sum + byteLength, 0);
const kept = (name: string, lastUsed: number): Kept =>
  ({ name, model: 'm', modelName: 'M', byteLength: sizeOf(parts(0)), tokens: 2, lastUsed, about: `about ${name}` });

const folder = temporaryFolder('kept');
let folders = 0;
const stores: Record<string, (fail?: () => void) => KeptStore> = {
  records: (fail) => createKeptRecords(memoryRecords(new Map(), fail)),
  files: () => openKeptFiles(join(folder, `${folders++}`)),
};

describe.each(Object.entries(stores))('states in %s', (_, open) => {
  it('come back as they were, under any name, in place of what had it', async () => {
    const store = open();
    expect(await store.list()).toEqual([]);
    for (const name of ['a chat', '../b/c.json', 'é😀']) {
      await keep(store, kept(name, 5), parts(1), Infinity);
      await keep(store, kept(name, 6), parts(7), Infinity);
      const read = await readKept(store, name, 9);
      expect(read.kept.about).toBe(`about ${name}`);
      expect([...read.first]).toEqual([...parts(7)[0]]);
      expect((await read.parts()).map((part) => [...part])).toEqual(parts(7).map((part) => [...part]));
    }
    expect((await listKept(store)).map(({ name, lastUsed }) => [name, lastUsed]).sort()).toEqual([['../b/c.json', 9], ['a chat', 9], ['é😀', 9]]);
    await store.remove('a chat');
    await store.remove('a chat');
    await expect(readKept(store, 'a chat', 9)).rejects.toMatchObject({ code: 'not_found' });
    expect(await store.list()).toHaveLength(2);
  });

  it('go where all have more bytes than they may, the least recently used first', async () => {
    const store = open();
    const each = sizeOf(parts(0));
    for (const [i, name] of ['a', 'b', 'c'].entries()) await keep(store, kept(name, i), parts(i), 3 * each);
    await readKept(store, 'a', 10);
    await keep(store, kept('d', 11), parts(3), 2.5 * each);
    expect((await listKept(store)).map(({ name }) => name)).toEqual(['a', 'd']);
    await expect(keep(store, kept('e', 12), parts(4), each - 1)).rejects.toMatchObject({ name: 'BudgetError', code: 'storage_quota' });
    expect(await store.list()).toHaveLength(2);
  });

  it('go only where they may, and what would need another to go is not kept', async () => {
    const store = open();
    const each = sizeOf(parts(0));
    for (const [i, name] of ['mine', 'document 1', 'document 2'].entries()) await keep(store, kept(name, i), parts(i), Infinity);
    const names = async () => (await listKept(store)).map(({ name }) => name);
    const keepDocument = (name: string, most: number) => keep(store, kept(name, 9), parts(3), most, { mayGo: ({ name }) => name.startsWith('document') });
    await keepDocument('document 3', 2 * each);
    expect(await names()).toEqual(['mine', 'document 3']);
    await expect(keepDocument('document 4', 2 * each - 1)).rejects.toMatchObject({ name: 'BudgetError', code: 'storage_quota' });
    expect(await names()).toEqual(['mine', 'document 3']);
  });

  it('go in any case where another takes their place, and before those that are older', async () => {
    const store = open();
    const each = sizeOf(parts(0));
    for (const [i, name] of ['old', 'first half', 'second half'].entries()) await keep(store, kept(name, i), parts(i), Infinity);
    const takesPlaceOf = ({ name }: { name: string }) => name.endsWith('half');
    await expect(keep(store, kept('whole', 9), parts(3), each - 1, { mayGo: () => false, takesPlaceOf })).rejects.toMatchObject({ code: 'storage_quota' });
    expect(await store.list()).toHaveLength(3);
    await keep(store, kept('whole', 9), parts(3), 2 * each, { takesPlaceOf });
    expect((await listKept(store)).map(({ name }) => name)).toEqual(['old', 'whole']);
    await keep(store, kept('whole', 10), parts(3), Infinity, { takesPlaceOf: ({ name }) => name === 'whole' });
    expect((await listKept(store)).map(({ name }) => name)).toEqual(['old', 'whole']);
  });
});

/** Stores that `fill` lets hold no more. */
const full: Record<string, () => { store: KeptStore; fill(): Uint8Array[] }> = {
  records() {
    let isFull = false;
    const store = stores.records(() => {
      if (isFull) throw new DOMException('no room', 'QuotaExceededError');
    });
    return { store, fill: () => ((isFull = true), parts(7)) };
  },
  // A part that ends as on a full disk.
  files: () => ({ store: stores.files(), fill: () => [...parts(7).slice(0, 2), brokenPart] }),
};
const noRoom = Object.assign(new Error('no room'), { code: 'ENOSPC' });
const brokenPart = new Proxy(new Uint8Array(4), {
  get() {
    throw noRoom;
  },
});

describe.each(Object.entries(full))('a full storage in %s', (_, open) => {
  it.each(['a', 'c'])('is told, and what was kept is still there where %s does not fit', async (name) => {
    const { store, fill } = open();
    const each = sizeOf(parts(0));
    await keep(store, kept('a', 1), parts(1), Infinity);
    await keep(store, kept('b', 2), parts(2), Infinity);
    await expect(keep(store, kept(name, 3), fill(), each)).rejects.toMatchObject({ code: 'storage_full' });
    expect((await listKept(store)).map(({ name, lastUsed }) => [name, lastUsed])).toEqual([['a', 1], ['b', 2]]);
    expect((await (await store.read('a'))!.parts())!.map((part) => [...part])).toEqual(parts(1).map((part) => [...part]));
  });
});

it('records that were replaced leave no parts, nor does what another tab has left', async () => {
  const disk = new Map();
  const store = createKeptRecords(memoryRecords(disk));
  disk.set('part 0 gone', new Uint8Array(4));
  for (const count of [3, 1]) {
    const fewer = packParts({ of: { model: 'm', format: 'f16', pages: 1 }, tokens: [1], layers: Array.from({ length: count }, () => new Uint8Array(8)) });
    await keep(store, { ...kept('a', 1), byteLength: sizeOf(fewer) }, fewer, Infinity);
    expect(disk.size).toBe(1 + fewer.length);
  }
  await store.remove('a');
  expect(disk.size).toBe(0);
});

it('files have names that every system takes and tells apart, whatever the name of the session', async () => {
  const path = join(folder, 'names');
  const store = openKeptFiles(path);
  const names = ['名'.repeat(200), '\ud800', '\ud801', 'chat', 'Chat', 'a*b?', 'CON', ' '];
  for (const [i, name] of names.entries()) await keep(store, kept(name, i), parts(i), Infinity);
  expect((await listKept(store)).map(({ name }) => name)).toEqual(names);
  for (const [i, name] of names.entries()) expect((await (await readKept(store, name, 100)).parts())[1][0]).toBe(i);
  const files = readdirSync(path);
  expect(new Set(files.map((file) => file.toLowerCase())).size).toBe(names.length);
  expect(files.every((file) => /^[0-9a-f]{64}\.state$/.test(file))).toBe(true);
});

it('files that a crash has left are none, or are written over', async () => {
  const path = join(folder, 'crashed');
  const store = openKeptFiles(path);
  await keep(store, kept('a', 1), parts(1), Infinity);
  const [file] = readdirSync(path);
  writeFileSync(join(path, file.replace('.state', '.0.new')), 'half');
  writeFileSync(join(path, 'c.state'), readFileSync(join(path, file)).subarray(0, 60));
  writeFileSync(join(path, 'd.state'), '');
  expect((await store.list()).map(({ name }) => name)).toEqual(['a']);
  await keep(store, kept('a', 2), parts(2), Infinity);
  expect(await (await readKept(store, 'a', 3)).parts()).toHaveLength(3);
  expect(readdirSync(path).sort()).toEqual([file, 'c.state', 'd.state'].sort());
  await store.remove('a');
  expect(await store.list()).toEqual([]);
});
