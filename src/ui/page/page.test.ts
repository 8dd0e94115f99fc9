import { expect, test } from 'vitest';
import { formatBytes, formatDuration, formatSince, formatSpeed } from './format.ts';
import { hubUrl } from '../../weights/source/hub.ts';
import { isGguf } from '../models/file-drop.ts';
import { choiceOfStored, choiceOfText, choiceOfUnfinished, choiceOfUrl, defaultModel, hostOf, storedCopy } from '../models/model-choice.ts';
import { pageOptions, settingsOfLink, withoutLink } from './page-options.ts';
import { TransferRate } from '../models/transfer-rate.ts';

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1500, '1.5 kB'],
  [98_362_432, '98 MB'],
  [999_600, '1.0 MB'],
  [2 ** 31, '2.1 GB'],
])('%d bytes are shown as %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

test('durations and speeds are rounded to what one reads', () => {
  expect([0.2, 8.4, 60, 600, 7200].map(formatDuration)).toEqual(['1 s', '8 s', '1 min', '10 min', '2 h']);
  expect([3.14159, 42.4].map((speed) => formatSpeed(speed))).toEqual(['3.1 tokens/s', '42 tokens/s']);
});

test('a rate follows the last seconds only, and falls when a download stalls', () => {
  const rate = new TransferRate();
  expect(rate.bytesPerSecond).toBe(0);
  for (let s = 0; s <= 10; s++) rate.add(s * 1000, s * 1000);
  expect(rate.bytesPerSecond).toBe(1000);
  for (let s = 11; s <= 15; s++) rate.add(10_000, s * 1000);
  expect(rate.bytesPerSecond).toBe(0);
});

test('the page reads its address', () => {
  expect(pageOptions('')).toEqual({ autoload: false, f32: false });
  expect(
    pageOptions('?model=a.gguf&autoload&max-tokens=16&temperature=0&repeat-penalty=1.2&seed=7&f32&kv=q8&kv-budget=64MiB&context=512&budget=2GiB' +
      '&kernels=splits=1,panels=4'),
  ).toEqual({
    model: 'a.gguf',
    autoload: true,
    maxTokens: 16,
    temperature: 0,
    repeatPenalty: 1.2,
    seed: 7,
    f32: true,
    kv: 'q8',
    kvBudget: '64MiB',
    context: 512,
    budget: '2GiB',
    kernels: 'splits=1,panels=4',
  });
  expect(pageOptions(`?shared=${encodeURIComponent('Look: https://example.org/a.gguf\nIt is small')}&model=`).model).toBe('https://example.org/a.gguf');
  expect(pageOptions('?shared=just+words').model).toBeUndefined();
  expect(pageOptions('?max-tokens=').maxTokens).toBeNaN(); // which the API refuses by name
});

test('a model is named by its address, and an address that is no web address is refused', () => {
  const choice = choiceOfUrl('https://example.org/a/Tiny%20Model.gguf?download=true', 'https://page.example/');
  expect(choice).toEqual({ name: 'Tiny Model', source: { url: 'https://example.org/a/Tiny%20Model.gguf?download=true' } });
  expect(() => choiceOfUrl('javascript:alert(1)', 'https://page.example/')).toThrow(TypeError);
  expect(choiceOfUrl('m/b.gguf', 'https://page.example/chat/').source).toEqual({ url: 'https://page.example/chat/m/b.gguf' });
});

/** A complete copy of the default model. */
const copy = {
  id: 'a',
  name: 'A',
  urls: ['https://page.example/models/SmolLM2-135M-Instruct.Q4_1.gguf'],
  byteLength: 1,
  fileBytes: 98_362_432,
  lastUsed: 0,
  complete: true,
};

test('only a complete copy of the same address counts as stored', () => {
  const choice = defaultModel('https://page.example/');
  expect(storedCopy(choice, [copy])).toBe(copy);
  expect(storedCopy(choice, [{ ...copy, complete: false }, { ...copy, urls: [] }])).toBeUndefined();
});

test('what the list says of hash and size holds for a stored copy: another hash or size is another file', () => {
  const choice = defaultModel('https://page.example/');
  const hashed = { ...copy, sha256: [choice.sha256!] };
  expect(storedCopy(choice, [copy, hashed])).toBe(copy);
  expect(storedCopy(choice, [hashed])).toBe(hashed);
  expect(storedCopy({ ...choice, sha256: choice.sha256!.toUpperCase() }, [hashed])).toBe(hashed);
  expect(storedCopy({ ...choice, sha256: 'f'.repeat(64) }, [hashed])).toBeUndefined();
  expect(
    storedCopy({ ...choice, sha256: undefined, bytes: 98_362_433 }, [
      { ...copy, fileBytes: 98_362_400 },
      { ...copy, fileBytes: 98_362_464 },
    ]),
  ).toBeUndefined();
  expect(storedCopy({ ...choice, sha256: undefined, bytes: 98_362_440 }, [copy])).toBe(copy); // padded at its end
  expect(storedCopy(choice, [{ ...hashed, urls: [] }])).toEqual({ ...hashed, urls: [] }); // stored from elsewhere
});

test('an unfinished import goes on from where it began: as the list has it, with its hash, or from the address alone', () => {
  const listed = defaultModel('https://page.example/');
  const begun = (...urls: string[]) =>
    choiceOfUnfinished({ id: 'a', name: 'Begun', urls, byteLength: 1, fileBytes: 1, lastUsed: 0, complete: false }, [listed], 'https://page.example/');
  expect(begun('https://page.example/models/SmolLM2-135M-Instruct.Q4_1.gguf')).toBe(listed);
  expect(begun('https://example.org/b.gguf')).toEqual({ name: 'Begun', source: { url: 'https://example.org/b.gguf' } });
  expect(begun('owner/repo:Q4_0', 'https://hub.example/owner/repo/resolve/main/b.gguf')).toEqual({ name: 'Begun', source: { repo: 'owner/repo:Q4_0' } });
  expect(begun()).toBeUndefined(); // from a file
});

test('a hub name is told from an address', () => {
  const source = (text: string) => choiceOfText(text, 'https://page.example/chat/').source;
  expect(source(' Qwen/Qwen2.5-0.5B-Instruct-GGUF:Q4_K_M ')).toEqual({ repo: 'Qwen/Qwen2.5-0.5B-Instruct-GGUF:Q4_K_M' });
  expect(source('owner/repo')).toEqual({ repo: 'owner/repo' });
  expect(source('m/b.gguf')).toEqual({ url: 'https://page.example/chat/m/b.gguf' });
  expect(source('./m/b')).toEqual({ url: 'https://page.example/chat/m/b' });
  expect(source('https://example.org/b')).toEqual({ url: 'https://example.org/b' });
  expect(source('hf.co/owner/repo:Q4_K_M')).toEqual({ repo: 'owner/repo:Q4_K_M' });
  expect(source('localhost:8080/m.gguf')).toEqual({ url: 'http://localhost:8080/m.gguf' });
});

test('a model is known by its first bytes where its name says nothing', async () => {
  const file = (name: string, text: string) => new File([text], name);
  expect(await Promise.all([file('sha256-0a1b', 'GGUF\u0003'), file('m.GGUF', ''), file('notes.txt', 'GGU'), file('chats.json', '{}')].map(isGguf))).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect(await isGguf({ name: 'folder', slice: () => ({ text: () => Promise.reject(new Error('a folder')) }) } as unknown as File)).toBe(false);
});

test('times are told as one says them', () => {
  expect([0, 5, 90, 3 * 1440].map((minutes) => formatSince(0, minutes * 60_000))).toEqual(['just now', '5 min ago', '2 h ago', '3 days ago']);
});

test('what a link sets is said in words, and let go of when the visitor does not want it', () => {
  const options = pageOptions('?model=https://evil.example/a.gguf&autoload&budget=64GiB&context=9000&kv=q8&kv-budget=8GiB&kernels=splits=1&f32&temperature=0');
  expect(settingsOfLink(options))
    .toEqual(['GPU memory 64GiB', 'context 9000', 'keys and values q8', 'room for conversations 8GiB', 'kernels splits=1', 'all arithmetic in f32']);
  expect(settingsOfLink(withoutLink(options))).toEqual([]);
  expect(withoutLink(options)).toMatchObject({ autoload: false, temperature: 0 });
});

test('the host of a choice is who is asked for its bytes', () => {
  expect(hostOf(choiceOfText('https://evil.example:8443/a.gguf', 'https://page.example/'))).toBe('evil.example:8443');
  expect(hostOf(choiceOfText('owner/repo', 'https://page.example/'))).toBe(new URL(hubUrl).host);
});

test('a stored model is asked for by the size of its file, which is another than that of what is stored', () => {
  expect(choiceOfStored({ id: 'a', name: 'A', urls: [], byteLength: 1000, fileBytes: 900, lastUsed: 0, complete: true })).toEqual({
    name: 'A',
    source: { stored: 'a' },
    bytes: 900,
  });
});
