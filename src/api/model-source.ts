// Where a model comes from, as a caller names it.
import { RequestError, shown } from '../errors.ts';
import { type ModelSource } from '../protocol.ts';
import { readAddress, toAddress } from './address.ts';

/** A relative URL is resolved here, against the page: the worker's own base is its script. */
export function toModelSource(model: string | File | File[] | ArrayBuffer | ModelSource, name = 'model'): ModelSource {
  if (typeof model === 'string') return addressOf(model);
  if (Array.isArray(model)) return { files: model };
  if (model instanceof ArrayBuffer) return { bytes: model };
  if (model instanceof File) return { file: model };
  if (typeof model === 'object' && model !== null) {
    if ('url' in model) return { url: absolute(model.url) };
    if (['repo', 'file', 'files', 'bytes', 'stored'].some((kind) => kind in model)) return model;
  }
  throw new RequestError(
    `${name} is ${shown(model)}; it must be a URL, owner/repo on a model hub, a File, an ArrayBuffer, or one of { url }, { repo }, { file }, { files ` +
    '}, { bytes }, { stored }.',
  );
}

const base = (): string | undefined => globalThis.document?.baseURI ?? globalThis.location?.href;

function addressOf(text: string): ModelSource {
  try {
    return readAddress(text, base());
  } catch {
    throw new RequestError(`The model's address ${shown(text)} is no http or https address, and no owner/repo. Give one as in https://example.org/model.gguf.`);
  }
}

/** What is called an address is no name on a hub. */
export function absolute(url: string): string {
  try {
    return toAddress(url, base());
  } catch {
    throw new RequestError(`The model's address ${shown(url)} is no http or https address. Give one as in https://example.org/model.gguf.`);
  }
}
