// A file in hand that the store has already, or has begun to import, is read as it was said when it was stored.
import { beforeEach, expect, it } from 'vitest';
import { fixture } from '../../../test/models/fixture.ts';
import { type MemoryStore, memoryStore } from '../../../test/doubles/memory-store.ts';
import { type LoadOptions, type ModelSource } from '../../protocol.ts';
import { createEngine } from '../engine.ts';
import { findModel } from './found.ts';
import { type OpenedModel, openAs } from './opened.ts';

const llamaK = 'tiny/tiny-llama-k.gguf';
const llama = 'tiny/tiny-llama-f16.gguf';
const mixture = 'sparse/stories-smallthinker.q8_0.gguf';

let store: MemoryStore;
beforeEach(() => void (store = memoryStore()));

const inHand = (path: string): ModelSource => ({ bytes: fixture(path).buffer, name: 'file.gguf' });
const engine = () => createEngine({ gpu: undefined, store });
const importOf = (path: string, options: LoadOptions = {}) => engine().importModel(inHand(path), options);

/** As a load opens the file. */
async function opened(path: string, options: LoadOptions = {}): Promise<OpenedModel> {
  const { files, manifest, kept } = await findModel(inHand(path), options, store);
  return openAs(files.header, manifest ?? kept, options);
}

const activationOf = async (path: string, options: LoadOptions = {}) => (await opened(path, options)).activation;
const kindsOf = async (path: string, options: LoadOptions = {}) => (await opened(path, options)).graph.layers[0].map(({ op }) => op);

it('an activation holds for the file that it was stored with, in hand as well, and the last one said is kept', async () => {
  await importOf(llamaK);
  expect(await activationOf(llamaK)).toBeUndefined();
  await importOf(llamaK, { activation: 'relu' });
  expect(await activationOf(llamaK)).toBe('relu');
  expect(await activationOf(llamaK, { keep: false })).toBeUndefined();
  const [{ id }] = await store.manifests();
  await engine().importModel({ stored: id }, { activation: 'silu' });
  expect(await activationOf(llamaK)).toBeUndefined();
  expect(await store.manifests()).toHaveLength(1);
});

it('what is stored by columns takes no other activation, told before anything is imported', async () => {
  await importOf(llama, { activation: 'relu' });
  expect(await kindsOf(llama)).toContain('neurons');
  await expect(importOf(llama, { activation: 'silu' })).rejects.toThrow('asked for is the activation silu');
});

it('what is stored by rows goes on so where an activation is said later', async () => {
  await importOf(llama);
  await importOf(llama, { activation: 'relu' });
  expect(await activationOf(llama)).toBe('relu');
  expect(await kindsOf(llama)).not.toContain('neurons');
});

it.each([['neurons', 'whole', 'expert-gates'], ['whole', 'neurons', 'experts']] as const)(
  'experts are read as the file is stored, by %s, and not by %s', async (experts, other, kind) => {
    await importOf(mixture, { experts });
    expect(await kindsOf(mixture)).toContain(kind);
    await expect(importOf(mixture, { experts: other })).rejects.toThrow('is stored to be read by');
  });

it('an import that was broken off goes on as it was begun', async () => {
  const { putSlab } = store;
  store.putSlab = async (...slab) => {
    await putSlab(...slab);
    throw new Error('broken off');
  };
  await expect(importOf(mixture, { experts: 'neurons' })).rejects.toThrow('broken off');
  const [begun] = await store.manifests();
  expect(begun).toMatchObject({ complete: false, columns: true });
  expect((await store.slabs(begun.id)).size).toBeGreaterThan(0);
  store.putSlab = putSlab;
  store.removeSlabs = async () => Promise.reject(new Error('begun anew'));
  expect(await importOf(mixture)).toMatchObject({ complete: true });
  expect(await kindsOf(mixture)).toContain('expert-gates');
});

it('the activation of an import that was broken off is kept', async () => {
  const { putSlab } = store;
  store.putSlab = async () => Promise.reject(new Error('broken off'));
  await expect(importOf(llamaK, { activation: 'relu' })).rejects.toThrow('broken off');
  store.putSlab = putSlab;
  await importOf(llamaK);
  expect(await store.manifests()).toMatchObject([{ complete: true, activation: 'relu' }]);
});
