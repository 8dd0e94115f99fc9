// States in files that are larger than Node reads at once, or cannot be read.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { headStart, packParts } from '../../kv/saved/snapshot.ts';
import { temporaryFolder } from '../../../test/folder.ts';
import { openKeptFiles } from './in-files.ts';
import { type Kept, readKept } from './kept.ts';

/** Bytes that were made ready for what is read. */
const taken = vi.hoisted((): number[] => []);

vi.mock(import('node:fs/promises'), async (original) => {
  const tooLarge = () => Promise.reject(Object.assign(new RangeError('File size (2200000000) is greater than 2 GiB'), { code: 'ERR_FS_FILE_TOO_LARGE' }));
  const { open, ...others } = await original();
  const noted = async (...of: Parameters<typeof open>) => {
    const handle = await open(...of);
    const read = handle.read.bind(handle) as (bytes: Uint8Array, ...more: unknown[]) => Promise<never>;
    return Object.assign(handle, { read: (bytes: Uint8Array, ...more: unknown[]) => (taken.push(bytes.buffer.byteLength), read(bytes, ...more)) });
  };
  return { ...others, open: noted as never, readFile: tooLarge as never };
});

const parts = packParts({ of: { model: 'm', format: 'f16', pages: 1 }, tokens: [1, 2], layers: [Uint8Array.of(1, 2, 3), new Uint8Array(0), Uint8Array.of(4)] });
const kept: Kept = {
  name: 'a', model: 'm', modelName: 'M', byteLength: parts.reduce((sum, { byteLength }) => sum + byteLength, 0), tokens: 2, lastUsed: 5, about: '',
};
const fileOf = (folder: string, name: string) => join(folder, `${createHash('sha256').update(Buffer.from(name, 'utf16le')).digest('hex')}.state`);

it('are read part by part, whatever they have together', async () => {
  const store = openKeptFiles(join(temporaryFolder('large'), 'kept'));
  await store.write(kept, parts);
  const read = await store.read('a');
  expect((await read!.parts())!.map((part) => [...part])).toEqual(parts.map((part) => [...part]));
});

it('that cannot be read are not gone, and hide no others', async () => {
  const folder = temporaryFolder('unread');
  const store = openKeptFiles(folder);
  await store.write(kept, parts);
  await store.write({ ...kept, name: 'b' }, parts);
  const before = (await store.read('b'))!;
  writeFileSync(fileOf(folder, 'b'), 'something else');
  await expect(before.parts()).rejects.toThrow('it is damaged');
  expect(await store.read('b')).toBe(undefined);
  rmSync(fileOf(folder, 'b'));
  expect(await before.parts()).toBe(undefined);
  mkdirSync(fileOf(folder, 'b'));
  await expect(store.read('b')).rejects.toMatchObject({ code: 'EISDIR' });
  await expect(before.parts()).rejects.toMatchObject({ code: 'EISDIR' });
  expect((await store.list()).map(({ name }) => name)).toEqual(['a']);
});

it.each([
  ['the header', (size: number) => size - kept.byteLength + headStart - 4, 'it is damaged'],
  ['what is kept', () => 0, 'No conversation is kept'],
])('take no more memory than they have bytes where the length of %s is damaged', async (_, at, told) => {
  const folder = temporaryFolder('claims');
  const store = openKeptFiles(folder);
  await store.write(kept, parts);
  const before = (await store.read('a'))!;
  const file = fileOf(folder, 'a');
  const bytes = readFileSync(file);
  bytes.writeUInt32LE(0xfffffff0, at(bytes.byteLength));
  writeFileSync(file, bytes);
  taken.length = 0;
  await expect(readKept(store, 'a', 6)).rejects.toThrow(told);
  await expect(before.parts()).rejects.toThrow('it is damaged');
  expect(Math.max(...taken)).toBeLessThanOrEqual(bytes.byteLength);
});

it('take no more memory than they have bytes where a header from before there were sums has the length of a part wrong', async () => {
  const folder = temporaryFolder('claims');
  const store = openKeptFiles(folder);
  const json = Buffer.from(JSON.stringify({ of: { model: 'm', format: 'f16', pages: 1 }, tokens: [1, 2], layers: [2 ** 32, 0, 1] }));
  const first = Buffer.concat([parts[0].subarray(0, headStart), json]);
  first.writeUInt32LE(json.length, headStart - 4);
  const own = [first, ...parts.slice(1)];
  await store.write({ ...kept, byteLength: own.reduce((sum, { byteLength }) => sum + byteLength, 0) }, own);
  const read = (await store.read('a'))!;
  taken.length = 0;
  await expect(read.parts()).rejects.toThrow('it is damaged');
  expect(Math.max(...taken)).toBeLessThanOrEqual(statSync(fileOf(folder, 'a')).size);
});
