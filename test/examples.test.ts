// The examples of the guides, run over scripted answers; that of Node is type-checked alone, those of pages run in e2e.
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tellTwice } from '../examples/ai-sdk.ts';
import { askServer } from '../examples/openai-client.ts';
import { tell } from '../examples/package.ts';
import { advise, prompt } from '../examples/prompt-api.ts';
import { askElsewhere } from '../examples/remote.ts';
import { createHandler } from '../src/api/http/handler.ts';
import { createHttpServer } from '../src/cli/serve/node-http.ts';
import { fakeBackend, fakeSurface, type Script } from './doubles/fake-engine.ts';
import { FakeWorker, speaker } from './doubles/fake-worker.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const words = ['The rivers', ' bring it.'];
const answer = words.join('');
const surface = fakeSurface(fakeBackend(() => ({ says: words })));
let server: Server;
let address: string;
beforeAll(async () => {
  server = createHttpServer(createHandler(surface));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
});
afterAll(() => server.close().closeAllConnections());

test('each guide shows its examples as they are here, and each example is shown', () => {
  const guides = readdirSync(join(root, 'docs/guides')).map((name) => readFileSync(join(root, 'docs/guides', name), 'utf8')).join('');
  const pages = ['ai-sdk', 'prompt-api', 'remote', 'service-worker'].map((name) => `e2e/pages/${name}.ts`);
  const examples = [...readdirSync(join(root, 'examples')).map((name) => `examples/${name}`), ...pages];
  expect(examples.filter((path) => !guides.includes(readFileSync(join(root, path), 'utf8')))).toEqual([]);
});

test('the package', async () => {
  let text = '';
  await tell({ model: 'https://a.example/m.gguf', worker: () => new FakeWorker({ generate: speaker(words) }) as unknown as Worker }, 'Why?', (more) => (text += more));
  expect(text).toBe(answer);
});

test("OpenAI's client, and a model on a server", async () => {
  expect(await askServer(address, 'Why is the sea salt?')).toBe(answer);
  expect(await askElsewhere(address, 'Why is the sea salt?')).toBe(answer);
});

test('the AI SDK', async () => {
  expect(await tellTwice(surface, 'Why is the sea salt?')).toEqual([answer, answer]);
});

test('the Prompt API', async () => {
  expect(await prompt({ ...surface, countTokens: async () => 7 }, 'Why is the sea salt?')).toBe(answer);
  const call = { calls: [{ index: 0, id: 'a', name: 'weather', arguments: '{"city":"Oslo"}' }] };
  const script: Script[] = [{ says: [call], reason: 'tool_calls' }, { says: ['It rains.'] }, { says: ['umbrella = true'] }];
  const asking = { ...fakeSurface(fakeBackend(() => script.shift()!)), countTokens: async () => 7 };
  const asked: string[] = [];
  expect(await advise(asking, async (city) => (asked.push(city), 'rain'))).toEqual(['It rains.', 'umbrella = true']);
  expect(asked).toEqual(['Oslo']);
});
