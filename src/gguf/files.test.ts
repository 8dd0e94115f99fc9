import { readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeModel } from '../../scripts/fixtures/make-model.mjs';
import { bytesSource } from '../weights/source/source.ts';
import { openFileSource } from '../weights/source/file-source.ts';
import { openFiles, openWithParts, partNames } from './files.ts';
import { type ByteSource } from './source.ts';
import { temporaryFolder } from '../../test/folder.ts';

const shape = { layers: 3, dim: 64, ff: 192, heads: 2, kvHeads: 1, vocab: 400, type: 'Q8_0' };
let parts: ByteSource[];
let whole: ByteSource;
let stranger: ByteSource;
beforeAll(async () => {
  const folder = temporaryFolder('parts');
  const open = (path: string) => bytesSource(readFileSync(path), basename(path));
  parts = (await makeModel({ ...shape, parts: 3, out: join(folder, 'model.gguf') })).paths.map(open);
  [whole] = (await makeModel({ ...shape, out: join(folder, 'whole.gguf') })).paths.map(open);
  stranger = open((await makeModel({ ...shape, layers: 4, parts: 3, out: join(folder, 'other.gguf') })).paths[1]);
});

describe('the names of parts', () => {
  it.each([
    ['model-00002-of-00003.gguf', ['model-00001-of-00003.gguf', 'model-00002-of-00003.gguf', 'model-00003-of-00003.gguf']],
    ['https://hub/a-00001-of-00002.gguf', ['https://hub/a-00001-of-00002.gguf', 'https://hub/a-00002-of-00002.gguf']],
    ['model.gguf', undefined],
    ['model-00001-of-00001.gguf', undefined],
    ['model-1-of-2.gguf', undefined],
  ])('of %s', (name, names) => expect(partNames(name)).toEqual(names));
});

describe('a part on disk', () => {
  it('brings the others that lie beside it, whichever it is, and is alone where one is missing', async () => {
    const { paths } = await makeModel({ ...shape, parts: 3, out: join(temporaryFolder('parts'), 'model.gguf') });
    for (const path of paths) {
      const source = await openFileSource(path);
      const { header, files } = await openWithParts(source);
      expect([files.map((file) => file.source.name), header.metadata.has('general.architecture')]).toEqual([paths.map((each) => basename(each)), true]);
      await source.close();
      await expect(source.parts![0].read(0, 4)).rejects.toThrow(); // all are closed
    }
    rmSync(paths[0]);
    const alone = await openFileSource(paths[1]);
    expect(alone.parts).toBeUndefined();
    await alone.close();
  });
});

describe('a split model', () => {
  it('has the header of the whole one but for places in the file', async () => {
    const { header } = await openFiles([parts[2], parts[0], parts[1]]);
    const { header: expected } = await openFiles([whole]);
    const shapes = (of: typeof header) => [...of.tensors.values()].map(({ name, type, shape: sizes, byteLength }) => ({ name, type, sizes, byteLength }));
    expect(shapes(header)).toEqual(shapes(expected));
    expect([...header.metadata.keys()]).toEqual([...expected.metadata.keys()]);
  });

  it('gives the bytes of every tensor, over the ends of parts too', async () => {
    const { header, source, files } = await openFiles(parts);
    for (const tensor of header.tensors.values()) {
      const part = files.findLast(({ start }) => start <= tensor.offset)!;
      const direct = await part.source.read(tensor.offset - part.start, tensor.byteLength);
      expect(Buffer.compare(await source.read(tensor.offset, tensor.byteLength), direct), tensor.name).toBe(0);
    }
    const across = await source.read(files[1].start - 100, 200);
    expect(Buffer.compare(across.subarray(0, 100), await parts[0].read(files[0].byteLength - 100, 100))).toBe(0);
    expect(Buffer.compare(across.subarray(100), await parts[1].read(0, 100))).toBe(0);
  });

  it('keeps the header of each part', async () => {
    const { files } = await openFiles(parts);
    for (const [i, { header }] of files.entries()) {
      expect(Buffer.compare(header, await parts[i].read(0, header.length))).toBe(0);
    }
  });

  it.each([
    ['without its last part', () => [parts[0], parts[1]], /the parts 1 of 3, 2 of 3. Give all parts/],
    ['with a part twice', () => [parts[0], parts[1], parts[1]], /the parts 1 of 3, 2 of 3, 2 of 3/],
    ['with a file that is no part', () => [parts[0], parts[1], whole], /Give all parts of one model/],
    ['with a part of another model', () => [parts[0], stranger, parts[2]], /parts of different models/],
  ])('is refused %s', async (_, sources, message) => {
    await expect(openFiles(sources())).rejects.toThrow(message);
  });
});
