// The list of models that the page offers, from catalogue.json beside it. Checked: a site may write its own.
import { choiceOfText, defaultModel, type ModelChoice } from './model-choice.ts';

interface Entry {
  name: string;
  /** An address, relative to the page, or owner/repo:quantisation. */
  model: string;
  bytes?: number;
  sha256?: string;
  licence?: string;
  about?: string;
}

/** The first one is what the page starts with. A site without a catalogue offers the default model. */
export async function fetchCatalogue(base: string): Promise<ModelChoice[]> {
  try {
    const response = await fetch(new URL('catalogue.json', base));
    return response.ok ? readCatalogue(await response.json(), base) : [defaultModel(base)];
  } catch {
    return [defaultModel(base)];
  }
}

/** @throws TypeError if it is no list of models. */
export function readCatalogue(catalogue: unknown, base: string): ModelChoice[] {
  const models = (catalogue as { models?: Entry[] } | null)?.models;
  if (!Array.isArray(models) || models.length === 0) throw new TypeError('catalogue.json has no models.');
  return models.map(({ name, model, bytes, sha256, licence, about }) => {
    if (typeof name !== 'string' || typeof model !== 'string') throw new TypeError('A model of catalogue.json has no name, or no address.');
    return { name, source: choiceOfText(model, base).source, bytes, sha256, licence, about };
  });
}

/** What the server says of the size of the file that `choice` names by its address; undefined where it says nothing. */
export async function sizeAtAddress({ source }: ModelChoice): Promise<number | undefined> {
  if (!('url' in source)) return undefined;
  const response = await fetch(source.url, { method: 'HEAD', cache: 'no-store' }).catch(() => null);
  const length = response?.ok && !response.headers.has('content-encoding') ? response.headers.get('content-length') : null;
  return length ? Number(length) : undefined;
}
