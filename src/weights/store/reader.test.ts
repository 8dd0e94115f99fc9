// Reading what is stored: what is damaged is found at its first read, never given to anyone, and mended from the source.
import { beforeEach, describe, expect, it } from 'vitest';
import { fixture } from '../../../test/models/fixture.ts';
import { sectionsOf, specsOf } from '../../model/sections.ts';
import { BudgetError, InvalidFileError } from '../../errors.ts';
import { openFiles } from '../../gguf/files.ts';
import { type ByteSource } from '../../gguf/source.ts';
import { buildGraph } from '../../model/build.ts';
import { importModel, type ImportableModel } from '../import/import-job.ts';
import { layoutOf } from '../layout.ts';
import { memoryStore, type MemoryStore } from '../../../test/doubles/memory-store.ts';
import { checkQuota } from '../import/quota.ts';
import { findDamaged } from './damaged.ts';
import { mendFrom, sourceReader, storedReader } from './reader.ts';
import { bytesSource } from '../source/source.ts';
import { type Manifest } from './store.ts';

const bytes = fixture('tiny/tiny-llama-k.gguf');
let model: ImportableModel;
let store: MemoryStore;
let manifest: Manifest;
beforeEach(async () => {
  const files = await openFiles([bytesSource(bytes, 'model.gguf')]);
  const graph = buildGraph(files.header);
  model = { ...files, layout: layoutOf(files.header, specsOf(sectionsOf(graph)), 96 * 1024), hostTensors: graph.hostTensors };
  store = memoryStore();
  manifest = await importModel(model, store, { id: 'm', name: 'Model', urls: [] });
});
const flip = (slab: number) => {
  store.bytesOf('m', slab)![1000] ^= 1;
};
const mender = (source: ByteSource = model.source) => mendFrom(store, manifest, source, model.header, model.layout);

describe('a stored model', () => {
  it('is read by slabs and by ranges as its source is', async () => {
    const stored = storedReader(store, manifest);
    const direct = sourceReader(model.source, model.header, model.layout);
    for (const [i, { byteLength }] of model.layout.slabs.entries()) {
      const whole = await direct.readSlab(i);
      const middle = Math.floor(byteLength / 512) * 256;
      expect(Buffer.compare(await stored.readRange(i, middle, 256), whole.subarray(middle, middle + 256))).toBe(0); // before the slab is checked
      expect(Buffer.compare(await stored.readSlab(i), whole)).toBe(0);
      expect(Buffer.compare(await stored.readRange(i, 0, 512), whole.subarray(0, 512))).toBe(0);
    }
  });

  it('with a flipped bit is an error at the first read of that slab, by range too', async () => {
    flip(3);
    const reader = storedReader(store, manifest);
    await reader.readSlab(2);
    await expect(reader.readRange(3, 0, 256)).rejects.toThrow(InvalidFileError); // the bit lies elsewhere in the slab
    await expect(reader.readSlab(3)).rejects.toThrow(
      /Part 4 of \d+ of the stored model Model \(m\) is damaged: its SHA-256 differs.*load that file again to mend this part alone/,
    );
  });

  it('is mended by the read that finds the damage, reading only the ranges of that slab', async () => {
    flip(3);
    let received = 0;
    const counted: ByteSource = {
      ...model.source,
      async read(offset, length, signal) {
        received += length;
        return model.source.read(offset, length, signal);
      },
    };
    const reader = storedReader(store, manifest, mender(counted));
    await expect(reader.readSlab(3)).rejects.toThrow(/has been mended from its source: load the model again/);
    expect(received).toBeLessThan(2 * 96 * 1024);
    expect((await reader.readSlab(3)).byteLength).toBe(manifest.slabBytes[3]);
    expect(await findDamaged(store, manifest)).toEqual([]);
  });

  it('is not mended from another file', async () => {
    flip(3);
    const other = bytes.slice();
    for (let at = model.header.headerBytes + 100; at < other.length; at += 50) other[at] ^= 8;
    const reader = storedReader(store, manifest, mender(bytesSource(other, 'other.gguf')));
    await expect(reader.readSlab(3)).rejects.toThrow(/could not be mended from its source: other.gguf is not the file that was stored: part 4 has the SHA-256/);
    expect(await findDamaged(store, manifest)).toEqual([3]);
  });

  it('is searched for damage as a whole, cut and missing slabs too', async () => {
    flip(0);
    await store.putSlab('m', 5, store.bytesOf('m', 5)!.slice(0, 100), { hash: '', layoutVersion: 1 });
    const seen: number[] = [];
    expect(await findDamaged(store, manifest, (done) => seen.push(done))).toEqual([0, 5]);
    expect(seen.at(-1)).toBe(model.layout.byteLength);
    await store.removeSlabs('m');
    expect(await findDamaged(store, manifest)).toHaveLength(model.layout.slabs.length);
    await mender()(await findDamaged(store, manifest));
    expect(await findDamaged(store, manifest)).toEqual([]);
  });
});

describe('room for a model', () => {
  const used = (id: string, lastUsed: number, size: number): Manifest => ({ ...manifest, id, name: `Model ${id}`, lastUsed, slabBytes: [size] });
  const estimate = (quota: number, usage: number) => async () => ({ quota, usage });

  it('that is missing is told with both numbers and what could go', async () => {
    await store.putManifest(used('old', 1, 10 ** 9));
    const check = checkQuota({ store, estimate: estimate(10 ** 8, 9 * 10 ** 7) }, 'new', model.layout);
    await expect(check).rejects.toThrow(BudgetError);
    await expect(check).rejects.toThrow(
      /needs \d+ more bytes of the browser's storage; 10000000 bytes are free \(90000000 of 100000000 are used\)\. Deleting Model old \(1000000000 bytes\)/,
    );
  });

  it('is not asked for what is stored already, and not where nobody knows', async () => {
    const free = 32 * 2 ** 20 + 1000;
    await expect(checkQuota({ store, estimate: estimate(free, 0) }, 'new', model.layout)).rejects.toThrow(BudgetError);
    await checkQuota({ store, estimate: estimate(free, 0) }, 'm', model.layout);
    await checkQuota({ store, estimate: async () => ({}) }, 'new', model.layout);
    await checkQuota({ store }, 'new', model.layout);
  });
});
