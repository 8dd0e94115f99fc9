// Finds the GGUF that `owner/repo[:quant]` names on a model hub, by the hub's listing of files.
// https://huggingface.co/docs/hub/api#get-apimodelsrepoidtreerevisionpath
import { RequestError } from '../../errors.ts';
import { partNames } from '../../gguf/files.ts';

export const hubUrl = 'https://huggingface.co';

/** When no quantisation is named: the first of these that there is, else the smallest file. */
const preferred = ['Q4_K_M', 'Q4_K_S', 'Q4_0', 'Q4_1', 'IQ4_XS', 'Q5_K_M', 'Q8_0'];

export interface HubFile {
  url: string;
  byteLength: number;
  /** In hexadecimal, where the hub tells it. */
  sha256?: string;
}

export interface HubModel {
  /** All parts in order; mostly one. */
  files: HubFile[];
  /** The name of the (first) file. */
  name: string;
}

export interface HubOptions {
  hub: string;
  /** Sent to the hub alone, kept nowhere. */
  token?: string;
  fetch?: typeof globalThis.fetch;
}

export interface Entry {
  type: string;
  path: string;
  size: number;
  lfs?: { oid?: string; sha256?: string; size: number };
}

const pattern = /^([\w.-]+\/[\w.-]+?)(?::([\w.-]+))?$/;

/** Throws RequestError if there is no such repository or file, or it may not be read. */
export async function findOnHub(reference: string, options: HubOptions): Promise<HubModel> {
  const { hub } = options;
  const [, repo, quant] = pattern.exec(reference) ?? [];
  if (!repo) throw new RequestError(`"${reference}" is no name of a model on a hub; needed is owner/repo or owner/repo:quantisation.`);
  const models = await listModels(repo, options);
  const chosen = choose(models, quant);
  if (!chosen) {
    const there = models.length > 0 ? `There are ${models.map(({ path }) => path).join(', ')}.` : 'There is none at all: look for the model as GGUF.';
    throw new RequestError(`${repo} on ${hub} has no ${quant ? `GGUF for ${quant}` : 'GGUF'}. ${there}`, { code: 'not_found' });
  }
  return {
    name: chosen.path,
    files: chosen.parts.map(({ path, size, lfs }) => ({
      url: `${hub}/${repo}/resolve/main/${path.split('/').map(encodeURIComponent).join('/')}`,
      byteLength: lfs?.size ?? size,
      sha256: lfs?.sha256 ?? lfs?.oid,
    })),
  };
}

/** The models of a repository, smallest first. RequestError if there is none of that name, or it may not be read. */
export async function listModels(repo: string, { hub, token, fetch = globalThis.fetch.bind(globalThis) }: HubOptions): Promise<ListedModel[]> {
  const entries = await listFiles(`${hub}/api/models/${repo}/tree/main?recursive=true`, { repo, hub, token, fetch });
  return groupParts(entries.filter(({ type, path }) => type === 'file' && isModel(path)));
}

const weightType = /(^|[^a-z0-9])(i?q\d|t?q\d|b?f16|f32|mxfp4)/i;

/** Whether a file is a model: no vision projector (mmproj), and no importance matrix, whose word models may have in their names beside their weight type. */
function isModel(path: string): boolean {
  if (!/\.gguf$/i.test(path) || /(^|[^a-z0-9])mmproj([^a-z0-9]|$)/i.test(path)) return false;
  return !/imatrix/i.test(path) || weightType.test(path.split('/').at(-1)!);
}

/** All pages of the listing. */
async function listFiles(first: string, { repo, hub, token, fetch }: HubOptions & { repo: string; fetch: typeof globalThis.fetch }): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (let url: string | undefined = first; url; ) {
    // A next page elsewhere would be none of the hub's, and must not get the token.
    if (new URL(url).origin !== new URL(hub).origin) break;
    const response: Response = await fetch(url, { cache: 'no-store', headers: token ? { Authorization: `Bearer ${token}` } : {} }).catch((error: Error) => {
      throw new Error(`The hub ${hub} cannot be reached: ${error.message}. Check the connection, or give the address of the file.`);
    });
    if (response.status === 401 || response.status === 403) {
      const next = token
        ? 'The access token does not open it: accept its conditions on the hub with that account.'
        : 'It is private or gated: accept its conditions on the hub, then give an access token.';
      throw new RequestError(`${repo} on ${hub} may not be read (${response.status}). ${next}`, { code: 'access_denied' });
    }
    if (response.status === 404) throw new RequestError(`${hub} has no model ${repo} (404). Check the spelling: owner/repo.`, { code: 'not_found' });
    if (!response.ok) throw new Error(`The hub ${hub} answered ${response.status} for ${repo}. Try again later, or give the address of the file.`);
    entries.push(...((await response.json()) as Entry[]));
    const next = /<([^>]+)>;\s*rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
    url = next && new URL(next, url).href;
  }
  return entries;
}

export interface ListedModel {
  /** Of the (first) file. */
  path: string;
  parts: Entry[];
  byteLength: number;
}

/** Split models as one; those of which a part is missing are left out. */
function groupParts(entries: Entry[]): ListedModel[] {
  const byPath = new Map(entries.map((entry) => [entry.path, entry]));
  const models: ListedModel[] = [];
  for (const entry of entries) {
    const names = partNames(entry.path) ?? [entry.path];
    if (names[0] !== entry.path) continue;
    const parts = names.map((name) => byPath.get(name)).filter((part) => part !== undefined);
    if (parts.length === names.length) models.push({ path: entry.path, parts, byteLength: parts.reduce((sum, { size, lfs }) => sum + (lfs?.size ?? size), 0) });
  }
  return models.sort((a, b) => a.byteLength - b.byteLength);
}

/** The model of a quantisation, or the one to take where none is named. */
export function choose(models: readonly ListedModel[], quant?: string): ListedModel | undefined {
  const of = (type: string) =>
    models.find(({ path }) => new RegExp(`(^|[^A-Za-z0-9])${type.replace(/[.]/g, '\\.')}(?![A-Za-z0-9_])`, 'i').test(path.replace(/\.gguf$/i, '')));
  if (quant) return of(quant);
  return preferred.map(of).find(Boolean) ?? models[0];
}
