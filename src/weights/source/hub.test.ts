import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RequestError } from '../../errors.ts';
import { findOnHub } from './hub.ts';

/** A hub with one repository that lists `files`, five to a page; `private` and `gated` need the token. */
let files: { path: string; size: number; oid?: string }[];
let authorizations: (string | undefined)[] = [];
let nextElsewhere = false;
let server: Server;
let hub: string;
beforeAll(async () => {
  server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', hub);
    authorizations.push(request.headers.authorization);
    const repo = /^\/api\/models\/([^/]+\/[^/]+)\/tree\/main$/.exec(url.pathname)?.[1];
    if (repo === 'owner/gated' && request.headers.authorization !== 'Bearer secret')
      return void response.writeHead(request.headers.authorization ? 403 : 401).end('{}');
    if (!repo || !['owner/repo', 'owner/gated'].includes(repo) || url.searchParams.get('recursive') !== 'true') return void response.writeHead(404).end('{}');
    const from = Number(url.searchParams.get('cursor') ?? 0);
    const page = files
      .slice(from, from + 5)
      .map(({ path, size, oid }) => ({ type: 'file', path, size: oid ? size : 1, ...(oid ? { lfs: { oid, size } } : {}) }));
    const next = nextElsewhere ? 'http://localhost:1/steal' : `${hub}/api/models/${repo}/tree/main?recursive=true&cursor=${from + 5}`;
    response.writeHead(200, { 'content-type': 'application/json', ...(from + 5 < files.length ? { link: `<${next}>; rel="next"` } : {}) });
    response.end(JSON.stringify([{ type: 'directory', path: 'folder', size: 0 }, ...page]));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  hub = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());
beforeEach(() => {
  authorizations = [];
  nextElsewhere = false;
  files = [
    { path: 'README.md', size: 10 },
    { path: 'Model.Q8_0.gguf', size: 800, oid: 'a8' },
    { path: 'Model.Q4_0.gguf', size: 400, oid: 'a4' },
    { path: 'Model.Q2_K.gguf', size: 200, oid: 'a2' },
    { path: 'mmproj-Model-F16.gguf', size: 5, oid: 'aa' },
    { path: 'Model-IQ4_XS.gguf', size: 390, oid: 'a3' },
    { path: 'Model.Q4_K_M.gguf', size: 450, oid: 'a5' },
    { path: 'big/Model-Q5_K_M-00001-of-00002.gguf', size: 300, oid: 'a6' },
    { path: 'big/Model-Q5_K_M-00002-of-00002.gguf', size: 310, oid: 'a7' },
    { path: 'Model-Q6_K-00001-of-00002.gguf', size: 300, oid: 'a9' },
  ];
});
const find = async (reference: string, token?: string) => findOnHub(reference, { hub, token });

describe('the file that is meant', () => {
  it.each([
    ['owner/repo:Q8_0', { 'tiny.Q4_K_M.gguf': 2400, 'tiny.Q8_0.gguf': 4100, 'tiny.mmproj-Q8_0.gguf': 590 }, 'tiny.Q8_0.gguf'],
    ['owner/repo:f16', { 'tiny.f16.gguf': 7700, 'tiny.mmproj-f16.gguf': 850 }, 'tiny.f16.gguf'],
    ['owner/repo', { 'tiny.f16.gguf': 7700, 'mmproj/tiny-f16.gguf': 850, 'tiny_mmproj_f16.gguf': 8, 'tiny-MMPROJ.gguf': 9 }, 'tiny.f16.gguf'],
    ['owner/repo:Q4_K_M', { 'tiny-imatrix-Q4_K_M.gguf': 500, 'tiny-imatrix-Q8_0.gguf': 900, 'imatrix.gguf': 4 }, 'tiny-imatrix-Q4_K_M.gguf'],
    ['owner/repo', { 'tiny-mmprojector.gguf': 500, 'tiny.imatrix.gguf': 4, 'imatrix_tiny.gguf': 5 }, 'tiny-mmprojector.gguf'],
  ])('by %s of %j is %s: no projector, and no importance matrix', async (reference, sizes, name) => {
    files = Object.entries(sizes).map(([path, size]) => ({ path, size, oid: 'aa' }));
    expect((await find(reference)).name).toBe(name);
  });
});

describe('a model on a hub', () => {
  it.each([
    ['owner/repo', 'Model.Q4_K_M.gguf'],
    ['owner/repo:Q8_0', 'Model.Q8_0.gguf'],
    ['owner/repo:q4_0', 'Model.Q4_0.gguf'],
    ['owner/repo:IQ4_XS', 'Model-IQ4_XS.gguf'],
    ['owner/repo:Q5_K_M', 'big/Model-Q5_K_M-00001-of-00002.gguf'],
  ])('%s is %s', async (reference, name) => {
    expect((await find(reference)).name).toBe(name);
  });

  it('has the address of each part, its size and its hash', async () => {
    expect((await find('owner/repo:Q5_K_M')).files).toEqual([
      { url: `${hub}/owner/repo/resolve/main/big/Model-Q5_K_M-00001-of-00002.gguf`, byteLength: 300, sha256: 'a6' },
      { url: `${hub}/owner/repo/resolve/main/big/Model-Q5_K_M-00002-of-00002.gguf`, byteLength: 310, sha256: 'a7' },
    ]);
  });

  it('without the usual quantisations is the smallest file', async () => {
    files = [{ path: 'm-F16.gguf', size: 900, oid: 'a' }, { path: 'm-Q3_K_S.gguf', size: 300, oid: 'b' }, { path: 'm-BF16.gguf', size: 901, oid: 'c' }];
    expect((await find('owner/repo')).name).toBe('m-Q3_K_S.gguf');
  });

  it('is refused with what there is when the quantisation is not there, or a part of it', async () => {
    await expect(find('owner/repo:Q4_K')).rejects.toThrow(/has no GGUF for Q4_K\. There are .*Model.Q4_K_M.gguf/); // Q4_K_M is another
    await expect(find('owner/repo:Q6_K')).rejects.toThrow(RequestError);
    files = [{ path: 'model.safetensors', size: 1 }];
    await expect(find('owner/repo')).rejects.toThrow(/has no GGUF\. There is none at all/);
  });

  it('that is missing, gated or unnameable is refused in words', async () => {
    await expect(find('owner/absent')).rejects.toThrow(/has no model owner\/absent \(404\)/);
    await expect(find('owner/gated')).rejects.toThrow(/may not be read \(401\). It is private or gated: .* give an access token/);
    await expect(find('owner/gated', 'wrong')).rejects.toThrow(/\(403\). The access token does not open it/);
    await expect(find('just a name')).rejects.toThrow(/no name of a model on a hub/);
    await expect(findOnHub('owner/repo', { hub: 'http://127.0.0.1:1' })).rejects.toThrow(/cannot be reached/);
  });

  it('is listed with the token, which never leaves the hub', async () => {
    expect((await find('owner/gated', 'secret')).name).toBe('Model.Q4_K_M.gguf');
    expect(authorizations).toEqual(['Bearer secret', 'Bearer secret']);
    nextElsewhere = true;
    authorizations = [];
    expect((await find('owner/gated', 'secret')).name).toBe('Model.Q4_0.gguf'); // of the first page
    expect(authorizations).toHaveLength(1);
  });
});
