// From what the caller names as a model to its header, and from there to a reader of its weights: found in the store,
// imported into it, or read from the source each time. Knows no GPU.
import { RequestError } from '../../errors.ts';
import { type OpenedFiles, openFiles, partNames } from '../../gguf/files.ts';
import { type Header } from '../../gguf/header.ts';
import { getString } from '../../gguf/metadata.ts';
import { type ByteSource } from '../../gguf/source.ts';
import { type LoadOptions, type LoadProgress, type ModelSource, type StoreCost, type VerifyResult } from '../../protocol.ts';
import { convertStored, isConvertible } from '../../weights/import/convert.ts';
import { measureReads } from '../../weights/stream/cost-model.ts';
import { findOnHub, hubUrl } from '../../weights/source/hub.ts';
import { importModel, type ImportProgress } from '../../weights/import/import-job.ts';
import { createEncryption, openEncryption } from '../../weights/store/keys.ts';
import { layoutVersion } from '../../weights/layout.ts';
import { holdModel, whileUnused, withImportLock } from '../../weights/store/locks.ts';
import { checkQuota } from '../../weights/import/quota.ts';
import { findDamaged, mendFrom, sourceReader, storedReader, type Mend, type WeightsReader } from '../../weights/store/reader.ts';
import { bytesSource, fileSource, sizedSource } from '../../weights/source/source.ts';
import { sealedStore } from '../../weights/store/sealed-store.ts';
import { type Encryption, type Manifest, sha256, type Store } from '../../weights/store/store.ts';
import { urlSource } from '../../weights/source/url-source.ts';
import { type OpenedModel, openModel } from './model-file.ts';

/** Where models are kept, and what watches over it. Undefined parts are missing where the engine runs. */
export interface Storage {
  store?: Store;
  locks?: LockManager;
  estimate?: () => Promise<StorageEstimate>;
  /** Where the measured cost of reads is kept. */
  costs?: { get(key: string): Promise<StoreCost | undefined>; set(key: string, cost: StoreCost): Promise<void> };
}

export interface FoundModel {
  files: OpenedFiles;
  /** The stored model, if that is where the header comes from. */
  manifest?: Manifest;
  /** Under what it will be found again: its URL, its name on a hub. */
  addresses: string[];
  /** SHA-256 of each file, where known. */
  sha256?: (string | undefined)[];
}

type Report = (progress: Partial<LoadProgress>) => void;

export interface ImportControl {
  report: Report;
  /** Awaited while the transfer is to pause. */
  gate?: () => Promise<void> | undefined;
  /** Awaited before bytes are repacked: see ImportOptions. */
  hold?: () => Promise<void> | undefined;
  signal?: AbortSignal;
}

/** Under `id` the weights are found again; `fromStore` is false if nothing is kept of them. */
export interface OpenedWeights {
  reader: WeightsReader;
  id: string;
  fromStore: boolean;
}

/** Opens the model's header, from the store if the model is there and complete. */
export async function findModel(given: ModelSource | ByteSource, options: LoadOptions, store: Store | undefined): Promise<FoundModel> {
  const hashes = typeof options.sha256 === 'string' ? [options.sha256] : options.sha256;
  if ('read' in given) return { files: await openFiles([given]), addresses: [], sha256: hashes };
  if ('bytes' in given) return { files: await openFiles([bytesSource(new Uint8Array(given.bytes), given.name ?? 'model.gguf')]), addresses: [], sha256: hashes };
  if ('file' in given) return { files: await openFiles([fileSource(given.file)]), addresses: [], sha256: hashes };
  if ('files' in given) {
    if (given.files.length === 0) throw new RequestError('There are no files to load. Give a GGUF, or all parts of one.');
    return { files: await openFiles(given.files.map(fileSource)), addresses: [], sha256: hashes };
  }
  const manifests = (await store?.manifests()) ?? [];
  if ('stored' in given) {
    const manifest = manifests.find((m) => m.id === given.stored);
    if (!manifest) throw new RequestError(`There is no stored model ${given.stored}.`, { code: 'not_found' });
    if (!isConvertible(manifest.layoutVersion)) throw new RequestError(`The stored model ${manifest.name} was stored by another version of windrow (layout ${manifest.layoutVersion}). Load it from its source.`, { code: 'not_found' });
    if (!manifest.complete) throw new RequestError(`The stored model ${manifest.name} is incomplete. Load it from its source to finish it.`, { code: 'not_found' });
    return { files: await openStored(manifest), manifest, addresses: [] };
  }
  const address = 'url' in given ? given.url : given.repo;
  const readable = ({ encryption }: Manifest) => !encryption || options.encryption || options.keep !== false; // who does not want it kept need not know the key
  const manifest = manifests.find((m) => m.urls.includes(address) && m.complete && isConvertible(m.layoutVersion) && readable(m));
  if (manifest) return { files: await openStored(manifest), manifest, addresses: [address] };
  if ('url' in given) return { files: await openUrls(partUrls(given.url)), addresses: [given.url], sha256: hashes };
  const found = await findOnHub(given.repo, { hub: options.hub ?? hubUrl, token: given.token });
  return { files: await openUrls(found.files.map(({ url }) => url), given.token), addresses: [given.repo, found.files[0].url], sha256: hashes ?? found.files.map((file) => file.sha256) };
}

const openUrls = (urls: string[], token?: string): Promise<OpenedFiles> => openFiles(urls.map((url) => urlSource(url, { token })));

/** The addresses of all parts, if `url` is that of one. */
export function partUrls(url: string): string[] {
  const end = url.search(/[?#]|$/);
  return partNames(url.slice(0, end))?.map((name) => name + url.slice(end)) ?? [url];
}

/** A stored model's header. */
export const openStored = ({ files }: Manifest): Promise<OpenedFiles> =>
  openFiles(files.map(({ name, byteLength, header }) => sizedSource(name, byteLength, async (offset, length) => header.slice(offset, offset + length))));

/** What tells one model from another: its headers, and a little of its weights where that costs little. */
export async function idOf({ files, header, source }: OpenedFiles): Promise<string> {
  const sampleBytes = 4096;
  const places = source.acceptsRanges === false ? [] : [0.3, 0.6, 0.9].map((share) => Math.floor(header.headerBytes + share * (header.fileBytes - header.headerBytes)));
  const samples = await Promise.all(places.map((at) => source.readUpTo(at, Math.min(sampleBytes, header.fileBytes - at))));
  return (await sha256(new Uint8Array(await new Blob([...files.map((file) => file.header), ...samples.map((bytes) => new Uint8Array(bytes))]).arrayBuffer()))).slice(0, 16);
}

/** The reader of a model's weights; imports the model first if it is to be kept and is not. */
export async function openReader(storage: Storage, options: LoadOptions, found: FoundModel, opened: OpenedModel, control: ImportControl): Promise<OpenedWeights> {
  const { files } = found;
  if (found.manifest && storage.store) {
    const { store, manifest } = await openForReading(storage, options, found.manifest, opened);
    return { reader: storedReader(store, manifest, mendFromUrls(store, manifest)), id: manifest.id, fromStore: true };
  }
  const id = await idOf(files);
  if (!storage.store || options.keep === false) return { reader: sourceReader(files.source, opened.header, opened.layout), id, fromStore: false };
  const { store, manifest } = await openForReading(storage, options, await ensureStored(storage, options, found, opened, id, control), opened);
  return { reader: storedReader(store, manifest, mendFrom(store, manifest, files.source, opened.header, opened.layout)), id, fromStore: true };
}

/** The store as the model's slabs lie in clear, and the manifest in the present layout. */
async function openForReading(storage: Storage, options: LoadOptions, manifest: Manifest, { layout }: OpenedModel): Promise<{ store: Store; manifest: Manifest }> {
  const store = await unlock(storage.store!, manifest, options);
  if (manifest.layoutVersion === layoutVersion) return { store, manifest };
  const converted = await whileUnused(storage.locks, manifest.id, async () => convertStored(store, (await store.manifest(manifest.id))!, layout));
  return { store, manifest: converted };
}

/** The store with the model's slabs decrypted, if they are encrypted. */
async function unlock(store: Store, { name, encryption }: Manifest, { encryption: given }: Pick<LoadOptions, 'encryption'>): Promise<Store> {
  if (!encryption && !given) return store;
  if (!encryption) throw new RequestError(`The model ${name} is stored in clear. Delete it first to store it encrypted.`);
  if (!given) throw new RequestError(`The model ${name} is stored encrypted. Give its key or its passphrase.`, { code: 'key_required' });
  return sealedStore(store, await openEncryption(given, encryption));
}

/** The complete manifest of a model, imported now if need be: by this tab, or by another one that began before. */
export async function ensureStored(storage: Storage, options: LoadOptions, { files, addresses, sha256 }: FoundModel, { header, graph, layout }: OpenedModel, id: string, { report, gate, hold, signal }: ImportControl): Promise<Manifest> {
  const store = storage.store!;
  const reportImport = throttled((progress: ImportProgress) => report({ phase: 'weights', fromStore: false, waiting: false, ...rateOf(progress), loadedBytes: progress.doneBytes, totalBytes: progress.totalBytes }));
  const onWaiting = (progress?: ImportProgress) => report({ phase: 'weights', fromStore: false, waiting: true, loadedBytes: progress?.doneBytes ?? 0, totalBytes: progress?.totalBytes ?? layout.byteLength });
  const rateOf = createRate();

  const complete = async (): Promise<Manifest | undefined> => {
    const known = await store.manifest(id);
    if (!known?.complete || !isConvertible(known.layoutVersion)) return undefined;
    const urls = [...new Set([...known.urls, ...addresses])];
    if (urls.length > known.urls.length) await store.putManifest({ ...known, urls });
    return { ...known, urls };
  };
  return (await complete()) ?? withImportLock(storage.locks, id, { onWaiting, signal }, async (tell) => {
    const finished = await complete(); // by the tab that had the lock
    if (finished) return finished;
    const notice = await forgetChanged(store, id, files, addresses);
    if (notice) report({ phase: 'weights', notice });
    await checkQuota(storage, id, layout);
    const begun = await store.manifest(id); // by an import that was interrupted
    const { target, encryption } = begun ? { target: await unlock(store, begun, options), encryption: begun.encryption } : await createTarget(store, options);
    const about = { id, name: nameOf(header, files.source.name), urls: [...new Set([...(begun?.urls ?? []), ...addresses])], encryption };
    return importModel({ ...files, layout, hostTensors: graph.hostTensors }, target, about, {
      connections: options.connections, sha256, gate, hold, signal,
      onProgress(progress) {
        tell(progress);
        reportImport(progress, progress.doneBytes === progress.totalBytes);
      },
    });
  });
}

/** Where a new model goes: the store, or the store behind a new key. */
async function createTarget(store: Store, { encryption }: LoadOptions): Promise<{ target: Store; encryption?: Encryption }> {
  if (!encryption) return { target: store };
  const created = await createEncryption(encryption);
  return { target: sealedStore(store, created.key), encryption: created.encryption };
}

/** Deletes what an unfinished import left of a file that has changed at its address since; says so. */
async function forgetChanged(store: Store, id: string, { files }: OpenedFiles, addresses: string[]): Promise<string | undefined> {
  for (const old of await store.manifests()) {
    if (old.complete || !old.urls.some((url) => addresses.includes(url))) continue;
    const changed = old.id !== id || old.files.some(({ version }, i) => version !== undefined && files[i].source.version !== undefined && version !== files[i].source.version);
    if (!changed) continue;
    await store.remove(old.id);
    return `${files[0].source.name} was changed since its import was interrupted: it is downloaded anew.`;
  }
  return undefined;
}

/** Mends from the addresses that a manifest names, if the same file is still there. */
function mendFromUrls(store: Store, manifest: Manifest): Mend | undefined {
  const url = manifest.urls.find((each) => /^https?:/.test(each));
  return url === undefined ? undefined : async (indices, signal) => {
    const files = await openUrls(partUrls(url));
    const { header, layout } = openModel(files.header);
    await mendFrom(store, manifest, files.source, header, layout)(indices, signal);
  };
}

/** Keeps other tabs from deleting a stored model until the returned function is called, and then lets go of its files. */
export async function holdStored({ store, locks }: Storage, id: string): Promise<() => Promise<void>> {
  const release = await holdModel(locks, id);
  return async () => {
    await store?.close(id);
    release();
  };
}

/** Checks every slab of a stored model and mends what is damaged from the model's address. */
export async function verifyStored(storage: Storage, id: string, options: Pick<LoadOptions, 'encryption'>): Promise<VerifyResult> {
  const manifest = await storage.store?.manifest(id);
  if (!storage.store || !manifest?.complete) throw new RequestError(`There is no complete stored model ${id}.`, { code: 'not_found' });
  const store = await unlock(storage.store, manifest, options);
  const release = await holdStored(storage, id);
  try {
    const damaged = await findDamaged(store, manifest);
    const result = { damaged, parts: manifest.slabHashes.length, whole: damaged.length === 0 };
    const mend = mendFromUrls(store, manifest);
    if (result.whole || !mend) return result;
    await mend(damaged);
    return { ...result, whole: true };
  } finally {
    await release();
  }
}

/** What reads of the store cost: as kept, else measured at this model and kept. Undefined if there is nothing to measure at. */
export async function storeCost({ store, costs }: Storage, id: string): Promise<StoreCost | undefined> {
  const kept = await costs?.get('store');
  const manifest = kept ? undefined : await store?.manifest(id);
  if (kept || !store || !manifest) return kept;
  const cost = await measureReads((...range) => store.read(id, ...range), manifest.slabBytes);
  if (cost) await costs?.set('store', cost);
  return cost;
}

export const nameOf = (header: Header, fallback: string): string => getString(header.metadata, 'general.name', fallback.split('/').at(-1) ?? fallback);

/** At most four times a second, and always when `force` says so. */
function throttled<T>(send: (value: T) => void): (value: T, force?: boolean) => void {
  let last = -Infinity;
  return (value, force = false) => {
    if (!force && performance.now() - last < 250) return;
    last = performance.now();
    send(value);
  };
}

/** Speed over the last seconds, and the time that the rest takes at that speed. */
function createRate(): (progress: ImportProgress) => { bytesPerSecond: number; secondsLeft?: number } {
  const windowMs = 4000;
  const samples: { bytes: number; ms: number }[] = [];
  return ({ receivedBytes, doneBytes, totalBytes }) => {
    samples.push({ bytes: receivedBytes, ms: performance.now() });
    while (samples.length > 2 && samples[1].ms <= samples.at(-1)!.ms - windowMs) samples.shift();
    const seconds = (samples.at(-1)!.ms - samples[0].ms) / 1000;
    const bytesPerSecond = seconds > 0.2 ? (receivedBytes - samples[0].bytes) / seconds : 0;
    return { bytesPerSecond, secondsLeft: bytesPerSecond > 0 ? (totalBytes - doneBytes) / bytesPerSecond : undefined };
  };
}
