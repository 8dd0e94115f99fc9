// Looks for models on a hub by words, and tells what a repository has, so that one can be chosen. Loads nothing.
// https://huggingface.co/docs/hub/api#get-apimodels
import { RequestError } from '../../errors.ts';
import { type HubListing, type HubResult } from '../../protocol.ts';
import { type HubOptions, choose, listModels } from './hub.ts';

/** Few, as the hub's answer has the chat template of each. */
const most = 10;

interface Found {
  id?: unknown;
  downloads?: unknown;
  gated?: unknown;
  tags?: unknown;
  gguf?: { total?: unknown; architecture?: unknown };
}

const number = (value: unknown): number | undefined => (typeof value === 'number' && Number.isFinite(value) ? value : undefined);
const text = (value: unknown): string | undefined => (typeof value === 'string' && value ? value : undefined);

/** The repositories with GGUF files that the hub names for `words`, most downloaded first, by one request. RequestError if it cannot be asked. */
export async function searchHub(words: string, { hub, token, fetch = globalThis.fetch.bind(globalThis) }: HubOptions): Promise<HubResult[]> {
  const query = new URLSearchParams({ search: words.trim(), filter: 'gguf', sort: 'downloads', direction: '-1', limit: String(most) });
  for (const field of ['downloads', 'gated', 'tags', 'gguf']) query.append('expand[]', field);
  const response = await fetch(`${hub}/api/models?${query}`, { cache: 'no-store', headers: token ? { Authorization: `Bearer ${token}` } : {} }).catch(
    (error: Error) => {
      throw new RequestError(`The hub ${hub} cannot be reached: ${error.message}. Check the connection, or give the address of a file.`);
    },
  );
  if (!response.ok) throw new RequestError(`The hub ${hub} answered ${response.status} to a search. Try again later, or give the name of a model.`);
  const found: unknown = await response.json().catch(() => undefined);
  if (!Array.isArray(found)) throw new RequestError(`The hub ${hub} did not answer with a list of models. Try again later, or give the name of a model.`);
  return found.slice(0, most).flatMap((each: unknown) => (typeof each === 'object' && each !== null ? resultOf(each as Found) : []));
}

/** Nothing of what is no name of a repository: it would be taken for an address. */
function resultOf({ id, downloads, gated, tags, gguf }: Found): HubResult[] {
  const repo = text(id);
  if (!repo || !/^[\w-][\w.-]*\/[\w-][\w.-]*$/.test(repo)) return [];
  const licence = Array.isArray(tags) ? text(tags.find((tag) => typeof tag === 'string' && tag.startsWith('license:')))?.slice('license:'.length) : undefined;
  return [{ repo, downloads: number(downloads), gated: Boolean(gated), licence, parameters: number(gguf?.total), architecture: text(gguf?.architecture) }];
}

/** The name of a file, of the first where there are parts, without what all of them end with. */
const stemOf = (path: string): string => path.split('/').at(-1)!.replace(/(?:-\d{5}-of-\d{5})?\.gguf$/i, '');

/** A quantisation as file names have it, at their end. */
const quantisation = /(?:^|[^A-Za-z0-9])(i?q\d\w*|tq\d_\d|bf16|f16|f32|mxfp4\w*|nvfp4)(?:-\d{5}-of-\d{5})?\.gguf$/i;

/** What there is to choose from in a repository, smallest first. */
export async function listHub(repo: string, options: HubOptions): Promise<HubListing> {
  const models = await listModels(repo, options);
  if (models.length === 0) throw new RequestError(`${repo} on ${options.hub} has no GGUF. Choose another repository.`, { code: 'not_found' });
  const usual = choose(models);
  return {
    repo,
    files: models.map((model) => {
      const name = quantisation.exec(model.path)?.[1];
      // As a name on the hub it is read with the visitor's token, and checked by the hub's hash; of several with one quantisation by its whole name.
      const reference = [name, stemOf(model.path)].find((each) => each !== undefined && /^[\w.-]+$/.test(each) && choose(models, each) === model);
      const path = model.path.split('/').map(encodeURIComponent).join('/');
      return {
        name: reference ?? model.path,
        source: reference !== undefined ? { repo: `${repo}:${reference}` } : { url: `${options.hub}/${repo}/resolve/main/${path}` },
        bytes: model.byteLength,
        ...(model === usual && { usual: true }),
      };
    }),
  };
}
