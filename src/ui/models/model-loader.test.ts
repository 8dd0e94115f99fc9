import { beforeAll, expect, test, vi } from 'vitest';
import { FakeWorker, modelInfo } from '../../../test/doubles/fake-worker.ts';
import { RequestError } from '../../errors.ts';
import { type ModelInfo, type ModelSource, type StoredModel } from '../../protocol.ts';
import { type ModelChoice } from './model-choice.ts';
import { ModelLoader } from './model-loader.ts';

beforeAll(() => vi.stubGlobal('location', { href: 'https://page.example/' }));

const host = { addController: () => {}, removeController: () => {}, requestUpdate: () => {}, updateComplete: Promise.resolve(true) };
const choiceOf = (name: string): ModelChoice => ({ name, source: { url: `https://example.org/${name}.gguf` } });
/** Waits until so many loads were asked for. */
const loads = (asked: Opening[], count: number): Promise<void> => vi.waitFor(() => expect(asked).toHaveLength(count));

interface Opening {
  name: string;
  worker: FakeWorker;
  progress: MessagePort;
  finish(): void;
  fail(error: Error): void;
}

/** A loader, and the loads that its workers were asked for; each ends when the test says so. */
function loaderWith(models: () => Promise<StoredModel[]> = async () => []): { loader: ModelLoader; asked: Opening[] } {
  const asked: Opening[] = [];
  const loader = new ModelLoader(host, () => {
    const worker: FakeWorker = new FakeWorker({
      models,
      unload: async () => {},
      load: (source: ModelSource, _options, progress) =>
        new Promise<ModelInfo>((resolve, reject) => {
          const name = 'url' in source ? source.url : '';
          asked.push({ name, worker, progress: progress!, finish: () => resolve({ ...modelInfo, id: name, name }), fail: reject });
        }),
    });
    return worker as unknown as Worker;
  });
  return { loader, asked };
}

test('a second load ends the first, and progress and engine are those of the second', async () => {
  const { loader, asked } = loaderWith();
  const first = loader.load(choiceOf('first'), {});
  await loads(asked, 1);
  const second = loader.load(choiceOf('second'), {});
  await loads(asked, 2);
  expect(asked.map(({ name }) => name)).toEqual(['https://example.org/first.gguf', 'https://example.org/second.gguf']);
  expect(asked.map(({ worker }) => worker.terminated)).toEqual([true, false]);
  await first;
  expect(loader).toMatchObject({ step: 'loading', error: null, choice: { name: 'second' } });
  asked[0].progress.postMessage({ phase: 'weights', loadedBytes: 1, totalBytes: 2, fromStore: false });
  asked[1].progress.postMessage({ phase: 'weights', loadedBytes: 30, totalBytes: 40, fromStore: false });
  await vi.waitFor(() => expect(loader.progress).not.toBeNull());
  expect(loader.progress).toMatchObject({ loadedBytes: 30 });
  asked[1].finish();
  await second;
  expect(loader).toMatchObject({ step: 'ready', engine: { info: { name: 'https://example.org/second.gguf' } } });
});

test('a load that is given up while the engine before is being freed asks nothing of the next one\'s worker', async () => {
  const { loader, asked } = loaderWith();
  const before = loader.load(choiceOf('before'), {});
  await loads(asked, 1);
  asked[0].finish();
  await before;
  const [first, second] = [loader.load(choiceOf('first'), {}), loader.load(choiceOf('second'), {})];
  await loads(asked, 2);
  asked[1].finish();
  await Promise.all([first, second]);
  expect(asked.slice(1).map(({ name, worker }) => [name, worker.terminated])).toEqual([['https://example.org/second.gguf', false]]);
  expect(loader).toMatchObject({ step: 'ready', engine: { info: { name: 'https://example.org/second.gguf' } } });
});

test('a load that waits for a passphrase lets go of the question when another begins', async () => {
  const { loader, asked } = loaderWith();
  const first = loader.load(choiceOf('first'), {});
  await loads(asked, 1);
  asked[0].fail(new RequestError('The model A is stored encrypted. Give its key or its passphrase.', { code: 'key_required' }));
  await vi.waitFor(() => expect(loader.passphrase.name).toBe('first'));
  const second = loader.load(choiceOf('second'), {});
  expect(loader.passphrase.name).toBeNull();
  await first;
  await loads(asked, 2);
  asked[1].finish();
  await second;
  expect(loader).toMatchObject({ step: 'ready', error: null, choice: { name: 'second' } });
});

test('what was dropped while the page still looks for stored models is not replaced by what the page begins with', async () => {
  let tell = (): void => {};
  const looked = new Promise<void>((resolve) => (tell = resolve));
  const { loader, asked } = loaderWith(() => looked.then(() => []));
  const starting = loader.start(choiceOf('usual'), {}, 'load');
  const dropped = loader.load(choiceOf('dropped'), {});
  await loads(asked, 1);
  tell();
  await starting;
  asked[0].finish();
  await dropped;
  expect(asked).toHaveLength(1);
  expect(loader).toMatchObject({ step: 'ready', choice: { name: 'dropped' } });
});

test('a cancelled load goes back to the choice without an error', async () => {
  const { loader, asked } = loaderWith();
  const loading = loader.load(choiceOf('first'), {});
  await loads(asked, 1);
  loader.cancel();
  await loading;
  expect(asked[0].worker.terminated).toBe(true);
  expect(loader).toMatchObject({ step: 'choosing', error: null, engine: null });
});

test('a model that only a link names is asked about, with its size, and loaded only then', async () => {
  vi.stubGlobal('fetch', async () => new Response(null, { headers: { 'content-length': '4700000000' } }));
  const { loader, asked } = loaderWith();
  await loader.start(choiceOf('linked'), {}, 'ask');
  expect(loader).toMatchObject({ step: 'choosing', question: { choice: { name: 'linked' }, bytes: 4.7e9 } });
  expect(asked).toEqual([]);
  const loading = loader.load(loader.endQuestion(), {});
  await loads(asked, 1);
  asked[0].finish();
  await loading;
  expect(loader).toMatchObject({ step: 'ready', question: null });
});

test('a model that a link names and that is stored is loaded without a question', async () => {
  const { loader, asked } = loaderWith(async () => [
    { id: 'a', name: 'A', urls: ['https://example.org/linked.gguf'], byteLength: 1, fileBytes: 1, lastUsed: 0, complete: true },
  ]);
  const starting = loader.start(choiceOf('linked'), {}, 'ask');
  await loads(asked, 1);
  asked[0].finish();
  await starting;
  expect(loader).toMatchObject({ step: 'ready', question: null });
});

test('where nobody tells the size of what a link names, the question says why', async () => {
  vi.stubGlobal('fetch', async () => Promise.reject(new TypeError('Failed to fetch')));
  const { loader } = loaderWith();
  await loader.start(choiceOf('linked'), {}, 'ask'); // this worker has no `plan`
  expect(loader.question).toMatchObject({ problem: expect.any(String) });
  expect(loader.question?.bytes).toBeUndefined();
});

test('of several budgets that are chosen while one is given, the last is given next, and what is refused is told', async () => {
  const asked: { bytes: number | undefined; finish(): void; fail(error: Error): void }[] = [];
  const loader = new ModelLoader(
    host,
    () =>
      new FakeWorker({
        models: async () => [],
        unload: async () => {},
        load: async () => modelInfo,
        changeBudget: (bytes) => new Promise((resolve, reject) => asked.push({ bytes, finish: () => resolve(modelInfo), fail: reject })),
      }) as unknown as Worker,
  );
  await loader.load(choiceOf('model'), {});
  const changing = [loader.changeBudget('1GiB'), loader.changeBudget('2GiB'), loader.changeBudget('3GiB')];
  await vi.waitFor(() => expect(asked).toHaveLength(1));
  asked[0].finish();
  await vi.waitFor(() => expect(asked).toHaveLength(2));
  expect(loader.budgetNews).toBe('The model is being placed within it…');
  asked[1].fail(new RequestError('It needs at least 4 GiB.'));
  await Promise.all(changing);
  expect(asked.map(({ bytes }) => bytes)).toEqual([2 ** 30, 3 * 2 ** 30]);
  expect(loader).toMatchObject({ step: 'ready', budgetNews: 'It needs at least 4 GiB.', error: null });
});

test('the choices of the load stay with the model, whatever is chosen for the next one, but for a budget that it is given', async () => {
  const { loader, asked } = loaderWith();
  const loading = loader.load(choiceOf('a'), { kv: 'q8', context: 512, retune: true });
  await loads(asked, 1);
  expect(loader.choices, 'not before it is there').toEqual({});
  asked[0].finish();
  await loading;
  expect(loader.choices).toEqual({ kv: 'q8', context: 512 });
  const failed = loader.load(choiceOf('b'), { kv: 'f32' });
  await loads(asked, 2);
  asked[1].fail(new Error('no network'));
  await failed;
  expect(loader.choices).toEqual({ kv: 'q8', context: 512 });
});
