// States in files that are larger than Node reads at once, or cannot be read.
import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { packParts } from '../../kv/saved/snapshot.ts';
import { temporaryFolder } from '../../../test/folder.ts';
import { openKeptFiles } from './in-files.ts';
import { type Kept } from './kept.ts';

vi.mock(import('node:fs/promises'), async (original) => {
  const tooLarge = () => Promise.reject(Object.assign(new RangeError('File size (2200000000) is greater than 2 GiB'), { code: 'ERR_FS_FILE_TOO_LARGE' }));
  return { ...(await original()), readFile: tooLarge as never };
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
