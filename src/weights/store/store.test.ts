// What storage holds whenever a tab is killed: imports, mending and deletion are killed at every single write, on the real
// store over records and files in memory. What browsers do with their files is in e2e/models/storage.spec.ts.
import { describe, expect, it } from 'vitest';
import { fixture } from '../../../test/models/fixture.ts';
import { memoryBacking, memoryDisk, type MemoryDisk, memoryStore } from '../../../test/doubles/memory-store.ts';
import { sectionsOf, specsOf } from '../../model/sections.ts';
import { openFiles } from '../../gguf/files.ts';
import { buildGraph } from '../../model/build.ts';
import { importModel, type ImportableModel } from '../import/import-job.ts';
import { layoutOf } from '../layout.ts';
import { bytesSource } from '../source/source.ts';
import { findDamaged } from './damaged.ts';
import { mendFrom } from './reader.ts';
import { createStore, type Manifest, type Store, type StoredSlab } from './store.ts';
import { sweepStore } from './sweep.ts';

const model = await (async (): Promise<ImportableModel> => {
  const files = await openFiles([bytesSource(fixture('tiny/tiny-llama-k.gguf'), 'model.gguf')]);
  const graph = buildGraph(files.header);
  return { ...files, layout: layoutOf(files.header, specsOf(sectionsOf(graph)), 256 * 1024), hostTensors: graph.hostTensors };
})();
const importAs = (store: Store, id: string) => importModel(model, store, { id, name: id, urls: [] });

const killed = new Error('the tab was killed');

/** Does `work` on `disk` and ends it before its write number `kill`; true if it came to its end before. */
async function until(kill: number, disk: MemoryDisk, work: (store: Store) => Promise<unknown>): Promise<boolean> {
  let writes = 0;
  const store = createStore(memoryBacking(disk, () => {
    if (writes === kill) throw killed; // and so does every later one: no clean-up runs in a tab that is gone
    writes++;
  }));
  try {
    await work(store);
    return true;
  } catch (error) {
    expect((error as { cause?: unknown }).cause ?? error).toBe(killed);
    return false;
  }
}

/** Ids and names of everything that a manifest, or a record of a model with a manifest, does not lead to. */
function orphansOf({ manifests, slabs, files }: MemoryDisk): string[] {
  const records = [...slabs.keys()].filter((key) => !manifests.has(key.split('/')[1]));
  const named = new Set([...slabs].map(([key, record]) => `${key.split('/')[1]}/${(record as StoredSlab).file}`));
  const folders = [...files].flatMap(([id, folder]) =>
    manifests.has(id) ? [...folder.keys()].map((name) => `${id}/${name}`).filter((path) => !named.has(path)) : [id],
  );
  return [...records, ...folders];
}

const copyOf = (disk: MemoryDisk): MemoryDisk => structuredClone(disk);

/** Kills `work` at each of its writes in turn, starts anew each time, and gives how many writes it has. */
async function killEverywhere(
  begin: MemoryDisk,
  work: (store: Store) => Promise<unknown>,
  check: (disk: MemoryDisk, store: Store) => Promise<void>,
): Promise<number> {
  let orphaned = 0;
  for (let kill = 0; ; kill++) {
    const disk = copyOf(begin);
    const ended = await until(kill, disk, work);
    orphaned += orphansOf(disk).length;
    const next = createStore(memoryBacking(disk));
    await sweepStore(next, undefined);
    expect(orphansOf(disk), `killed at write ${kill}`).toEqual([]);
    await check(disk, next);
    if (!ended) continue;
    expect(orphaned).toBeGreaterThan(0); // else nothing was there to sweep, and nothing is shown
    return kill;
  }
}

const expectWhole = async (store: Store, id: string) => expect(await findDamaged(store, (await store.manifest(id))!)).toEqual([]);

describe('after a kill at any write, the next start finds nothing orphaned and nothing lost', () => {
  it('of an import beside another model', async () => {
    const begin = memoryDisk();
    await importAs(createStore(memoryBacking(begin)), 'good');
    const writes = await killEverywhere(begin, (store) => importAs(store, 'new'), async (disk, store) => {
      await expectWhole(store, 'good');
      const before = [...(disk.files.get('new')?.keys() ?? [])];
      await importAs(store, 'new'); // what was stored of it serves
      await expectWhole(store, 'new');
      expect([...disk.files.get('new')!.keys()]).toEqual(expect.arrayContaining(before));
    });
    expect(writes).toBeGreaterThan(model.layout.slabs.length * 4);
  }, 120_000);

  it('of the deletion of a model beside another', async () => {
    const begin = memoryDisk();
    for (const id of ['good', 'bad']) await importAs(createStore(memoryBacking(begin)), id);
    await killEverywhere(begin, (store) => store.remove('bad'), async (disk, store) => {
      await expectWhole(store, 'good');
      // Before its first write it is there as a whole, afterwards nothing of it is.
      if (disk.manifests.has('bad')) await expectWhole(store, 'bad');
      else expect(disk.files.has('bad')).toBe(false);
    });
  });

  it('of the mending of a slab: it has its old bytes or its new ones', async () => {
    const begin = memoryDisk();
    const manifest = await importAs(createStore(memoryBacking(begin)), 'm');
    const damaged = copyOf(begin);
    memoryStore(damaged).bytesOf('m', 1)![5] ^= 1;
    const mend = (store: Store) => mendFrom(store, manifest, model.source, model.header, model.layout)([1]);
    await killEverywhere(damaged, mend, async (disk, store) => {
      expect([[], [1]]).toContainEqual(await findDamaged(store, manifest));
      expect(disk.files.get('m')!.size).toBe(model.layout.slabs.length);
    });
  });
});

it('a write that fails, unlike one that is killed, leaves no file behind', async () => {
  const disk = memoryDisk();
  const backing = memoryBacking(disk);
  const store = createStore({ ...backing, slabs: { ...backing.slabs, set: async () => Promise.reject(new DOMException('no room', 'QuotaExceededError')) } });
  await expect(store.putSlab('m', 0, new Uint8Array(100), { hash: '', layoutVersion: 1 })).rejects.toThrow('no room');
  expect(disk.files.get('m')!.size).toBe(0);
});

it('a sweep leaves alone what another tab imports or reads, which looks orphaned between two of its writes', async () => {
  const disk = memoryDisk();
  const store = createStore(memoryBacking(disk));
  await store.putSlab('m', 0, new Uint8Array(100), { hash: '', layoutVersion: 1 });
  const held = {
    request: (_name: string, _options: object, work: (lock: null) => unknown) => Promise.resolve().then(() => work(null)),
  } as unknown as LockManager;
  await sweepStore(store, held);
  expect(orphansOf(disk)).not.toEqual([]);
  await sweepStore(store, undefined);
  expect(orphansOf(disk)).toEqual([]);
});

it('of two that change a manifest neither loses what the other wrote, and one that was deleted stays so', async () => {
  const store = createStore(memoryBacking(memoryDisk()));
  const manifest = await importAs(store, 'm');
  const add = (url: string) => store.changeManifest('m', (now: Manifest) => ({ ...now, urls: [...now.urls, url] }));
  await Promise.all(['a', 'b', 'c', 'd'].map(add));
  await store.changeManifest('m', (now) => ({ ...now, lastUsed: 5 }));
  expect(await store.manifest('m')).toEqual({ ...manifest, urls: ['a', 'b', 'c', 'd'], lastUsed: 5 });
  await store.remove('m');
  expect(await add('e')).toBeUndefined();
  expect(await store.manifests()).toEqual([]);
});
