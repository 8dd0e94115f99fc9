// Imports a model: reads its files once, in order, and stores each slab when all of its pieces have come. Holds a few
// slabs whatever the model's size. What is stored stays: an import that ends early is continued by the next one.
import { BudgetError, hasCode, RequestError } from '../../errors.ts';
import { type OpenedFiles } from '../../gguf/files.ts';
import { type Layout, hasColumns, layoutVersion } from '../layout.ts';
import { readAhead, type ReadAheadOptions } from '../source/read-ahead.ts';
import { type Manifest, sha256, type Store } from '../store/store.ts';
import { type Hashes, openHashes } from './file-hashes.ts';
import { createOpenSlabs, isWhole, type OpenSlabs, putSlab, type StoredSlabs, wordsOf } from './open-slabs.ts';
import { joinRanges, type Piece, pieceEnd, piecesOf, type Range, toFloats } from './pieces.ts';
import { createPlacer, type Placer, type Target, togetherIn } from './placer.ts';
import { createWrites, type Writes } from './slab-writes.ts';

export interface ImportableModel extends OpenedFiles {
  layout: Layout;
  /** Small tensors that the CPU reads. */
  hostTensors: readonly string[];
}

export interface ImportOptions extends ReadAheadOptions {
  /** SHA-256 of each file, in hexadecimal, where it is known. */
  sha256?: readonly (string | undefined)[];
  onProgress?: (progress: ImportProgress) => void;
  /** Awaited before bytes are repacked, which keeps the thread busy and would disturb what is timed on it. Requests go on. */
  hold?: () => Promise<void> | undefined;
  /** Gets each slab that this import finishes, once it is stored; nothing writes to `bytes` any more. Awaited, with as many at once as are written at once. */
  onSlab?: (slab: number, bytes: Uint8Array<ArrayBuffer>) => Promise<void>;
}

export interface ImportProgress {
  /** Bytes of weights in the file: those that are stored or placed, of all. */
  doneBytes: number;
  totalBytes: number;
  /** Bytes received in this session. */
  receivedBytes: number;
}

/** An import under way. */
interface ImportJob {
  readonly model: ImportableModel;
  readonly options: ImportOptions;
  readonly stored: StoredSlabs;
  readonly manifest: Manifest;
  /** What is neither stored nor in a draft, in the order of the files. */
  readonly missing: readonly Target[];
  /** Pieces that a slab still waits for. */
  readonly remaining: Map<number, number>;
  readonly open: OpenSlabs;
  readonly writes: Writes;
  readonly hashes: Hashes;
  readonly progress: ImportProgress;
}

/** Resolves with the complete manifest. Throws what the source throws, InvalidFileError for a wrong hash, BudgetError for a full disk. */
export async function importModel(
  model: ImportableModel,
  store: Store,
  about: Pick<Manifest, 'id' | 'name' | 'urls' | 'fingerprint' | 'encryption' | 'activation'>,
  options: ImportOptions = {},
): Promise<Manifest> {
  const { id } = about;
  const job = await beginImport(model, store, about, options);
  report(job);
  const placer = placerFor(job);
  try {
    await finishWithoutPieces(job);
    await placeAll(job, placer);
    await job.writes.end();
    await job.hashes.check(options.signal);
  } catch (error) {
    await job.writes.end().catch(() => {}); // nothing may be written after the error has been told
    if (hasCode(error, 'wrong_hash', 'file_changed')) await store.remove(id);
    else await keepDrafts(job, placer).catch(() => {}); // the first error is the one to tell
    await store.close(id);
    throw await tellFullDisk(error, job.stored);
  }
  await store.close(id);
  const slabHashes = model.layout.slabs.map((_, i) => job.stored.records.get(i)!.hash);
  const complete = await store.changeManifest(id, (now) => ({ ...now, slabHashes, complete: true, lastUsed: Date.now() }));
  if (!complete) throw new RequestError(`The model ${about.name} was deleted while it was imported. Load it again.`, { code: 'not_found' });
  report(job);
  return complete;
}

const report = ({ options, progress }: ImportJob): void => options.onProgress?.({ ...progress });

/** Finds what an earlier import has stored, and what is missing. */
async function beginImport(
  model: ImportableModel,
  store: Store,
  about: Pick<Manifest, 'id' | 'name' | 'urls' | 'fingerprint' | 'encryption' | 'activation'>,
  options: ImportOptions,
): Promise<ImportJob> {
  const { id } = about;
  const { layout } = model;
  let records = await store.slabs(id);
  const before = await store.manifest(id);
  const isOther = before && Boolean(before.columns) !== hasColumns(layout);
  if (isOther || [...records.values()].some((record) => record.layoutVersion !== layoutVersion)) {
    await store.removeSlabs(id); // of another windrow, which began and did not finish
    records = new Map();
  }
  const manifest: Manifest = {
    ...about,
    layoutVersion,
    files: model.files.map(({ source, byteLength, header }, i) => ({
      name: source.name,
      byteLength,
      header,
      version: source.version,
      sha256: options.sha256?.[i]?.toLowerCase(),
    })),
    hostTensors: before?.hostTensors ?? {},
    slabBytes: layout.slabs.map((slab) => slab.byteLength),
    ...(hasColumns(layout) && { columns: true }),
    slabHashes: [],
    complete: false,
    lastUsed: Date.now(),
  };
  await store.putManifest(manifest);

  const stored: StoredSlabs = { store, id, layout, records };
  const targets = targetsOf(model, manifest);
  const isStored = (slab: number, piece: Piece) => isWhole(stored, slab) || pieceEnd(piece) <= (records.get(slab)?.through ?? 0);
  const missing = targets.filter(({ slab, piece }) => slab === undefined || !isStored(slab, piece));
  const remaining = new Map<number, number>();
  for (const { slab } of missing) if (slab !== undefined) remaining.set(slab, (remaining.get(slab) ?? 0) + 1);
  const hashes = openHashes(model, options.sha256, await store.hashState(id));
  const progress: ImportProgress = { doneBytes: bytesIn(targets) - bytesIn(missing), totalBytes: bytesIn(targets), receivedBytes: 0 };
  return { model, options, stored, manifest, missing, remaining, open: createOpenSlabs(stored), writes: createWrites(), hashes, progress };
}

/** Where everything goes, in the order of the files: tensors that the CPU reads into the manifest, if they are not there, and the pieces of all slabs. */
function targetsOf({ header, layout, hostTensors }: ImportableModel, manifest: Manifest): Target[] {
  const forHost = hostTensors.filter((name) => !manifest.hostTensors[name]).map((name): Target => {
    const tensor = header.tensors.get(name)!;
    const keep = (bytes: Uint8Array) => void (manifest.hostTensors[name] = toFloats(tensor, bytes));
    return { slab: undefined, piece: { offset: tensor.offset, rows: 1, rowBytes: tensor.byteLength, place: (_, bytes) => keep(bytes) } };
  });
  const ofSlabs = layout.slabs.flatMap((slab, index) => piecesOf(header, layout, slab).map((piece): Target => ({ slab: index, piece })));
  return [...forHost, ...ofSlabs].sort((a, b) => a.piece.offset - b.piece.offset);
}

const bytesIn = (targets: readonly Target[]): number => togetherIn(targets).reduce((sum, [{ piece }]) => sum + piece.rows * piece.rowBytes, 0);

/** Has a slab stored whose pieces have all been placed. */
async function finishSlab({ stored, hashes, writes, options }: ImportJob, slab: number, words: Uint32Array<ArrayBuffer>): Promise<void> {
  const state = hashes.state();
  await writes.begin(async () => {
    const bytes = new Uint8Array(words.buffer);
    await putSlab(stored, slab, bytes, { hash: await sha256(bytes), layoutVersion });
    if (state) await stored.store.putHashState(stored.id, state);
    await options.onSlab?.(slab, bytes);
  });
}

/** Has slabs stored that wait for nothing: one without weights, or a draft that lacked only its last record. */
async function finishWithoutPieces(job: ImportJob): Promise<void> {
  const { stored, remaining } = job;
  for (const slab of stored.layout.slabs.keys())
    if (!isWhole(stored, slab) && !remaining.has(slab)) await finishSlab(job, slab, await wordsOf(stored, slab));
}

function placerFor(job: ImportJob): Placer {
  const { model, stored: { store, id }, manifest, missing, remaining, open, progress } = job;
  return createPlacer(missing, {
    open: open.open,
    placed(run, bytes) {
      progress.doneBytes += bytes;
      for (const { slab } of run) if (slab !== undefined) open.placed(slab, bytes);
    },
    async finished({ slab }) {
      if (slab === undefined) {
        if (model.hostTensors.every((name) => manifest.hostTensors[name]))
          await store.changeManifest(id, (now) => ({ ...now, hostTensors: manifest.hostTensors }));
        return;
      }
      remaining.set(slab, remaining.get(slab)! - 1);
      if (remaining.get(slab) === 0) await finishSlab(job, slab, open.take(slab));
    },
  });
}

/** Reads what is missing and places it. */
async function placeAll(job: ImportJob, placer: Placer): Promise<void> {
  const { model, options, missing, hashes, open, progress } = job;
  const onBytes = (length: number) => {
    progress.receivedBytes += length;
    report(job);
  };
  const chunkBytes = Math.min(2 ** 23, Math.max(2 ** 20, Math.ceil(progress.totalBytes / 64))); // a small model is not lost in a few requests
  const ranges = neededRanges(missing, hashes.from, fileEnd(model));
  for await (const { offset, bytes } of readAhead(model.source, ranges, { chunkBytes, ...options, onBytes })) {
    await options.hold?.();
    options.signal?.throwIfAborted();
    hashes.update(offset, bytes);
    await placer.feed(offset, bytes);
    await open.spill(placer.current.map(({ slab }) => slab), placer.current.at(0)?.piece.offset ?? offset + bytes.length);
    report(job);
  }
}

/** What an error, unlike a killed tab, leaves time for. */
async function keepDrafts({ open, hashes, stored: { store, id } }: ImportJob, placer: Placer): Promise<void> {
  const through = placer.current.at(0)?.piece.offset;
  if (through === undefined) return;
  await open.keep(through);
  const state = hashes.state();
  if (state) await store.putHashState(id, state);
}

/** What has to be read: the missing pieces, and from byte `hashFrom` on everything. */
function neededRanges(missing: readonly Target[], hashFrom: number, end: number): Range[] {
  const ranges = missing.map(({ piece }) => ({ offset: piece.offset, end: pieceEnd(piece) })).filter(({ offset }) => offset < hashFrom);
  if (hashFrom < end) ranges.push({ offset: hashFrom, end });
  return joinRanges(ranges);
}

/** The end of the file, padding included where its size is known; parts of a split model lie end to end without it. */
const fileEnd = ({ files, header, source }: OpenedFiles): number =>
  files.length === 1 ? Math.max(source.byteLength ?? 0, header.fileBytes) : header.fileBytes;

/** The browser's own estimate is no help here: it hides how much it really gives. */
async function tellFullDisk(error: unknown, stored: StoredSlabs): Promise<unknown> {
  if ((error as Error).name !== 'QuotaExceededError') return error;
  const { byteLength, slabs } = stored.layout;
  const storedBytes = slabs.reduce((sum, slab, i) => sum + (isWhole(stored, i) ? slab.byteLength : 0), 0);
  const { usage } = (await globalThis.navigator?.storage?.estimate?.().catch(() => undefined)) ?? {};
  const used = usage === undefined ? '' : ` (this site keeps ${usage} now)`;
  return new BudgetError(
    `The browser's storage is full: the model needs ${byteLength} bytes, ${storedBytes} of them are stored, and the browser gives no more${used}. ` +
    'Delete a stored model or free disk space, then load again: what is stored is not downloaded twice.',
    { code: 'storage_full' },
  );
}
