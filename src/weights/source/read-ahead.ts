// Ranges of a source in order, several requests at once. Holds one chunk per request; knows nothing of what they mean.
import { anySignal } from '../../signals.ts';
import { type ByteSource } from '../../gguf/source.ts';
import { type Range } from '../import/pieces.ts';

export interface ReadAheadOptions {
  /** Requests at once. Default 4. */
  connections?: number;
  /** Bytes of a request, at most. Default 8 MiB: large against the wait for an answer, small against a slab per request lost. */
  chunkBytes?: number;
  signal?: AbortSignal;
  /** Awaited between the pieces of an answer: one that stays open stops the transfer. */
  gate?: () => Promise<void> | undefined;
  /** Bytes as they arrive, in any order. */
  onBytes?: (length: number) => void;
}

export interface Chunk {
  /** First byte in the file. */
  offset: number;
  bytes: Uint8Array;
}

/** The bytes of `ranges`, which are in order and apart. A source without ranges is read once, from the first to the last byte. */
export async function* readAhead(source: ByteSource, ranges: readonly Range[], options: ReadAheadOptions = {}): AsyncGenerator<Chunk, void> {
  if (ranges.length === 0) return;
  if (source.acceptsRanges === false) yield* readThrough(source, ranges, options);
  else yield* readChunks(source, ranges, options);
}

async function* readChunks(
  source: ByteSource,
  ranges: readonly Range[],
  { connections = 4, chunkBytes = 2 ** 23, signal, gate, onBytes }: ReadAheadOptions,
): AsyncGenerator<Chunk, void> {
  // One that fails, or a reader that leaves, ends them all.
  const leave = new AbortController();
  const all = signal ? anySignal([signal, leave.signal]) : leave.signal;
  const chunks = ranges.flatMap(({ offset, length }) => {
    const count = Math.ceil(length / chunkBytes);
    return Array.from({ length: count }, (_, i) => ({ offset: offset + i * chunkBytes, length: Math.min(chunkBytes, length - i * chunkBytes) }));
  });
  const read = async ({ offset, length }: Range): Promise<Chunk> => {
    await gate?.();
    const bytes = new Uint8Array(length);
    let done = 0;
    for await (const piece of source.stream(offset, length, all)) {
      bytes.set(piece, done);
      done += piece.length;
      onBytes?.(piece.length);
      await gate?.();
    }
    return { offset, bytes };
  };
  const begun: Promise<Chunk>[] = [];
  try {
    for (let next = 0; next < chunks.length || begun.length > 0;) {
      for (; next < chunks.length && begun.length < connections; next++) {
        const chunk = read(chunks[next]);
        chunk.catch(() => {}); // awaited in its turn
        begun.push(chunk);
      }
      yield await begun[0];
      void begun.shift();
    }
  } finally {
    leave.abort();
  }
}

async function* readThrough(source: ByteSource, ranges: readonly Range[], { signal, gate, onBytes }: ReadAheadOptions): AsyncGenerator<Chunk, void> {
  const first = ranges[0].offset;
  const last = ranges.at(-1)!;
  let offset = first;
  let next = 0;
  for await (const bytes of source.stream(first, last.offset + last.length - first, signal)) {
    const end = offset + bytes.length;
    onBytes?.(bytes.length);
    // Only what a range holds: the rest has been placed before.
    for (; next < ranges.length && ranges[next].offset < end; next++) {
      const from = Math.max(offset, ranges[next].offset);
      const to = Math.min(end, ranges[next].offset + ranges[next].length);
      if (from < to) yield { offset: from, bytes: bytes.subarray(from - offset, to - offset) };
      if (ranges[next].offset + ranges[next].length > end) break;
    }
    offset = end;
    await gate?.();
  }
}
