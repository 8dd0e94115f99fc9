// Where the weights of a found model are read: in the store, imported into it first if need be, or at the source each time.
// Knows no GPU.
import { hasCode, RequestError } from '../../errors.ts';
import { type LoadOptions, type StoreCost } from '../../protocol.ts';
import { isCutAs } from '../../weights/import/convertible.ts';
import { measureReads } from '../../weights/stream/cost-model.ts';
import { type ImportOptions, type ImportProgress } from '../../weights/import/import-job.ts';
import { createEncryption, openEncryption } from '../../weights/store/keys.ts';
import { hasColumns, layoutVersion } from '../../weights/layout.ts';
import { holdModel, whileUnused, withImportLock } from '../../weights/store/locks.ts';
import { checkQuota } from '../../weights/import/quota.ts';
import { mendFrom, sourceReader, storedReader, type Mend, type WeightsReader } from '../../weights/store/reader.ts';
import { sealedStore } from '../../weights/store/sealed-store.ts';
import { type Encryption, type Manifest, type Store } from '../../weights/store/store.ts';
import { fingerprintOf, newId } from '../../weights/store/identity.ts';
import { type FoundModel, openUrls, partUrls } from './found.ts';
import { begunAs, goesOn, storedAs } from './kept-as.ts';
import { type OpenedModel, nameOf, openModel, readAs } from './opened.ts';
import { type Report } from './progress.ts';

/** Where models are kept, and what watches over it. Undefined parts are missing where the engine runs. */
export interface Storage {
  store?: Store;
  locks?: LockManager;
  estimate?: () => Promise<StorageEstimate>;
  /** Where the measured cost of reads is kept. */
  costs?: { get(key: string): Promise<StoreCost | undefined>; set(key: string, cost: StoreCost): Promise<void> };
}

export interface ImportControl extends Pick<ImportOptions, 'gate' | 'hold' | 'onSlab' | 'signal'> {
  report: Report;
}

/** Under `id` the weights are found again; `fromStore` is false if nothing is kept of them. */
interface FoundWeights {
  reader: WeightsReader;
  id: string;
  fromStore: boolean;
}

/** Held, so that no other tab deletes them, until `release` is called. */
export interface OpenedWeights extends FoundWeights {
  /** Of reading the store, where something is there to measure at. */
  storeCost?: StoreCost;
  release(): Promise<void>;
}

/** Opens a model's weights for reading; imports the model first if it is to be kept and is not. */
export async function openWeights(
  storage: Storage,
  options: LoadOptions,
  found: FoundModel,
  opened: OpenedModel,
  control: ImportControl,
): Promise<OpenedWeights> {
  const weights = await openReader(storage, options, found, opened, control);
  const release = weights.fromStore ? await holdStored(storage, weights.id) : async () => {};
  await control.hold?.();
  const cost = await storeCost(storage, weights.id);
  return { ...weights, storeCost: cost, release };
}

async function openReader(storage: Storage, options: LoadOptions, found: FoundModel, opened: OpenedModel, control: ImportControl): Promise<FoundWeights> {
  const { files } = found;
  if (found.manifest && storage.store) {
    const { store, manifest } = await openForReading(storage, options, found.manifest, opened);
    return { reader: storedReader(store, manifest, mendFromUrls(store, manifest)), id: manifest.id, fromStore: true };
  }
  if (!storage.store || options.keep === false) {
    const id = await newId(files, found.sha256, await fingerprintOf(files));
    return { reader: sourceReader(files.source, opened.header, opened.layout), id, fromStore: false };
  }
  const { store, manifest } = await openForReading(storage, options, await ensureStored(storage, options, found, opened, control), opened);
  return { reader: storedReader(store, manifest, mendFrom(store, manifest, files.source, opened.header, opened.layout)), id: manifest.id, fromStore: true };
}

/** The store as the model's slabs lie in clear, and the manifest in the present layout. */
async function openForReading(
  storage: Storage,
  options: LoadOptions,
  manifest: Manifest,
  { layout }: OpenedModel,
): Promise<{ store: Store; manifest: Manifest }> {
  if (Boolean(manifest.columns) !== hasColumns(layout)) // by another tab, since the header was read
    throw new RequestError(`The model ${manifest.name} was stored meanwhile, to be read otherwise than is asked for here. Load it again.`);
  const store = await unlock(storage.store!, await noteActivation(storage.store!, manifest, options), options);
  if (manifest.layoutVersion === layoutVersion && isCutAs(manifest, layout)) return { store, manifest };
  const { convertStored } = await import('../../weights/import/convert.ts'); // a chunk of its own: seldom is anything of an older windrow there
  const converted = await whileUnused(storage.locks, manifest.id, async () => convertStored(store, (await store.manifest(manifest.id))!, layout));
  return { store, manifest: converted };
}

/** Keeps what gates go through, where a load or an import says it of a model that is stored already: as was said last. */
export const noteActivation = async (store: Store, manifest: Manifest, { activation, keep }: Pick<LoadOptions, 'activation' | 'keep'>): Promise<Manifest> =>
  (activation && activation !== manifest.activation && keep !== false
    ? ((await store.changeManifest(manifest.id, (now) => ({ ...now, activation }))) ?? manifest)
    : manifest);

/** The store with the model's slabs decrypted, if they are encrypted. */
export async function unlock(store: Store, { name, encryption }: Manifest, { encryption: given }: Pick<LoadOptions, 'encryption'>): Promise<Store> {
  if (!encryption && !given) return store;
  if (!encryption) throw new RequestError(`The model ${name} is stored in clear. Delete it first to store it encrypted.`);
  if (!given) throw new RequestError(`The model ${name} is stored encrypted. Give its key or its passphrase.`, { code: 'key_required' });
  return sealedStore(store, await openEncryption(given, encryption));
}

/** The complete manifest of a model, imported now if need be: by this tab, or by another one that began before. */
export async function ensureStored(
  storage: Storage,
  options: LoadOptions,
  found: FoundModel,
  { header, graph, layout }: OpenedModel,
  { report, ...how }: ImportControl,
): Promise<Manifest> {
  const store = storage.store!;
  const { files, addresses, sha256 } = found;
  const reportImport = throttled((progress: ImportProgress) =>
    report({ phase: 'weights', fromStore: false, waiting: false, ...rateOf(progress), loadedBytes: progress.doneBytes, totalBytes: progress.totalBytes }),
  );
  const onWaiting = (progress?: ImportProgress) =>
    report({ phase: 'weights', fromStore: false, waiting: true, loadedBytes: progress?.doneBytes ?? 0, totalBytes: progress?.totalBytes ?? layout.byteLength });
  const rateOf = createRate();

  const fingerprint = await fingerprintOf(files);
  const complete = async (): Promise<Manifest | undefined> => {
    const stored = await storedAs(store, fingerprint, found);
    if (!stored || addresses.every((address) => stored.urls.includes(address))) return stored;
    return store.changeManifest(stored.id, (now) => ({ ...now, urls: [...new Set([...now.urls, ...addresses])] }));
  };
  const finished = await complete();
  if (finished) return finished;
  const id = (await begunAs(store, fingerprint, found))?.id ?? (await newId(files, sha256, fingerprint));
  return withImportLock(storage.locks, id, { onWaiting, signal: how.signal }, async (tell) => {
    const meanwhile = await complete(); // by the tab that had the lock
    if (meanwhile) return meanwhile;
    const notice = await forgetChanged(store, fingerprint, found);
    if (notice) report({ phase: 'weights', notice });
    await checkQuota(storage, id, layout);
    const begun = await store.manifest(id); // by an import that was interrupted
    const { target, encryption } = begun ? { target: await unlock(store, begun, options), encryption: begun.encryption } : await createTarget(store, options);
    const activation = options.activation ?? begun?.activation;
    const about = {
      id, name: nameOf(header, files.source.name), urls: [...new Set([...(begun?.urls ?? []), ...addresses])], fingerprint, encryption,
      ...(activation && { activation }),
    };
    const { importModel } = await import('../../weights/import/import-job.ts'); // a chunk of its own: a model is imported once
    const manifest = await importModel({ ...files, layout, hostTensors: graph.hostTensors }, target, about, {
      ...how,
      connections: options.connections,
      sha256,
      onProgress(progress) {
        tell(progress);
        reportImport(progress, progress.doneBytes === progress.totalBytes);
      },
    });
    await leaveAddresses(storage, manifest, addresses);
    return manifest;
  });
}

/**
 * An address has one file: what was stored from there before keeps its other addresses, or goes if its weights are the same, kept before
 * their hash was known.
 */
async function leaveAddresses({ store, locks }: Storage, { id, slabHashes }: Manifest, addresses: string[]): Promise<void> {
  for (const other of await store!.manifests()) {
    if (other.id === id || !other.urls.some((url) => addresses.includes(url))) continue;
    const replaced = other.complete && other.slabHashes.join() === slabHashes.join();
    const leave = () => store!.changeManifest(other.id, (now) => ({ ...now, urls: now.urls.filter((url) => !addresses.includes(url)) }));
    if (!replaced) await leave();
    else {
      await whileUnused(locks, other.id, () => store!.remove(other.id)).catch((error: unknown) => {
        if (!hasCode(error, 'model_in_use')) throw error;
        return leave();
      });
    }
  }
}

/** Where a new model goes: the store, or the store behind a new key. */
async function createTarget(store: Store, { encryption }: LoadOptions): Promise<{ target: Store; encryption?: Encryption }> {
  if (!encryption) return { target: store };
  const created = await createEncryption(encryption);
  return { target: sealedStore(store, created.key), encryption: created.encryption };
}

/** Deletes what an unfinished import left of a file that has changed at its address since; says so. */
async function forgetChanged(store: Store, fingerprint: string, found: FoundModel): Promise<string | undefined> {
  for (const old of await store.manifests()) {
    if (old.complete || !old.urls.some((url) => found.addresses.includes(url)) || goesOn(old, fingerprint, found)) continue;
    await store.remove(old.id);
    return `${found.files.files[0].source.name} was changed since its import was interrupted: it is downloaded anew.`;
  }
  return undefined;
}

/** Mends from the addresses that a manifest names, if the same file is still there. */
export function mendFromUrls(store: Store, manifest: Manifest): Mend | undefined {
  const url = manifest.urls.find((each) => /^https?:/.test(each));
  return url === undefined ? undefined : async (indices, signal) => {
    const files = await openUrls(partUrls(url));
    const { header, layout } = await openModel(files.header, readAs(manifest));
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

/** What reads of the store cost: as kept, else measured at this model and kept. Undefined if there is nothing to measure at. */
async function storeCost({ store, costs }: Storage, id: string): Promise<StoreCost | undefined> {
  const kept = await costs?.get('store');
  const manifest = kept ? undefined : await store?.manifest(id);
  if (kept || !store || !manifest) return kept;
  const cost = await measureReads((...range) => store.read(id, ...range), manifest.slabBytes);
  if (cost) await costs?.set('store', cost);
  return cost;
}

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
