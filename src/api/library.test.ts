import { afterEach, expect, test, vi } from 'vitest';
import { BudgetError, DeviceError, RequestError } from '../errors.ts';
import { type LoadOptions, type ModelPlan, type ModelSource, type WorkerEngine } from '../protocol.ts';
import { FakeWorker } from '../../test/doubles/fake-worker.ts';
import { openLibrary } from './library.ts';

const plan: ModelPlan = {
  name: 'Fake 1M',
  verdict: 'streams',
  fileBytes: 1000,
  storedBytes: 900,
  stored: false,
  totalBytes: 700,
  budgetBytes: 800,
  keptBytes: 500,
  streamedBytes: 400,
  context: 512,
  parameters: 1e6,
  activeParameters: 1e6,
  keysValues: { kv: 'f16', bytes: 2 ** 20, bytesPerToken: 1024, fits: 4096 },
};
afterEach(() => vi.unstubAllGlobals());

const libraryWith = (fake: Partial<WorkerEngine>) => openLibrary({ worker: () => new FakeWorker(fake) as unknown as Worker });

test('plans a model with the options of a load, and leaves its bytes to the caller', async () => {
  const seen: { source?: ModelSource; options?: LoadOptions } = {};
  const library = libraryWith({
    async plan(source, options) {
      Object.assign(seen, { source, options });
      return plan;
    },
  });
  const bytes = new ArrayBuffer(8);
  expect(await library.plan({ model: bytes, budget: '1GiB', ram: 1000, context: 512, kv: 'q8' })).toEqual(plan);
  expect(seen.options).toMatchObject({ budgetBytes: 2 ** 30, ramBytes: 1000, context: 512, kv: 'q8' });
  expect((seen.source as { bytes: ArrayBuffer }).bytes.byteLength).toBe(8);
  expect(bytes.byteLength).toBe(8);
  await library.plan({ model: 'owner/repo:Q4_K_M', hub: 'https://hub.example/' });
  expect(seen).toMatchObject({ source: { repo: 'owner/repo:Q4_K_M' }, options: { hub: 'https://hub.example' } });
  library.close();
});

test('a plan rejects options out of range, what the worker reports, and calls after close', async () => {
  const library = libraryWith({ plan: () => Promise.reject(new BudgetError('the header needs more')) });
  await expect(library.plan({ model: 'https://example.org/model.gguf', context: 0 })).rejects.toBeInstanceOf(RequestError);
  await expect(library.plan({ model: 'https://example.org/model.gguf' })).rejects.toBeInstanceOf(BudgetError);
  library.close();
  await expect(library.plan({ model: 'https://example.org/model.gguf' })).rejects.toThrow('The library was closed.');
});

test('an import on a page without https says so, and ends its worker', async () => {
  vi.stubGlobal('isSecureContext', false);
  const workers: FakeWorker[] = [];
  const library = openLibrary({ worker: () => (workers.push(new FakeWorker({})), workers.at(-1) as unknown as Worker) });
  const { done } = library.importModel({ model: 'https://example.org/model.gguf' });
  await expect(done).rejects.toBeInstanceOf(DeviceError);
  await expect(done).rejects.toThrow(/came by http; .*Open it over https or from localhost/);
  expect(workers.map(({ terminated }) => terminated)).toEqual([false, true]);
  library.close();
});

test('lists and removes kept conversations without a model', async () => {
  const asked: unknown[][] = [];
  const library = libraryWith({ session: (async (...call: unknown[]) => (asked.push(call), [])) as WorkerEngine['session'] });
  expect(await library.sessions.list()).toEqual([]);
  await library.sessions.remove('chat 1');
  expect(asked).toEqual([['list'], ['remove', 'chat 1']]);
  library.close();
});
