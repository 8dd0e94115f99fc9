// Which models the page offers, and how one is named. No elements, no loading.
import { type ModelSource, type StoredModel } from '../protocol.ts';

export interface ModelChoice {
  name: string;
  source: ModelSource;
  /** Unknown for an address that was typed. */
  bytes?: number;
}

/** The file that `npm start` fetches and serves beside the page. */
export const defaultModel = (base: string): ModelChoice => ({
  name: 'SmolLM2-135M-Instruct Q4_1',
  source: { url: new URL('models/SmolLM2-135M-Instruct.Q4_1.gguf', base).href },
  bytes: 98_362_432,
});

/** @throws TypeError if `address` is no http(s) URL. */
export function choiceOfUrl(address: string, base: string): ModelChoice {
  const url = new URL(address.trim(), base);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new TypeError(`${url.protocol} is not http or https`);
  return { name: modelName(decodeURIComponent(url.pathname.split('/').pop() ?? '') || url.host), source: { url: url.href } };
}

export const choiceOfFile = (file: File): ModelChoice => ({ name: modelName(file.name), source: { file }, bytes: file.size });

export const choiceOfStored = ({ id, name, byteLength }: StoredModel): ModelChoice => ({ name, source: { stored: id }, bytes: byteLength });

/** The stored copy of a choice, if there is one: then loading it downloads nothing. */
export const storedCopy = (choice: ModelChoice, stored: StoredModel[]): StoredModel | undefined =>
  stored.find(({ id, urls, complete }) => {
    const { source } = choice;
    return complete && ('url' in source ? urls.includes(source.url) : 'stored' in source && source.stored === id);
  });

const modelName = (fileName: string): string => fileName.replace(/\.gguf$/i, '');
