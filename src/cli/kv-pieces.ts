// What `windrow kv` has measured of a model and its probes, text by text: in a folder, so that a row can be gone on with, or in memory.
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type Piece } from '../bench/memory/row.ts';
import { RequestError } from '../errors.ts';

export interface Pieces {
  /** Of the i-th text under a policy, if it was measured. */
  of(policy: string, text: number): Piece | undefined;
  keep(policy: string, text: number, piece: Piece): Promise<void>;
  /** What the full memory expects after each of so many tokens of a document, if it was measured. */
  logits(document: number, rows: number): Promise<Float32Array[] | undefined>;
  keepLogits(document: number, logits: readonly Float32Array[]): Promise<void>;
}

export function piecesInMemory(): Pieces {
  const pieces = new Map<string, Piece>();
  const logits = new Map<number, readonly Float32Array[]>();
  return {
    of: (policy, text) => pieces.get(`${text} ${policy}`),
    keep: async (policy, text, piece) => void pieces.set(`${text} ${policy}`, piece),
    logits: async (document) => logits.get(document)?.slice(),
    keepLogits: async (document, rows) => void logits.set(document, rows),
  };
}

type Line = { policy: string; text: number } & Piece;

/** `of`: what it is measured of, which names its files. */
export async function piecesIn(folder: string, of: string): Promise<Pieces> {
  await mkdir(folder, { recursive: true });
  const name = createHash('sha256').update(of).digest('hex').slice(0, 16);
  const path = join(folder, `${name}.jsonl`);
  const known = piecesInMemory();
  for (const { policy, text, ...piece } of linesOf(path, await orEmpty(readFile(path, 'utf8'), ''))) await known.keep(policy, text, piece);
  const logitsPath = (document: number) => join(folder, `${name}.${document}.f32`);
  return {
    of: known.of,
    async keep(policy, text, piece) {
      await known.keep(policy, text, piece);
      await appendFile(path, `${JSON.stringify({ policy, text, ...piece } satisfies Line)}\n`);
    },
    async logits(document, rows) {
      const bytes = await orEmpty(readFile(logitsPath(document)), undefined);
      if (!bytes?.byteLength || bytes.byteLength % (4 * rows)) return undefined; // of a write that was broken off: it is measured again
      const all = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
      return Array.from({ length: rows }, (_, i) => all.subarray((i * all.length) / rows, ((i + 1) * all.length) / rows));
    },
    keepLogits: (document, logits) => writeFile(logitsPath(document), Buffer.concat(logits.map(({ buffer, byteOffset, byteLength }) =>
      Buffer.from(buffer, byteOffset, byteLength)))),
  };
}

/** What there is, or nothing the first time. */
const orEmpty = <T, E>(read: Promise<T>, empty: E): Promise<T | E> =>
  read.catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return empty;
    throw error;
  });

function linesOf(path: string, text: string): Line[] {
  return text.split('\n').filter(Boolean).map((line, i) => {
    try {
      return JSON.parse(line) as Line;
    } catch {
      throw new RequestError(`--pieces: line ${i + 1} of ${path} is no JSON. Remove it; its text is measured again.`);
    }
  });
}
