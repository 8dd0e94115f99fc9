import { expect, test } from 'vitest';
import { fileOfPage, whatToCheck } from './unreachable.ts';

const far = 'https://chat.example';

test.each([
  ['https://models.example/m.gguf', far, /CORS.*does not compress/],
  ['https://models.example/m.gguf', undefined, /^Check the connection and the address\.$/],
  ['http://models.example/m.gguf', far, /by https.*nothing by http\. Give an https address/],
  ['http://192.168.1.7:8080/m.gguf', far, /by https/],
  ['http://localhost:8080/m.gguf', far, /CORS.*local network: allow it/],
  ['http://127.0.0.1:8080/m.gguf', far, /local network/],
  ['https://nas.local/m.gguf', far, /local network/],
  ['https://10.0.0.2/m.gguf', far, /local network/],
  ['http://localhost:8080/m.gguf', 'http://localhost:5173', /CORS/],
  ['http://models.example/m.gguf', 'null', /CORS/],
  [
    'https://hub.example/owner/repo/blob/main/sub/m.gguf',
    far,
    /page about a file; the file itself is at https:\/\/hub\.example\/owner\/repo\/resolve\/main\/sub\/m\.gguf\.$/,
  ],
  ['https://hub.example/owner/repo/blob/main/m.gguf', undefined, /resolve/],
])('%s from %j', (address, place, words) => expect(whatToCheck(address, place)).toMatch(words));

test('only a site in the same network is reached without a question', () => {
  expect(whatToCheck('http://192.168.1.7/m.gguf', 'http://192.168.1.2')).not.toContain('local network');
  expect(whatToCheck('https://172.32.0.1/m.gguf', far)).not.toContain('local network'); // not a private one
});

test('the file of a page', () => {
  expect(fileOfPage('https://github.com/owner/repo/blob/main/m.gguf')).toBe('https://github.com/owner/repo/raw/main/m.gguf');
  expect(fileOfPage('https://gitlab.com/owner/repo/-/blob/main/m.gguf')).toBe('https://gitlab.com/owner/repo/-/raw/main/m.gguf');
  expect(fileOfPage('https://models.example/m.gguf')).toBeUndefined();
  expect(fileOfPage('https://models.example/blob/m.gguf')).toBeUndefined();
});
