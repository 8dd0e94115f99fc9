// The first value of a load: what the caller names as a model, found in the store or at its source, with its header. Reads
// no weights.
import { InvalidFileError, RequestError } from '../../errors.ts';
import { type OpenedFiles, openFiles, partNames } from '../../gguf/files.ts';
import { type ByteSource } from '../../gguf/source.ts';
import { type LoadOptions, type ModelSource } from '../../protocol.ts';
import { isConvertible } from '../../weights/import/convertible.ts';
import { bytesSource, fileSource, sizedSource } from '../../weights/source/source.ts';
import { urlSource } from '../../weights/source/url-source.ts';
import { compareTo, fingerprintOf, hasFingerprint, type Wanted } from '../../weights/store/identity.ts';
import { type Manifest, type Store } from '../../weights/store/store.ts';
import { keptAs } from './kept-as.ts';

export interface FoundModel {
  files: OpenedFiles;
  /** The stored model, if that is where the header comes from. */
  manifest?: Manifest;
  /** Else the same file in the store, or an import of it that was begun, which says how it is read. */
  kept?: Manifest;
  /** Under what it will be found again: its URL, its name on a hub. */
  addresses: string[];
  /** SHA-256 of each file, where known. */
  sha256?: Wanted['sha256'];
  /** Something that a person should know. */
  notice?: string;
}

/** Opens the model's header, from the store if the model is there and complete, and may be what is wanted. */
export async function findModel(given: ModelSource | ByteSource, options: LoadOptions, store: Store | undefined): Promise<FoundModel> {
  const found = await find(given, options, store);
  const kept = store && !found.manifest && options.keep !== false ? await keptAs(store, found) : undefined;
  return kept ? { ...found, kept } : found;
}

async function find(given: ModelSource | ByteSource, options: LoadOptions, store: Store | undefined): Promise<FoundModel> {
  const wanted: Wanted = { sha256: typeof options.sha256 === 'string' ? [options.sha256] : options.sha256, fileBytes: options.fileBytes };
  const local = localSources(given);
  if (local) return { files: await openFiles(local), addresses: [], sha256: wanted.sha256 };
  const manifests = (await store?.manifests()) ?? [];
  if ('stored' in given) return storedById(manifests, given.stored, wanted);
  return atAddress(given as { url: string } | { repo: string; token?: string }, wanted, options, store, manifests);
}

/** Sources of what the caller has in hand; undefined for what has to be looked for. */
function localSources(given: ModelSource | ByteSource): ByteSource[] | undefined {
  if ('read' in given) return [...(given.parts ?? [given])];
  if ('bytes' in given) return [bytesSource(new Uint8Array(given.bytes), given.name ?? 'model.gguf')];
  if ('file' in given) return [fileSource(given.file)];
  if (!('files' in given)) return undefined;
  if (given.files.length === 0) throw new RequestError('There are no files to load. Give a GGUF, or all parts of one.');
  return given.files.map(fileSource);
}

async function storedById(manifests: Manifest[], id: string, wanted: Wanted): Promise<FoundModel> {
  const manifest = manifests.find((m) => m.id === id);
  if (!manifest) throw new RequestError(`There is no stored model ${id}.`, { code: 'not_found' });
  const { name, complete, layoutVersion } = manifest;
  if (!isConvertible(layoutVersion))
    throw new RequestError(`The stored model ${name} was stored by another version of windrow (layout ${layoutVersion}). Load it from its source.`, {
      code: 'not_found',
    });
  if (!complete) throw new RequestError(`The stored model ${name} is incomplete. Load it from its source to finish it.`, { code: 'not_found' });
  if (compareTo(wanted, manifest) !== 'same') throw wrongFile(manifest, wanted, 'Leave the hash out, or load the model from its source.');
  return fromStore(manifest, []);
}

const fromStore = async (manifest: Manifest, addresses: string[]): Promise<FoundModel> => ({ files: await openStored(manifest), manifest, addresses });

async function atAddress(
  given: { url: string } | { repo: string; token?: string },
  wanted: Wanted,
  options: LoadOptions,
  store: Store | undefined,
  manifests: Manifest[],
): Promise<FoundModel> {
  const address = 'url' in given ? given.url : given.repo;
  // Who does not want it kept need not know the key of an encrypted one.
  const usable = manifests
    .filter(
      ({ complete, layoutVersion, encryption }) => complete && isConvertible(layoutVersion) && (!encryption || options.encryption || options.keep !== false),
    )
    .sort((a, b) => b.lastUsed - a.lastUsed);
  const there = usable.filter(({ urls }) => urls.includes(address));
  const stored = withHash(usable, wanted) ?? there.find((manifest) => compareTo(wanted, manifest) === 'same');
  if (stored) return fromStore(stored, [address]);
  let found: FoundModel;
  try {
    if ('url' in given)
      found = { files: await openUrls(partUrls(given.url), { hashes: compared(wanted.sha256, options) }), addresses: [address], sha256: wanted.sha256 };
    else {
      const { findOnHub, hubUrl } = await import('../../weights/source/hub.ts'); // a chunk of its own: models that are stored need no hub
      const { files } = await findOnHub(given.repo, { hub: options.hub ?? hubUrl, token: given.token });
      const sha256 = wanted.sha256 ?? files.map((file) => file.sha256);
      const same = withHash(usable, { sha256 });
      if (same) return await fromStore(same, [address, files[0].url]);
      found = {
        files: await openUrls(
          files.map(({ url }) => url),
          { token: given.token, hashes: compared(sha256, options) },
        ),
        addresses: [address, files[0].url],
        sha256,
      };
    }
  } catch (error) {
    return withoutSource(store, there, wanted, address, error);
  }
  const finished = store && (await finishHash(store, there, wanted, found.files));
  return finished ? fromStore(finished, [address]) : found;
}

/** The stored model that is what is wanted by the hashes of all of its files, wherever it came from. */
const withHash = (manifests: Manifest[], { sha256 = [] }: Wanted): Manifest | undefined =>
  sha256.length > 0 && sha256.every(Boolean)
    ? manifests.find((manifest) => manifest.files.every((file) => file.sha256) && compareTo({ sha256 }, manifest) === 'same')
    : undefined;

/**
 * What there is when the source cannot be reached: nothing that is known to be another file. A model of a windrow that
 * compared hashes but did not note them is used, and that is said.
 */
async function withoutSource(store: Store | undefined, there: Manifest[], wanted: Wanted, address: string, error: unknown): Promise<FoundModel> {
  const undecided = there.filter((manifest) => compareTo(wanted, manifest) === 'undecided');
  for (const manifest of undecided) {
    if (manifest.fingerprint !== undefined || !(await store?.hashState(manifest.id))) continue;
    const notice = `${manifest.name} is used as it was stored: its hash was right then, but was not noted, and ${address} cannot be reached to compare it.`;
    return { ...(await fromStore(manifest, [address])), notice };
  }
  const isAnswer = error instanceof RequestError || error instanceof InvalidFileError;
  if (there.length === 0 || isAnswer) throw error;
  throw wrongFile(there[0], wanted, `The file that is wanted is at its source, which cannot be reached: ${(error as Error).message}`);
}

function wrongFile({ name, files }: Manifest, { sha256 = [], fileBytes }: Wanted, whatToDo: string): InvalidFileError {
  const hash = (hashes: readonly (string | undefined)[]) => hashes.map((one) => one ?? 'unknown').join(', ');
  const bytes = files.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const [has, needed] = sha256.some(Boolean) ? [`the SHA-256 ${hash(files.map((file) => file.sha256))}`, hash(sha256)] : [`${bytes} bytes`, `${fileBytes}`];
  return new InvalidFileError(`The stored model ${name} has ${has}; needed is ${needed}. ${whatToDo}`, { code: 'wrong_hash' });
}

/** Most bytes that are read to complete a hash that was begun when the model was stored. */
const restBytes = 2 ** 20;

/**
 * The model that was stored before hashes were noted, if they are what is wanted, and notes them then. They are made of
 * their kept states and the last bytes of the source's files. Undefined if there is none, or too much would have to be read.
 */
async function finishHash(store: Store, there: Manifest[], wanted: Wanted, files: OpenedFiles): Promise<Manifest | undefined> {
  const undecided = there.filter((manifest) => compareTo(wanted, manifest) === 'undecided' && manifest.fingerprint === undefined);
  const fingerprint = undecided.length > 0 ? await fingerprintOf(files) : '';
  for (const manifest of undecided.filter((each) => hasFingerprint(each, fingerprint))) {
    const states = await store.hashState(manifest.id);
    if (!states || files.files.some(({ byteLength }, i) => byteLength - (states[i]?.through ?? 0) > restBytes)) continue;
    const { createFileHash, digestOf } = await import('../../weights/import/file-hash.ts'); // a chunk of its own, which imports have
    const sha256 = await Promise.all(files.files.map(({ source }, i) => digestOf(createFileHash(states[i]), source)));
    const hashed = (now: Manifest): Manifest => ({ ...now, fingerprint, files: now.files.map((file, i) => ({ ...file, sha256: sha256[i] })) });
    // Another hash proves nothing: the end may be that of a file that has changed since.
    if (compareTo(wanted, hashed(manifest)) === 'same') return store.changeManifest(manifest.id, hashed);
  }
  return undefined;
}

/** Hashes that an import will compare: what is read without being kept is not hashed as a whole. */
const compared = (hashes: Wanted['sha256'], { keep }: LoadOptions): Wanted['sha256'] => (keep === false ? undefined : hashes);

/** `hashes`: of the files that are compared once all is read. */
export const openUrls = (urls: string[], { token, hashes }: { token?: string; hashes?: Wanted['sha256'] } = {}): Promise<OpenedFiles> =>
  openFiles(urls.map((url, i) => urlSource(url, { token, hashed: hashes?.[i] !== undefined })));

/** The addresses of all parts, if `url` is that of one. */
export function partUrls(url: string): string[] {
  const end = url.search(/[?#]|$/);
  return partNames(url.slice(0, end))?.map((name) => name + url.slice(end)) ?? [url];
}

/** A stored model's header. */
const openStored = ({ files }: Manifest): Promise<OpenedFiles> =>
  openFiles(files.map(({ name, byteLength, header }) => sizedSource(name, byteLength, async (offset, length) => header.slice(offset, offset + length))));

/** Whether two name the same model at the same place; of bytes in memory only the same ones are. */
export function isSameSource(one: ModelSource | ByteSource, other: ModelSource | ByteSource): boolean {
  if (one === other) return true;
  if ('read' in one || 'read' in other) return false;
  if ('url' in one) return 'url' in other && one.url === other.url;
  if ('repo' in one) return 'repo' in other && one.repo === other.repo;
  if ('stored' in one) return 'stored' in other && one.stored === other.stored;
  return (
    'file' in one &&
    'file' in other &&
    one.file.name === other.file.name &&
    one.file.size === other.file.size &&
    one.file.lastModified === other.file.lastModified
  );
}

/** A key that came in another message cannot be compared, and is taken for another one. */
export function isSameSecret(one: LoadOptions['encryption'], other: LoadOptions['encryption']): boolean {
  if (!one || !other) return one === other;
  return 'key' in one ? 'key' in other && one.key === other.key : 'passphrase' in other && one.passphrase === other.passphrase;
}
