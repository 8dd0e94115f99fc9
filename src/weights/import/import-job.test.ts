// Imports of whole small models into the store's twin in memory, over sources that fail, lie or are slow on purpose.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { fixture } from '../../../test/models/fixture.ts';
import { sectionsOf, specsOf } from '../../model/sections.ts';
import { InvalidFileError } from '../../errors.ts';
import { openFiles, type OpenedFiles } from '../../gguf/files.ts';
import { type ByteSource } from '../../gguf/source.ts';
import { buildGraph } from '../../model/build.ts';
import { importModel, type ImportableModel, type ImportOptions } from './import-job.ts';
import { importSlab } from './pieces.ts';
import { layoutOf, layoutVersion } from '../layout.ts';
import { memoryStore, type MemoryStore } from '../../../test/doubles/memory-store.ts';
import { storedReader } from '../store/reader.ts';
import { bytesSource } from '../source/source.ts';
import { createGate } from './gate.ts';

const slabBytes = 96 * 1024;
const about = { id: 'm', name: 'model', urls: [] };
const smallChunks: ImportOptions = { connections: 3, chunkBytes: 50_000 };

function importable(files: OpenedFiles, bytes = slabBytes): ImportableModel {
  const graph = buildGraph(files.header);
  return { ...files, layout: layoutOf(files.header, specsOf(sectionsOf(graph)), bytes), hostTensors: graph.hostTensors };
}

/** A source that counts what it gives; `fault` may throw before a piece, or change it. */
function watched(bytes: Uint8Array, { acceptsRanges, fault }: { acceptsRanges?: false; fault?: (given: number) => void } = {}): ByteSource & { given: number } {
  const inner = bytesSource(bytes, 'model.gguf');
  const source = {
    ...inner,
    acceptsRanges,
    given: 0,
    async *stream(offset: number, length: number, signal?: AbortSignal) {
      const pieceBytes = 10_007; // no multiple of anything
      for (let done = 0; done < length; done += pieceBytes) {
        await new Promise((resolve) => setImmediate(resolve));
        fault?.(source.given);
        const piece = await inner.read(offset + done, Math.min(pieceBytes, length - done), signal);
        source.given += piece.length;
        yield piece;
      }
    },
  };
  return source;
}

/** Every stored slab is what a direct import makes of the file, and the manifest names its hash. */
async function expectWhole(store: MemoryStore, model: ImportableModel): Promise<void> {
  const manifest = (await store.manifest('m'))!;
  expect(manifest.complete).toBe(true);
  expect(manifest.slabHashes).toHaveLength(model.layout.slabs.length);
  for (const [i, slab] of model.layout.slabs.entries()) {
    const expected = await importSlab(model.source, model.header, model.layout, slab);
    expect(Buffer.compare(store.bytesOf('m', i)!, expected), `slab ${i}`).toBe(0);
    expect(manifest.slabHashes[i]).toBe(createHash('sha256').update(expected).digest('hex'));
  }
  const reader = storedReader(store, manifest);
  for (const name of model.hostTensors) expect((await reader.hostTensor(name)).length).toBeGreaterThan(0);
}

const files = ['tiny/tiny-llama-legacy.gguf', 'tiny/tiny-llama-k.gguf', 'tiny/tiny-phi3.gguf', 'tiny/tiny-gemma3.gguf', 'tiny/tiny-llama3.gguf'];

describe.each(files)('%s', (path) => {
  const bytes = fixture(path);

  it.each([['by ranges', undefined], ['from a server without ranges', false as const]])('is imported %s as slab by slab', async (_, acceptsRanges) => {
    const store = memoryStore();
    const source = watched(bytes, { acceptsRanges });
    const model = importable(await openFiles([source]));
    source.given = 0;
    const delivered = new Map<number, Uint8Array>();
    const onSlab = async (slab: number, words: Uint8Array) => {
      expect((await store.slabs('m')).get(slab), `slab ${slab}, when it is handed on`).toEqual({
        hash: createHash('sha256').update(words).digest('hex'),
        layoutVersion,
      });
      delivered.set(slab, words);
    };
    await importModel(model, store, about, { ...smallChunks, onSlab });
    expect(source.given).toBeLessThanOrEqual(bytes.length); // each byte once
    await expectWhole(store, { ...model, source: bytesSource(bytes, path) });
    expect(delivered.size).toBe(model.layout.slabs.length);
    for (const [slab, words] of delivered) expect(Buffer.compare(words, store.bytesOf('m', slab)!), `slab ${slab}, as it was handed on`).toBe(0);
  });

  it('is imported with slabs of the real size', async () => {
    const store = memoryStore();
    const model = importable(await openFiles([watched(bytes)]), 2 ** 24);
    await importModel(model, store, about);
    await expectWhole(store, model);
  });
});

describe('an import that is interrupted', () => {
  const bytes = fixture('tiny/tiny-phi3.gguf');
  const steps = 12;

  it.each(Array.from({ length: steps }, (_, i) => i))(`at ${'%i'} twelfths goes on where it was, and loses little`, async (step) => {
    const store = memoryStore();
    const breakAt = Math.floor((bytes.length * step) / steps);
    const broken = watched(bytes, {
      fault: (given) => {
        if (given >= breakAt) throw new Error('the connection is gone');
      },
    });
    const model = importable(await openFiles([bytesSource(bytes, 'model.gguf')]));
    await expect(importModel({ ...model, source: broken }, store, about, smallChunks)).rejects.toThrow('the connection is gone');
    expect((await store.manifest('m'))!.complete).toBe(false);

    const source = watched(bytes);
    await importModel({ ...model, source }, store, about, smallChunks);
    await expectWhole(store, model);
    const twice = broken.given + source.given - bytes.length;
    // The open requests, two slabs in the making and two that were being written.
    expect(twice).toBeLessThanOrEqual(3 * 50_000 + 4 * slabBytes);
  });

  it('asks a server without ranges once more, and writes no finished slab again', async () => {
    const store = memoryStore();
    const half = watched(bytes, {
      acceptsRanges: false,
      fault: (given) => {
        if (given > bytes.length / 2) throw new Error('gone');
      },
    });
    const model = importable(await openFiles([bytesSource(bytes, 'model.gguf')]));
    await expect(importModel({ ...model, source: half }, store, about)).rejects.toThrow('gone');
    const finished = [...(await store.slabs('m'))].filter(([, { through }]) => through === undefined).map(([slab]) => slab);
    expect(finished.length).toBeGreaterThan(2);
    const written: number[] = [];
    store.onPut = (slab) => void written.push(slab);
    await importModel({ ...model, source: watched(bytes, { acceptsRanges: false }) }, store, about);
    expect(written.filter((slab) => finished.includes(slab))).toEqual([]);
    await expectWhole(store, model);
  });

  it('by a full disk says how much is needed and goes on when there is room', async () => {
    const store = memoryStore();
    const model = importable(await openFiles([watched(bytes)]));
    store.onPut = (slab) => {
      if (slab === 5) throw new DOMException('no room', 'QuotaExceededError');
    };
    await expect(importModel(model, store, about, smallChunks)).rejects.toMatchObject({
      code: 'storage_full',
      message: expect.stringMatching(/storage is full: the model needs \d+ bytes/),
    });
    store.onPut = () => {};
    await importModel(model, store, about, smallChunks);
    await expectWhole(store, model);
  });

  it('by its signal ends, and nothing is written afterwards', async () => {
    const store = memoryStore();
    const abort = new AbortController();
    const source = watched(bytes, { fault: (given) => void (given > 200_000 && abort.abort()) });
    const model = importable(await openFiles([bytesSource(bytes, 'model.gguf')]));
    await expect(importModel({ ...model, source }, store, about, { ...smallChunks, signal: abort.signal })).rejects.toThrow(/abort/i);
    let late = 0;
    store.onPut = () => void late++;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(late).toBe(0);
  });
});

it('pauses in the middle of a request and goes on', async () => {
  const bytes = fixture('tiny/tiny-llama-k.gguf');
  const gate = createGate();
  let closed = (): void => {};
  const closing = new Promise<void>((resolve) => (closed = resolve));
  const source = watched(bytes, {
    fault: (given) => {
      if (given < 100_000 || given > 110_100) return;
      gate.set(false);
      closed();
    },
  });
  /** The source gives a piece per turn to each request that may go on. */
  const manyTurns = async () => {
    for (let turn = 0; turn < 300; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  const model = importable(await openFiles([bytesSource(bytes, 'model.gguf')]));
  const store = memoryStore();
  const done = importModel({ ...model, source }, store, about, { ...smallChunks, gate: gate.passed });
  await closing;
  await manyTurns();
  const held = source.given;
  expect(held).toBeLessThan(200_000);
  await manyTurns();
  expect(source.given).toBe(held);
  gate.set(true);
  await done;
  await expectWhole(store, model);
});

it('reports growing progress that ends with all bytes', async () => {
  const bytes = fixture('tiny/tiny-llama-k.gguf');
  const seen: number[] = [];
  const model = importable(await openFiles([watched(bytes)]));
  await importModel(model, memoryStore(), about, { ...smallChunks, onProgress: ({ doneBytes, totalBytes }) => seen.push(doneBytes / totalBytes) });
  expect(seen[0]).toBe(0);
  expect(seen.at(-1)).toBe(1);
  expect([...seen].sort((a, b) => a - b)).toEqual(seen);
});

describe('the hash of the whole file', () => {
  const bytes = fixture('tiny/tiny-phi3.gguf');
  const sha256 = createHash('sha256').update(bytes).digest('hex');

  it('is checked, over an interruption too, without reading anything twice for it', async () => {
    const store = memoryStore();
    const broken = watched(bytes, {
      fault: (given) => {
        if (given > bytes.length * 0.6) throw new Error('gone');
      },
    });
    const model = importable(await openFiles([bytesSource(bytes, 'model.gguf')]));
    await expect(importModel({ ...model, source: broken }, store, about, { ...smallChunks, sha256: [sha256] })).rejects.toThrow('gone');
    const source = watched(bytes);
    await importModel({ ...model, source }, store, about, { ...smallChunks, sha256: [sha256] });
    await expectWhole(store, model);
    expect(broken.given + source.given).toBeLessThan(bytes.length + 3 * 50_000 + 5 * slabBytes);
  });

  it('covers what follows the last tensor', async () => {
    const padded = Buffer.concat([bytes, Buffer.from('padding')]);
    const hash = createHash('sha256').update(padded).digest('hex');
    const unknownSize = { ...bytesSource(padded, 'model.gguf'), byteLength: undefined };
    for (const source of [bytesSource(padded, 'model.gguf'), unknownSize]) {
      const model = importable(await openFiles([source]));
      await importModel(model, memoryStore(), about, { sha256: [hash.toUpperCase()] });
      await expect(importModel(model, memoryStore(), about, { sha256: [sha256] })).rejects.toThrow(InvalidFileError);
    }
  });

  it('that is wrong refuses the model and deletes what was stored', async () => {
    const store = memoryStore();
    const model = importable(await openFiles([watched(bytes)]));
    const wrong = sha256.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
    await expect(importModel(model, store, about, { ...smallChunks, sha256: [wrong] })).rejects.toMatchObject({
      code: 'wrong_hash',
      message: expect.stringContaining(`has the SHA-256 ${sha256}; needed is ${wrong}`),
    });
    expect((await store.slabs('m')).size).toBe(0);
    expect(await store.manifest('m')).toBeUndefined();
  });
});

/** The same model with its tensors in another order in the file. */
async function reordered(path: string, compare: (a: string, b: string) => number): Promise<{ model: ImportableModel; bytes: Uint8Array }> {
  const original = fixture(path);
  const files = await openFiles([bytesSource(original, 'model.gguf')]);
  const moved = new Uint8Array(original.length);
  let offset = files.header.headerBytes;
  const tensors = new Map(
    [...files.header.tensors.values()].sort((a, b) => compare(a.name, b.name)).map((tensor) => {
      moved.set(original.subarray(tensor.offset, tensor.offset + tensor.byteLength), offset);
      offset += tensor.byteLength;
      return [tensor.name, { ...tensor, offset: offset - tensor.byteLength }];
    }),
  );
  return { model: importable({ ...files, header: { ...files.header, tensors }, source: bytesSource(moved, 'model.gguf') }), bytes: moved };
}

it.each([
  ['all norms at the end', true, (a: string, b: string) => Number(a.includes('norm')) - Number(b.includes('norm'))],
  [
    'matrix by matrix over the layers',
    true,
    (a: string, b: string) => a.replace(/^blk.\d+/, '').localeCompare(b.replace(/^blk.\d+/, '')) || a.localeCompare(b),
  ],
  ['backwards', false, (a: string, b: string) => b.localeCompare(a)],
])('a file with %s is imported whole, at once and after interruptions', async (_, needsDrafts, compare) => {
  for (const path of ['tiny/tiny-gemma3.gguf', 'tiny/tiny-llama-k.gguf']) {
    const { model, bytes } = await reordered(path, compare);
    const atOnce = memoryStore();
    let drafts = 0;
    atOnce.onPut = (_slab, { through }) => void (drafts += Number(through !== undefined));
    await importModel({ ...model, source: watched(bytes) }, atOnce, about, smallChunks);
    await expectWhole(atOnce, model);
    expect(drafts > 0).toBe(needsDrafts);

    const store = memoryStore();
    for (let tries = 0; !(await store.manifest('m'))?.complete; tries++) {
      const source = watched(bytes, {
        fault: (given) => {
          if (given > bytes.length / 4) throw new Error('gone again');
        },
      });
      await importModel({ ...model, source }, store, about, smallChunks).catch((error: Error) => expect(error.message).toBe('gone again'));
      expect(tries).toBeLessThan(12);
    }
    await expectWhole(store, model);
  }
});
