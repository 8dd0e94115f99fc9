import { expect, test } from 'vitest';
import { type GuardOptions, guarded } from './guard.ts';

const local: GuardOptions = { origins: ['https://friend.example'], isLocal: true };
const ask = async (options: GuardOptions, url: string, headers: Record<string, string> = {}, method = 'GET') => {
  const { status, headers: answered } = await guarded(async () => new Response('ok'), options)(new Request(url, { method, headers }));
  return { status, allowed: answered.get('access-control-allow-origin') };
};

test.each<[string, GuardOptions, string, Record<string, string>, number, string | null]>([
  ['a program of this machine', local, 'http://127.0.0.1:8080/v1/models', {}, 200, null],
  ['by another name of this machine', local, 'http://[::1]:8080/', {}, 200, null],
  ['a name that points here', local, 'http://evil.example:8080/', {}, 403, null],
  ['a name that begins as this machine does', local, 'http://localhost.evil.example/', {}, 403, null],
  ['a page that such a name points here from', local, 'http://evil.example/', { origin: 'http://evil.example' }, 403, 'http://evil.example'],
  ['a page elsewhere', local, 'http://localhost/', { origin: 'https://evil.example' }, 403, null],
  ['a page without an origin', local, 'http://localhost/', { origin: 'null' }, 403, null],
  ['a page of another port', local, 'http://localhost:8080/', { origin: 'http://localhost:3000' }, 403, null],
  ['a page that was named', local, 'http://localhost/', { origin: 'https://friend.example' }, 200, 'https://friend.example'],
  ['the right key', { ...local, apiKey: 'k' }, 'http://localhost/', { authorization: 'Bearer k' }, 200, null],
  ['a wrong key', { ...local, apiKey: 'k' }, 'http://localhost/', { authorization: 'Bearer kk' }, 401, null],
  ['no key', { ...local, apiKey: 'k' }, 'http://localhost/', {}, 401, null],
  ['another machine with the key', { origins: [], isLocal: false, apiKey: 'k' }, 'http://box.lan/', { authorization: 'Bearer k' }, 200, null],
  ['a page elsewhere with the key', { origins: [], isLocal: false, apiKey: 'k' }, 'http://box.lan/', { authorization: 'Bearer k', origin: 'http://a' }, 403, null],
])('%s', async (_, options, url, headers, status, allowed) => {
  expect(await ask(options, url, headers)).toEqual({ status, allowed });
});

test('tells a page that was named beforehand what it may send, and no other', async () => {
  const options = { ...local, apiKey: 'k' };
  expect(await ask(options, 'http://localhost/', { origin: 'https://friend.example' }, 'OPTIONS')).toEqual({ status: 204, allowed: 'https://friend.example' });
  expect(await ask(options, 'http://localhost/', { origin: 'https://evil.example' }, 'OPTIONS')).toEqual({ status: 403, allowed: null });
});
