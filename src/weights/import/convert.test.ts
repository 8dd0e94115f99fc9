// A store that was kept from layout 0 (test/fixtures/store-0, written by code of its own) becomes what an import makes now.
import { beforeEach, describe, expect, it } from 'vitest';
import { fixture, jsonFixture } from '../../../test/models/fixture.ts';
import { openModel, readAs } from '../../engine/load/opened.ts';
import { openFiles } from '../../gguf/files.ts';
import { convertStored } from './convert.ts';
import { isConvertible } from './convertible.ts';
import { importModel } from './import-job.ts';
import { importSlab } from './pieces.ts';
import { layoutVersion } from '../layout.ts';
import { memoryStore, type MemoryStore } from '../../../test/doubles/memory-store.ts';
import { findDamaged } from '../store/damaged.ts';
import { bytesSource } from '../source/source.ts';
import { type Manifest } from '../store/store.ts';

const source = bytesSource(fixture('store-0/kept.gguf'), 'kept.gguf');
const { header } = await openFiles([source]);
const { layout } = await openModel(header);
const old = { ...jsonFixture<Manifest>('store-0/manifest.json'), hostTensors: {} };
let store: MemoryStore;
beforeEach(async () => {
  store = memoryStore();
  const slabs = fixture('store-0/slabs.bin');
  let at = 0;
  for (const [i, byteLength] of old.slabBytes.entries()) {
    await store.putSlab(old.id, i, slabs.slice(at, at + byteLength), { hash: old.slabHashes[i], layoutVersion: 0 });
    at += byteLength;
  }
  await store.putManifest(old);
});

async function expectPresent(): Promise<void> {
  const manifest = (await store.manifest(old.id))!;
  expect(manifest).toMatchObject({ layoutVersion, complete: true, name: 'Kept', urls: old.urls });
  expect(await findDamaged(store, manifest)).toEqual([]);
  for (const [i, slab] of layout.slabs.entries()) {
    expect(Buffer.compare(store.bytesOf(old.id, i)!, await importSlab(source, header, layout, slab)), `slab ${i}`).toBe(0);
  }
}

describe('a store of layout 0', () => {
  it('is sound, and another than the present one', async () => {
    expect(await findDamaged(store, old)).toEqual([]);
    expect(Buffer.compare(store.bytesOf(old.id, 1)!, await importSlab(source, header, layout, layout.slabs[1]))).not.toBe(0);
  });

  it('is converted in place', async () => {
    await convertStored(store, old, layout);
    await expectPresent();
  });

  it('is converted once, also when the first time was interrupted', async () => {
    store.onPut = (slab) => {
      if (slab === 1) throw new Error('killed');
    };
    await expect(convertStored(store, old, layout)).rejects.toThrow('killed');
    const written: number[] = [];
    store.onPut = (slab) => void written.push(slab);
    await convertStored(store, (await store.manifest(old.id))!, layout);
    expect(written).not.toContain(0);
    await expectPresent();
    written.length = 0;
    await convertStored(store, (await store.manifest(old.id))!, layout);
    expect(written).toEqual([]);
  });

  it('is not converted where it is damaged', async () => {
    store.bytesOf(old.id, 0)![77] ^= 1;
    await expect(convertStored(store, old, layout)).rejects.toThrow(/Part 1 of the stored model Kept is damaged/);
  });
});

it('a store of a newer layout, or one cut otherwise, is left alone', async () => {
  expect([isConvertible(0), isConvertible(layoutVersion), isConvertible(layoutVersion + 1)]).toEqual([true, true, false]);
  await expect(convertStored(store, { ...old, layoutVersion: layoutVersion + 1 }, layout)).rejects.toThrow(/cannot be brought to layout/);
  await expect(convertStored(store, { ...old, slabBytes: old.slabBytes.slice(1) }, layout)).rejects.toThrow(/cannot be brought to layout/);
  await expect(convertStored(store, { ...old, layoutVersion, slabBytes: old.slabBytes.slice(1) }, layout)).rejects.toThrow(/lies in other parts/);
});

it('a model that was stored by rows, before there were columns, is read by rows where it is stored, and told apart where columns are read', async () => {
  const file = bytesSource(fixture('sparse/stories-arcee.q8_0.gguf'), 'arcee.gguf');
  const files = await openFiles([file]);
  const [byRows, byColumns] = await Promise.all([{ byRows: true }, {}].map((how) => openModel(files.header, how)));
  const about = { name: 'Stories', urls: [], fingerprint: 'arcee' };
  const manifest = await importModel({ ...files, layout: byRows.layout, hostTensors: [] }, store, { ...about, id: 'arcee' });
  const opened = await openModel(files.header, readAs(manifest));
  expect(await convertStored(store, manifest, opened.layout)).toBe(manifest);
  for (const [i, slab] of opened.layout.slabs.entries())
    expect(Buffer.compare(store.bytesOf('arcee', i)!, await importSlab(file, files.header, byRows.layout, slab)), `slab ${i}`).toBe(0);
  await expect(convertStored(store, manifest, byColumns.layout)).rejects.toThrow(/Stories is from a windrow that stored all matrices by rows/);
  const now = await importModel({ ...files, layout: byColumns.layout, hostTensors: [] }, store, { ...about, id: 'new' });
  expect((await openModel(files.header, readAs(now))).layout).toEqual(byColumns.layout);
});
