// What a full storage is told to make room for.
import { expect, it } from 'vitest';
import { BudgetError } from '../../errors.ts';
import { type Layout } from '../layout.ts';
import { memoryStore, type MemoryStore } from '../../../test/doubles/memory-store.ts';
import { checkQuota } from './quota.ts';
import { type Manifest } from '../store/store.ts';

const MiB = 2 ** 20;
const layout = { byteLength: 100 * MiB, slabs: [{ byteLength: 60 * MiB }, { byteLength: 40 * MiB }] } as Layout;

async function storeWith(models: { name: string; bytes: number; lastUsed: number }[]): Promise<MemoryStore> {
  const store = memoryStore();
  for (const { name, bytes, lastUsed } of models) {
    await store.putManifest({
      id: name,
      name,
      layoutVersion: 1,
      urls: [],
      files: [],
      hostTensors: {},
      slabBytes: [bytes],
      slabHashes: [],
      complete: true,
      lastUsed,
    } satisfies Manifest);
  }
  return store;
}

const check = (store: MemoryStore, quota: number, usage: number) => checkQuota({ store, estimate: async () => ({ quota, usage }) }, 'new', layout);

it('names the models that were not used for longest, as many as make room, and both numbers', async () => {
  const store = await storeWith([
    { name: 'Late', bytes: 500 * MiB, lastUsed: 30 },
    { name: 'Early', bytes: 20 * MiB, lastUsed: 10 },
    { name: 'Middle', bytes: 50 * MiB, lastUsed: 20 },
  ]);
  const refused = check(store, 700 * MiB, 620 * MiB); // 132 MiB with the margin; 80 are free
  await expect(refused).rejects.toBeInstanceOf(BudgetError);
  await expect(refused).rejects.toThrow(
    `The model needs ${132 * MiB} more bytes of the browser's storage; ${80 * MiB} bytes are free (${620 * MiB} of ${700 * MiB} are used). ` +
    `Deleting Early (${20 * MiB} bytes), Middle (${50 * MiB} bytes), not used for longest, would make room.`,
  );
});

it('names none where all together do not make room', async () => {
  const store = await storeWith([{ name: 'Only', bytes: 20 * MiB, lastUsed: 10 }]);
  await expect(check(store, 100 * MiB, 90 * MiB)).rejects.toThrow(/Free disk space, or choose a smaller model/);
});

it('counts what an interrupted import has stored already, and asks for no more than the rest', async () => {
  const store = await storeWith([]);
  await expect(check(store, 200 * MiB, 100 * MiB)).rejects.toThrow(`needs ${132 * MiB} more bytes`);
  await store.putSlab('new', 0, new Uint8Array(8), { hash: '', layoutVersion: 1 });
  await check(store, 200 * MiB, 100 * MiB);
});

it('trusts a browser that does not tell', async () => {
  await checkQuota({ store: await storeWith([]), estimate: async () => ({}) }, 'new', layout);
  await checkQuota({ store: await storeWith([]) }, 'new', layout);
});
