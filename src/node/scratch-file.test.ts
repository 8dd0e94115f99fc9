import { readdir } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { openScratchFile } from './scratch-file.ts';
import { temporaryFolder } from '../../test/folder.ts';

it('bytes are had back from where they were put, fewer where the file ends, and nothing is left of it', async () => {
  const folder = temporaryFolder('scratch');
  const file = await openScratchFile(folder);
  await file.write(5, Uint8Array.of(1, 2, 3));
  await file.write(2, Uint8Array.of(9, 8));
  expect([...(await file.read(2, 6))]).toEqual([9, 8, 0, 1, 2, 3]);
  expect([...(await file.read(7, 4))]).toEqual([3]);
  await file.remove();
  await expect(file.read(0, 1)).rejects.toThrow();
  expect(await readdir(folder)).toEqual([]);
});
