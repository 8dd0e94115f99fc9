// The list of models that the page offers, from catalogue.json beside it. Checked: a site may write its own.
import { choiceOfText, defaultModel, type ModelChoice } from './model-choice.ts';

interface Entry {
  name: string;
  /** An address, relative to the page, or owner/repo:quantisation. */
  model: string;
  /** Exactly, where it is known: another size at the address is told of and asked about. */
  bytes?: number;
  /** About how large, where it is not. */
  roughBytes?: number;
  sha256?: string;
  licence?: string;
  about?: string;
}

export interface Catalogue {
  models: ModelChoice[];
  /** Whether the visitor may search the hub for others. */
  search: boolean;
  /** Whether the visitor may use a model on a server. */
  servers: boolean;
}

const plain = (base: string): Catalogue => ({ models: [defaultModel(base)], search: true, servers: true });

/** The first one is what the page starts with. A site without a catalogue offers the default model. */
export async function fetchCatalogue(base: string): Promise<Catalogue> {
  try {
    const response = await fetch(new URL('catalogue.json', base));
    return response.ok ? readCatalogue(await response.json(), base) : plain(base);
  } catch {
    return plain(base);
  }
}

/** @throws TypeError if it is no list of models. */
export function readCatalogue(catalogue: unknown, base: string): Catalogue {
  const { models, search = true, servers = true } = (catalogue ?? {}) as { models?: Entry[]; search?: boolean; servers?: boolean };
  if (!Array.isArray(models) || models.length === 0) throw new TypeError('catalogue.json has no models.');
  return {
    search: search !== false,
    servers: servers !== false,
    models: models.map(({ name, model, bytes, roughBytes, sha256, licence, about }) => {
      if (typeof name !== 'string' || typeof model !== 'string') throw new TypeError('A model of catalogue.json has no name, or no address.');
      return { name, source: choiceOfText(model, base).source, bytes, roughBytes, sha256, licence, about };
    }),
  };
}

/** In GiB, where the browser tells it. */
export const deviceMemory = (): number | undefined => (navigator as { deviceMemory?: number }).deviceMemory;

/** GPU bytes that a model may take on a device of so many GiB, as far as a page can guess: `defaultBudget` of the engine, which knows the GPU, decides. */
const roomOn = (memory: number): number => Math.min(4, memory / 2) * 2 ** 30;

/** Whether a listed model has room on this device as a whole, beside its keys and values; undefined where its size or the device's memory is not known. */
export function isRoomy({ bytes, roughBytes = bytes }: ModelChoice, memory?: number): boolean | undefined {
  return roughBytes === undefined || memory === undefined ? undefined : 1.15 * roughBytes <= roomOn(memory);
}

/**
 * The first stays the first; then what this device holds as a whole, the largest and so the best of it first; then what is streamed, the
 * smallest first. As listed where nothing is known of the device.
 */
export function byRoom(models: ModelChoice[], memory?: number): ModelChoice[] {
  if (memory === undefined) return models;
  const [first, ...others] = models;
  const size = ({ bytes, roughBytes = bytes ?? 0 }: ModelChoice): number => roughBytes;
  const roomy = others.filter((each) => isRoomy(each, memory) !== false);
  const large = others.filter((each) => isRoomy(each, memory) === false);
  return [first, ...roomy.sort((a, b) => size(b) - size(a)), ...large.sort((a, b) => size(a) - size(b))];
}

/** What the server says of the size of the file that `choice` names by its address; undefined where it says nothing. */
export async function sizeAtAddress({ source }: ModelChoice): Promise<number | undefined> {
  if (!('url' in source)) return undefined;
  const response = await fetch(source.url, { method: 'HEAD', cache: 'no-store' }).catch(() => null);
  const length = response?.ok && !response.headers.has('content-encoding') ? response.headers.get('content-length') : null;
  return length ? Number(length) : undefined;
}
