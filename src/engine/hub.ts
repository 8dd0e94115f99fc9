// A hub asked for models by words, with what windrow knows of their architectures. A chunk of its own: most visitors never search.
import { architectureNames } from '../model/build.ts';
import { type HubListing, type KnownHubResult } from '../protocol.ts';
import { listHub, searchHub } from '../weights/source/hub-search.ts';
import { hubUrl } from '../weights/source/hub.ts';

/** By one request. Whether a result is supported is left open where the hub does not tell its architecture. RequestError if the hub cannot be asked. */
export async function search(words: string, hub = hubUrl, fetch?: typeof globalThis.fetch): Promise<KnownHubResult[]> {
  const results = await searchHub(words, { hub, fetch });
  return results.map((result) => ({ ...result, ...(result.architecture && { supported: architectureNames.has(result.architecture) }) }));
}

/** By one request, or a few where a repository has very many files. RequestError if there is no such repository, or it may not be read. */
export const list = (repo: string, { hub = hubUrl, token }: { hub?: string; token?: string } = {}): Promise<HubListing> => listHub(repo, { hub, token });
