// The examples of the documents, run over scripted answers; those of Node and of sessions run in test/gpu/api/ecosystem-gpu.test.ts, those of pages
// in e2e.
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

/** Lines without their indentation; those of imports apart. */
const linesOf = (text: string) => text.split('\n').map((line) => line.trim()).filter(Boolean);
const isImport = (line: string) => line.startsWith('import ');

test.each(['README.md', 'docs/api.md'])('each block of code of %s is a piece of an example', (document) => {
  const examples = readdirSync(join(root, 'examples')).map((name) => linesOf(readFileSync(join(root, 'examples', name), 'utf8')));
  const blocks = [...readFileSync(join(root, document), 'utf8').matchAll(/^```(?:[jt]sx?|javascript|typescript)\n(.*?)^```$/gms)].map(([, code]) => code);
  const isPiece = (code: string): boolean => {
    const lines = linesOf(code);
    const piece = lines.filter((line) => !isImport(line)).join('\n');
    const names = (line: string): string[] => /\{(.*)\}/.exec(line)![1].split(',').map((name) => name.trim());
    return examples.some((example) => {
      const imports = example.filter(isImport);
      const isImported = (line: string): boolean =>
        imports.some((each) => each.split(' from ')[1] === line.split(' from ')[1] && names(line).every((name) => names(each).includes(name)));
      return `\n${example.join('\n')}\n`.includes(`\n${piece}\n`) && lines.filter(isImport).every(isImported);
    });
  };
  expect(blocks.length).toBeGreaterThan(0);
  expect(blocks.filter((code) => !isPiece(code))).toEqual([]);
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
