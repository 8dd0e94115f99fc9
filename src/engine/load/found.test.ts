// Which file a name stands for once models are stored: what is asked for by hash or size holds for stored models too.
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fixture } from '../../../test/models/fixture.ts';
import { memoryDisk, memoryStore, type MemoryStore } from '../../../test/doubles/memory-store.ts';
import { type ModelServer, serveModel } from '../../../test/doubles/model-server.ts';
import { openFiles } from '../../gguf/files.ts';
import { type LoadOptions, type LoadProgress, type ModelSource } from '../../protocol.ts';
import { findDamaged } from '../../weights/store/damaged.ts';
import { importModel } from '../../weights/import/import-job.ts';
import { bytesSource } from '../../weights/source/source.ts';
import { fingerprintOf } from '../../weights/store/identity.ts';
import { type Manifest } from '../../weights/store/store.ts';
import { findModel } from './found.ts';
import { openModel } from './opened.ts';
import { ensureStored } from './weights.ts';

const first = fixture('tiny/tiny-llama-k.gguf');
/** Another file with the same header and the same bytes wherever a fingerprint looks. */
const twin = first.slice();
twin[twin.length - 100] ^= 1;
const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

let disk = memoryDisk();
let store: MemoryStore;
let server: ModelServer;
const notices: string[] = [];
beforeEach(async () => {
  disk = memoryDisk();
  store = memoryStore(disk);
  server = await serveModel(first);
  notices.length = 0;
  // A source that cannot be reached is asked again, each time after a longer wait.
  const wait = setTimeout;
  const soon = (act: (...given: unknown[]) => void, ms = 0, ...given: unknown[]) => wait(act, ms / 100, ...given);
  vi.spyOn(globalThis, 'setTimeout').mockImplementation(soon as typeof setTimeout);
});
afterEach(() => {
  vi.restoreAllMocks();
  return server.close();
});

/** Finds the model and stores it if it is not; gives its manifest. */
async function load(source: ModelSource, options: LoadOptions = {}): Promise<Manifest> {
  const found = await findModel(source, options, store);
  if (found.notice) notices.push(found.notice);
  if (found.manifest) return found.manifest;
  const report = ({ notice }: Partial<LoadProgress>) => void (notice && notices.push(notice));
  return ensureStored({ store }, options, found, await openModel(found.files.header), { report });
}
const offline = () => server.close();
const sha256 = hashOf(first);

describe('a stored model', () => {
  it('that was asked for by its hash is found by it, without a request, from another address too', async () => {
    const manifest = await load({ url: server.url }, { sha256 });
    expect(manifest.id).toBe(sha256);
    server.requests.length = 0;
    expect((await load({ url: server.url }, { sha256: sha256.toUpperCase() })).id).toBe(sha256);
    expect((await load({ url: `${server.url}?elsewhere` }, { sha256 })).id).toBe(sha256);
    expect((await load({ url: server.url })).id).toBe(sha256);
    expect(server.requests).toEqual([]);
  });

  it('is another file than one with another hash at the same address, though header and samples are the same', async () => {
    await load({ url: server.url }, { sha256 });
    server.file = twin;
    const manifest = await load({ url: server.url }, { sha256: hashOf(twin) });
    expect(manifest.id).toBe(hashOf(twin));
    const models = await store.manifests();
    expect(models.map(({ id, urls }) => [id, urls])).toEqual([[sha256, []], [hashOf(twin), [server.url]]]);
    for (const model of models) expect(await findDamaged(store, model)).toEqual([]);
    expect(models[0].slabHashes).not.toEqual(models[1].slabHashes);
    expect((await load({ url: server.url })).id).toBe(hashOf(twin)); // the address has the new file
    expect((await load({ stored: sha256 })).id).toBe(sha256);
  });

  it('with another hash is refused where its source cannot be reached, and where the source has another file it stays', async () => {
    await load({ url: server.url }, { sha256 });
    const wrong = load({ url: server.url }, { sha256: 'a'.repeat(64) });
    await expect(wrong).rejects.toMatchObject({ code: 'wrong_hash', message: expect.stringContaining(`has the SHA-256 ${sha256}; needed is aaaa`) });
    expect(await findDamaged(store, (await store.manifest(sha256))!)).toEqual([]);
    offline();
    const unreachable = load({ url: server.url }, { sha256: 'a'.repeat(64) });
    await expect(unreachable).rejects.toMatchObject({
      code: 'wrong_hash',
      message: expect.stringMatching(new RegExp(`The stored model .* has the SHA-256 ${sha256}; needed is a+. .*cannot be reached`)),
    });
    await expect(load({ stored: sha256 }, { sha256: 'a'.repeat(64) })).rejects.toMatchObject({ code: 'wrong_hash' });
    expect((await load({ url: server.url }, { sha256 })).id).toBe(sha256);
  }, 30_000);

  it('of another size than is asked for is another file', async () => {
    await load({ url: server.url });
    server.requests.length = 0;
    await load({ url: server.url }, { fileBytes: first.length });
    expect(server.requests).toEqual([]);
    await load({ url: server.url }, { fileBytes: first.length + 5000 });
    expect(server.requests.length).toBeGreaterThan(0);
    offline();
    await expect(load({ url: server.url }, { fileBytes: first.length + 5000 })).rejects.toMatchObject({
      code: 'wrong_hash',
      message: expect.stringContaining(`has ${first.length} bytes; needed is ${first.length + 5000}`),
    });
  }, 30_000);

  it('whose hash nobody asked for is compared with its source when somebody does, and replaced by what has that hash', async () => {
    const before = await load({ url: server.url });
    expect(before.files[0].sha256).toBeUndefined();
    const after = await load({ url: server.url }, { sha256 });
    expect(after.id).toBe(sha256);
    expect((await store.manifests()).map(({ id }) => id)).toEqual([sha256]); // not kept twice
    offline();
    expect((await load({ url: server.url }, { sha256 })).id).toBe(sha256);
  });

  it('is not used in place of one whose hash is asked for and not known, where the source cannot be reached', async () => {
    await load({ url: server.url });
    offline();
    await expect(load({ url: server.url }, { sha256 })).rejects.toMatchObject({ code: 'wrong_hash', message: expect.stringContaining('SHA-256 unknown') });
  }, 30_000);

  it('is found again by the file from which it was imported', async () => {
    const file = new File([first], 'model.gguf');
    const manifest = await load({ url: server.url }, { sha256 });
    expect((await load({ file })).id).toBe(manifest.id);
    expect((await load({ file }, { sha256 })).id).toBe(manifest.id);
    await expect(load({ file: new File([twin], 'model.gguf') }, { sha256 })).resolves.toMatchObject({ id: sha256 });
    expect(await load({ file: new File([twin], 'model.gguf') }, { sha256: hashOf(twin) })).toMatchObject({ id: hashOf(twin) });
  });
});

describe('a store that notes no hashes and has ids of 16 digits', () => {
  /** Stores `first` as windrow did then. */
  async function older(asked?: string): Promise<string> {
    const files = await openFiles([bytesSource(first, 'm.gguf')]);
    const { graph, layout } = await openModel(files.header);
    const id = (await fingerprintOf(files)).slice(0, 16);
    await importModel(
      { ...files, layout, hostTensors: graph.hostTensors },
      store,
      { id, name: 'Old', urls: [server.url] },
      { sha256: asked ? [asked] : undefined },
    );
    await store.changeManifest(id, (now) => ({ ...now, files: now.files.map((file) => ({ ...file, sha256: undefined })) }));
    return id;
  }

  it('opens by id, by address and by file, without a request for weights', async () => {
    const id = await older();
    expect((await load({ stored: id })).id).toBe(id);
    expect((await load({ url: server.url })).id).toBe(id);
    expect(server.requests).toEqual([]);
    expect((await load({ file: new File([first], 'model.gguf') })).id).toBe(id);
  });

  it('has its hashes completed by the end of the source when one is asked for, and then needs it no more', async () => {
    const id = await older(sha256);
    const manifest = await load({ url: server.url }, { sha256 });
    expect(manifest).toMatchObject({ id, files: [{ sha256 }] });
    const ends = server.requests.filter(({ from }) => from > first.length / 2).map(({ from, to }) => Math.min(to, first.length) - from);
    expect(Math.max(...ends)).toBeLessThanOrEqual(4096); // samples, and the last bytes
    offline();
    expect((await load({ url: server.url }, { sha256 })).id).toBe(id);
  });

  it('is told from a file with another hash as any other is', async () => {
    const id = await older(sha256);
    server.file = twin;
    expect((await load({ url: server.url }, { sha256: hashOf(twin) })).id).toBe(hashOf(twin));
    expect((await store.manifest(id))!.urls).toEqual([]);
  });

  it('is used where its source cannot be reached if its hash was compared then, and that is said', async () => {
    const id = await older(sha256);
    offline();
    expect((await load({ url: server.url }, { sha256 })).id).toBe(id);
    expect(notices).toEqual([expect.stringMatching(/is used as it was stored: its hash was right then, but was not noted/)]);
  }, 30_000);

  it('goes on with an import that was begun there', async () => {
    const id = await older();
    await store.changeManifest(id, (manifest) => ({ ...manifest, complete: false, slabHashes: [] }));
    const slabs = (await store.slabs(id)).size;
    let written = 0;
    store.onPut = () => void written++;
    expect(await load({ url: server.url })).toMatchObject({ id, complete: true });
    expect([slabs > 0, written]).toEqual([true, 0]);
    expect(notices).toEqual([]);
  });
});
