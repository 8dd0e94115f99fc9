// Imports a model: reads its files once, in order, and stores each slab when all of its pieces have come. Holds a few
// slabs whatever the model's size. What is stored stays: an import that ends early is continued by the next one.
import { BudgetError, hasCode, InvalidFileError, RequestError } from '../../errors.ts';
import { type OpenedFiles } from '../../gguf/files.ts';
import { createFileHash, digestOf, type FileHash } from './file-hash.ts';
import { joinRanges, pieceEnd, piecesOf, type Range, toFloats } from './pieces.ts';
import { type Layout, layoutVersion } from '../layout.ts';
import { createPlacer, type Target } from './placer.ts';
import { readAhead, type ReadAheadOptions } from '../source/read-ahead.ts';
import { type HashState, type Manifest, sha256, type SlabRecord, type Store } from '../store/store.ts';

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

/** Whole slabs waiting to be written, at most. */
const writesAtOnce = 2;
/** What an interruption may cost besides the open requests: unfinished slabs, counted by their bytes; and how many are held. */
const most = { lostSlabs: 2, openSlabs: 6 };

/** Resolves with the complete manifest. Throws what the source throws, InvalidFileError for a wrong hash, BudgetError for a full disk. */
export async function importModel(
  model: ImportableModel,
  store: Store,
  about: Pick<Manifest, 'id' | 'name' | 'urls' | 'fingerprint' | 'encryption'>,
  options: ImportOptions = {},
): Promise<Manifest> {
  const { header, layout, source, files } = model;
  const { id } = about;
  let records = await store.slabs(id);
  if ([...records.values()].some((record) => record.layoutVersion !== layoutVersion)) {
    await store.removeSlabs(id); // of another windrow, which began and did not finish
    records = new Map();
  }
  const before = await store.manifest(id);
  const manifest: Manifest = {
    ...about,
    layoutVersion,
    files: files.map(({ source, byteLength, header }, i) => ({
      name: source.name,
      byteLength,
      header,
      version: source.version,
      sha256: options.sha256?.[i]?.toLowerCase(),
    })),
    hostTensors: before?.hostTensors ?? {},
    slabBytes: layout.slabs.map((slab) => slab.byteLength),
    slabHashes: [],
    complete: false,
    lastUsed: Date.now(),
  };
  await store.putManifest(manifest);

  const isStored = (slab: number) => records.get(slab)?.through === undefined && records.has(slab);
  const targets: Target[] = [
    ...model.hostTensors
      .map((name): Target => {
        const tensor = header.tensors.get(name)!;
        const keep = (bytes: Uint8Array) => void (manifest.hostTensors[name] = toFloats(tensor, bytes));
        return { slab: undefined, piece: { offset: tensor.offset, rows: 1, rowBytes: tensor.byteLength, place: (_, bytes) => keep(bytes) } };
      })
      .filter((_, i) => !manifest.hostTensors[model.hostTensors[i]]),
    ...layout.slabs.flatMap((slab, index) => piecesOf(header, layout, slab).map((piece): Target => ({ slab: index, piece }))),
  ].sort((a, b) => a.piece.offset - b.piece.offset);
  const bytesIn = (list: readonly Target[]) => list.reduce((sum, { piece }) => sum + piece.rows * piece.rowBytes, 0);
  const missing = targets.filter(({ slab, piece }) => slab === undefined || !(isStored(slab) || pieceEnd(piece) <= (records.get(slab)?.through ?? 0)));

  const hashes = openHashes(model, options.sha256, await store.hashState(id));
  const progress: ImportProgress = { doneBytes: bytesIn(targets) - bytesIn(missing), totalBytes: bytesIn(targets), receivedBytes: 0 };
  const report = () => options.onProgress?.({ ...progress });
  report();

  const writes = createWrites();
  const remaining = new Map<number, number>(); // pieces that a slab still waits for
  for (const { slab } of missing) if (slab !== undefined) remaining.set(slab, (remaining.get(slab) ?? 0) + 1);

  async function finishSlab(slab: number, words: Uint32Array<ArrayBuffer>): Promise<void> {
    const state = hashes.state();
    await writes.begin(async () => {
      const bytes = new Uint8Array(words.buffer);
      const record: SlabRecord = { hash: await sha256(bytes), layoutVersion };
      await store.putSlab(id, slab, bytes, record);
      records.set(slab, record);
      if (state) await store.putHashState(id, state);
      await options.onSlab?.(slab, bytes);
    });
  }

  const largestSlab = Math.max(...manifest.slabBytes);
  const open = new Map<number, { words: Uint32Array<ArrayBuffer>; bytes: number }>();
  async function openSlab(slab: number): Promise<Uint32Array<ArrayBuffer>> {
    const words = open.get(slab)?.words ?? (records.has(slab) ? await readDraft(store, id, slab, layout) : new Uint32Array(layout.slabs[slab].byteLength / 4));
    if (!open.has(slab)) open.set(slab, { words, bytes: 0 });
    return words;
  }

  /** All before `through` has been placed. */
  async function putDraft(slab: number, through: number): Promise<void> {
    const { words } = open.get(slab)!;
    open.delete(slab);
    const record: SlabRecord = { hash: '', layoutVersion, through };
    await store.putSlab(id, slab, new Uint8Array(words.buffer), record);
    records.set(slab, record);
  }

  /** Stores the fullest unfinished slabs as drafts while too much would be lost. */
  async function spill(current: number | undefined, through: number): Promise<void> {
    for (;;) {
      const others = [...open].filter(([slab]) => slab !== current).sort(([, a], [, b]) => b.bytes - a.bytes);
      const openBytes = [...open.values()].reduce((sum, { bytes }) => sum + bytes, 0);
      if (others.length === 0 || (openBytes <= most.lostSlabs * largestSlab && open.size <= most.openSlabs)) return;
      await putDraft(others[0][0], through);
    }
  }

  /** What an error, unlike a killed tab, leaves time for. */
  async function keepDrafts(): Promise<void> {
    const through = placer.current?.piece.offset;
    if (through === undefined) return;
    for (const [slab, { bytes }] of [...open]) if (bytes > 0) await putDraft(slab, through);
    const state = hashes.state();
    if (state) await store.putHashState(id, state);
  }

  const placer = createPlacer(missing, {
    open: openSlab,
    placed({ slab }: Target, bytes) {
      progress.doneBytes += bytes;
      if (slab !== undefined) open.get(slab)!.bytes += bytes;
    },
    async finished({ slab }: Target) {
      if (slab === undefined) {
        if (model.hostTensors.every((name) => manifest.hostTensors[name]))
          await store.changeManifest(id, (now) => ({ ...now, hostTensors: manifest.hostTensors }));
        return;
      }
      remaining.set(slab, remaining.get(slab)! - 1);
      if (remaining.get(slab) !== 0) return;
      const { words } = open.get(slab)!;
      open.delete(slab);
      await finishSlab(slab, words);
    },
  });

  try {
    for (const [slab, { byteLength }] of layout.slabs.entries()) {
      // A slab without weights, or a draft that lacked only its last record.
      if (!isStored(slab) && !remaining.has(slab))
        await finishSlab(slab, records.has(slab) ? await readDraft(store, id, slab, layout) : new Uint32Array(byteLength / 4));
    }
    const onBytes = (length: number) => {
      progress.receivedBytes += length;
      report();
    };
    const chunkBytes = Math.min(2 ** 23, Math.max(2 ** 20, Math.ceil(progress.totalBytes / 64))); // a small model is not lost in a few requests
    const ranges = neededRanges(missing, hashes.from, fileEnd(model));
    for await (const { offset, bytes } of readAhead(source, ranges, { chunkBytes, ...options, onBytes })) {
      await options.hold?.();
      options.signal?.throwIfAborted();
      hashes.update(offset, bytes);
      await placer.feed(offset, bytes);
      await spill(placer.current?.slab, placer.current?.piece.offset ?? offset + bytes.length);
      report();
    }
    await writes.end();
    await hashes.check(options.signal);
  } catch (error) {
    await writes.end().catch(() => {}); // nothing may be written after the error has been told
    if (hasCode(error, 'wrong_hash', 'file_changed')) await store.remove(id);
    else await keepDrafts().catch(() => {}); // the first error is the one to tell
    await store.close(id);
    throw await tellFullDisk(
      error,
      layout.byteLength,
      layout.slabs.reduce((sum, slab, i) => sum + (isStored(i) ? slab.byteLength : 0), 0),
    );
  }
  await store.close(id);
  const slabHashes = layout.slabs.map((_, i) => records.get(i)!.hash);
  const complete = await store.changeManifest(id, (now) => ({ ...now, slabHashes, complete: true, lastUsed: Date.now() }));
  if (!complete) throw new RequestError(`The model ${about.name} was deleted while it was imported. Load it again.`, { code: 'not_found' });
  report();
  return complete;
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

async function readDraft(store: Store, id: string, slab: number, layout: Layout): Promise<Uint32Array<ArrayBuffer>> {
  const bytes = await store.read(id, slab);
  if (bytes?.byteLength !== layout.slabs[slab].byteLength)
    throw new InvalidFileError(`Part ${slab} of the unfinished import ${id} is missing. Delete the model and load it again.`, { code: 'stored_model_damaged' });
  return new Uint32Array(bytes.buffer);
}

/** At most a few writes at once; the first that failed is told by the next call. */
function createWrites(): { begin(write: () => Promise<void>): Promise<void>; end(): Promise<void> } {
  const running = new Set<Promise<void>>();
  let failure: { error: unknown } | undefined;
  const told = (): void => {
    if (failure) throw failure.error;
  };
  return {
    async begin(write) {
      const task = write().catch((error: unknown) => void (failure ??= { error })).finally(() => running.delete(task));
      running.add(task);
      while (running.size > writesAtOnce) await Promise.race(running);
      told();
    },
    async end() {
      await Promise.all(running);
      told();
    },
  };
}

interface Hashes {
  /** First byte that the hashes need; Infinity if none is known. */
  from: number;
  update(offset: number, bytes: Uint8Array): void;
  state(): HashState[] | undefined;
  check(signal?: AbortSignal): Promise<void>;
}

/** One hash per file with a known one. Bytes come in order, by their place in the joined source. */
function openHashes({ files }: OpenedFiles, expected: readonly (string | undefined)[] = [], kept: HashState[] = []): Hashes {
  if (!expected.some(Boolean)) return { from: Infinity, update: () => {}, state: () => undefined, check: async () => {} };
  const hashes: FileHash[] = files.map((_, i) => createFileHash(kept[i]));
  const unfinished = files.findIndex((file, i) => hashes[i].through < file.byteLength);
  return {
    from: unfinished < 0 ? files.at(-1)!.start + files.at(-1)!.byteLength : files[unfinished].start + hashes[unfinished].through,
    update(offset, bytes) {
      files.forEach(({ start, byteLength }, i) => {
        const end = i === files.length - 1 ? Infinity : start + byteLength; // the last one with its padding
        const from = Math.max(offset, start + hashes[i].through);
        const to = Math.min(offset + bytes.length, end);
        if (from < to) hashes[i].update(from - start, bytes.subarray(from - offset, to - offset));
      });
    },
    state: () => hashes.map((hash) => hash.state()),
    async check(signal) {
      for (const [i, { source, byteLength }] of files.entries()) {
        if (!expected[i]) continue;
        const actual = await digestOf(hashes[i], source, signal);
        if (actual !== expected[i].toLowerCase()) {
          throw new InvalidFileError(
            `${source.name} has the SHA-256 ${actual}; needed is ${expected[i]} (${byteLength} bytes of weights were read). What was stored of it ` +
            'has been deleted. Load it again, or from another address.',
            { code: 'wrong_hash' },
          );
        }
      }
    },
  };
}

/** The browser's own estimate is no help here: it hides how much it really gives. */
async function tellFullDisk(error: unknown, needBytes: number, storedBytes: number): Promise<unknown> {
  if ((error as Error).name !== 'QuotaExceededError') return error;
  const { usage } = (await globalThis.navigator?.storage?.estimate?.().catch(() => undefined)) ?? {};
  const used = usage === undefined ? '' : ` (this site keeps ${usage} now)`;
  return new BudgetError(
    `The browser's storage is full: the model needs ${needBytes} bytes, ${storedBytes} of them are stored, and the browser gives no more${used}. ` +
    'Delete a stored model or free disk space, then load again: what is stored is not downloaded twice.',
    { code: 'storage_full' },
  );
}
