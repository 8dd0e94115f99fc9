// A search of a hub, against one in memory.
import { expect, it } from 'vitest';
import { RequestError } from '../../errors.ts';
import { listHub, searchHub } from './hub-search.ts';

/** A hub that answers every request alike, and what it was asked. */
function hubWith(answer: unknown, status = 200) {
  const asked: { url: URL; headers: Record<string, string> }[] = [];
  const fetch = (async (url: string, { headers }: { headers: Record<string, string> }) => {
    asked.push({ url: new URL(url), headers });
    return new Response(typeof answer === 'string' ? answer : JSON.stringify(answer), { status });
  }) as unknown as typeof globalThis.fetch;
  return { asked, options: { hub: 'https://hub.example', fetch } };
}

it('asks once, for repositories with GGUF files, the most downloaded first', async () => {
  const { asked, options } = hubWith([
    { id: 'owner/a-GGUF', downloads: 1200, gated: false, tags: ['gguf', 'license:apache-2.0'], gguf: { total: 4e9, architecture: 'qwen3' } },
    { id: 'owner/b', gated: 'manual' },
  ]);
  expect(await searchHub('  a & b ', options)).toEqual([
    { repo: 'owner/a-GGUF', downloads: 1200, gated: false, licence: 'apache-2.0', parameters: 4e9, architecture: 'qwen3' },
    { repo: 'owner/b', downloads: undefined, gated: true, licence: undefined, parameters: undefined, architecture: undefined },
  ]);
  expect(asked).toHaveLength(1);
  const [{ url, headers }] = asked;
  expect(url.origin + url.pathname).toBe('https://hub.example/api/models');
  expect(Object.fromEntries(url.searchParams)).toMatchObject({ search: 'a & b', filter: 'gguf', sort: 'downloads', direction: '-1', limit: '10' });
  expect(headers).toEqual({});
});

it('takes nothing of an answer on trust', async () => {
  const { options } = hubWith([null, 5, { id: 'https://evil.example/a' }, { id: 'a/../b' }, { id: 7 }, { id: 'owner/c', downloads: 'many', tags: 'none', gguf: { total: null } }]);
  expect(await searchHub('a', options)).toEqual([
    { repo: 'owner/c', downloads: undefined, gated: false, licence: undefined, parameters: undefined, architecture: undefined },
  ]);
});

it.each([
  [{ error: 'no' }, 200, /did not answer with a list/],
  ['<html>', 200, /did not answer with a list/],
  ['', 503, /answered 503 to a search/],
] as const)('says what came in place of results: %j', async (answer, status, words) => {
  const searched = searchHub('a', hubWith(answer, status).options);
  await expect(searched).rejects.toThrow(words);
  await expect(searched).rejects.toBeInstanceOf(RequestError);
});

it('says that the hub cannot be reached', async () => {
  const fetch = () => Promise.reject(new TypeError('Failed to fetch'));
  await expect(searchHub('a', { hub: 'https://hub.example', fetch })).rejects.toThrow('The hub https://hub.example cannot be reached: Failed to fetch.');
});

it('lists what a repository has by quantisation, smallest first, and says which is usual', async () => {
  const file = (path: string, size: number) => ({ type: 'file', path, size });
  const { options } = hubWith([
    file('M-Q8_0.gguf', 800), file('M-Q4_K_M.gguf', 450), file('M-UD-Q4_K_M.gguf', 460), file('M-IQ4_XS.gguf', 400), file('odd.gguf', 300),
    file('with space.gguf', 290),
    file('mmproj-F16.gguf', 10), file('M-F16-00001-of-00002.gguf', 900), file('M-F16-00002-of-00002.gguf', 700), file('README.md', 1),
  ]);
  const { repo, files } = await listHub('owner/repo', options);
  expect(repo).toBe('owner/repo');
  expect(files).toEqual([
    { name: 'with space.gguf', source: { url: 'https://hub.example/owner/repo/resolve/main/with%20space.gguf' }, bytes: 290 },
    { name: 'odd', source: { repo: 'owner/repo:odd' }, bytes: 300 },
    { name: 'IQ4_XS', source: { repo: 'owner/repo:IQ4_XS' }, bytes: 400 },
    { name: 'Q4_K_M', source: { repo: 'owner/repo:Q4_K_M' }, bytes: 450, usual: true },
    { name: 'M-UD-Q4_K_M', source: { repo: 'owner/repo:M-UD-Q4_K_M' }, bytes: 460 },
    { name: 'Q8_0', source: { repo: 'owner/repo:Q8_0' }, bytes: 800 },
    { name: 'F16', source: { repo: 'owner/repo:F16' }, bytes: 1600 },
  ]);
});

it('says that a repository has no model', async () => {
  await expect(listHub('owner/repo', hubWith([{ type: 'file', path: 'README.md', size: 1 }]).options)).rejects.toThrow('owner/repo on https://hub.example has no GGUF.');
});
