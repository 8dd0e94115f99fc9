// Which models the page offers, and how one is named. No elements, no loading.
import { readAddress } from '../../api/address.ts';
import { agreesInSize } from '../../bytes.ts';
import { hasCode } from '../../errors.ts';
import { type HubListing, type ModelPlan, type ModelSource, type StoredModel } from '../../protocol.ts';
import { formatBytes } from '../page/format.ts';

export interface ModelChoice {
  name: string;
  source: ModelSource;
  /** Unknown for an address that was typed. */
  bytes?: number;
  /** About, of a listed model whose size is not known exactly. */
  roughBytes?: number;
  /** In hexadecimal, where it is known. */
  sha256?: string;
  licence?: string;
  /** A line for people. */
  about?: string;
  /** Why the file at the address may not be the one that was meant. */
  doubt?: string;
}

/** What a repository of a hub has, and the plan of the file of it that is usually taken. */
export interface LookedInto {
  listing: HubListing;
  plan: ModelPlan;
}

/** The file that `npm start` fetches and serves beside the page. */
export const defaultModel = (base: string): ModelChoice => ({
  name: 'SmolLM2-135M-Instruct Q4_1',
  source: { url: new URL('models/SmolLM2-135M-Instruct.Q4_1.gguf', base).href },
  bytes: 98_362_432,
  sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
  licence: 'Apache-2.0',
});

/** @throws TypeError if `address` is no http(s) URL. */
export function choiceOfUrl(address: string, base: string): ModelChoice {
  const url = new URL(address.trim(), base);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new TypeError(`${url.protocol} is not http or https`);
  return { name: modelName(decodeURIComponent(url.pathname.split('/').pop() ?? '') || url.host), source: { url: url.href } };
}

/** `owner/repo` or `owner/repo:quantisation`, as on a model hub, in any of its spellings; everything else is an address. @throws TypeError */
export function choiceOfText(text: string, base: string): ModelChoice {
  const source = readAddress(text, base);
  return 'repo' in source ? { name: source.repo, source } : choiceOfUrl(source.url, base);
}

/** One file, or all parts of a split model. */
export const choiceOfFiles = (files: File[]): ModelChoice => ({
  name: modelName(files[0].name),
  source: files.length === 1 ? { file: files[0] } : { files },
  bytes: files.reduce((sum, { size }) => sum + size, 0),
});

export const choiceOfStored = ({ id, name, fileBytes }: StoredModel): ModelChoice => ({ name, source: { stored: id }, bytes: fileBytes });

/** The file is on this device already. */
export const isLocal = ({ source }: ModelChoice): boolean => 'file' in source || 'files' in source;

/** Where a choice comes from, as `StoredModel.urls` has it; nowhere for a file. */
export const addressesOf = ({ source }: ModelChoice): string[] => ('url' in source ? [source.url] : 'repo' in source ? [source.repo] : []);

/** Who would be asked for the file: the host of its address, or the model hub. */
export const hostOf = ({ source }: ModelChoice): string => ('url' in source ? new URL(source.url).host : 'repo' in source ? 'huggingface.co' : '');

/** The listed model that has one of these addresses or names on a hub. */
export const listedAt = (catalogue: ModelChoice[], urls: string[]): ModelChoice | undefined =>
  catalogue.find(({ source }) => ('url' in source ? urls.includes(source.url) : 'repo' in source && urls.includes(source.repo)));

/** Where the import of a model goes on that was not finished; undefined if it came from a file, which only the visitor can give again. */
export function choiceOfUnfinished({ name, urls }: StoredModel, catalogue: ModelChoice[], base: string): ModelChoice | undefined {
  return listedAt(catalogue, urls) ?? (urls.length > 0 ? { ...choiceOfText(urls[0], base), name } : undefined);
}

/** The stored copy of a choice, if there is one: then loading it downloads nothing. What has another hash or size is no copy of it. */
export const storedCopy = (choice: ModelChoice, stored: StoredModel[]): StoredModel | undefined => stored.find((model) => isCopy(choice, model));

function isCopy({ source, sha256, bytes }: ModelChoice, { id, urls, complete, sha256: hashes, fileBytes }: StoredModel): boolean {
  if (!complete) return false;
  if ('stored' in source) return source.stored === id;
  if (sha256 && hashes) return hashes.length === 1 && hashes[0] === sha256.toLowerCase();
  const address = 'url' in source ? source.url : 'repo' in source ? source.repo : undefined;
  return address !== undefined && urls.includes(address) && (bytes === undefined || agreesInSize(bytes, fileBytes));
}

const modelName = (fileName: string): string => fileName.replace(/\.gguf$/i, '');

/** The choice as it is where the server's file has another size than the list says: with a doubt, and no hash to fail on. */
export function differsInSize(choice: ModelChoice, fileBytes: number): ModelChoice {
  if (choice.bytes === undefined || agreesInSize(choice.bytes, fileBytes)) return choice;
  const sizes = [choice.bytes, fileBytes].map(formatBytes);
  const [listed, there] = sizes[0] === sizes[1] ? [`${choice.bytes} bytes`, `${fileBytes} bytes`] : sizes;
  return {
    ...choice,
    bytes: fileBytes,
    sha256: undefined,
    doubt:
      `The list of this page says ${listed}, but the file at the address has ${there}: it was changed since, or is another one. ` +
      'Load it only if you trust where it comes from.',
  };
}

/** The same after an import found another hash than the list's; undefined if `error` says something else. */
export function differsInHash(choice: ModelChoice, error: Error): ModelChoice | undefined {
  if (!choice.sha256 || !hasCode(error, 'wrong_hash')) return undefined;
  return {
    ...choice,
    sha256: undefined,
    doubt:
      'The file at the address is not the one in the list of this page: its SHA-256 is another. It was changed since, or damaged on its way, and ' +
      'was not kept. Load it only if you trust where it comes from.',
  };
}
