// What `windrow kv` has measured of a model and its probes, text by text, in a folder, so that a row can be gone on with.
import { appendFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { version } from '../../../package.json';
import { type Pieces, piecesInMemory } from '../../bench/memory/pieces.ts';
import { type Paused, type Piece } from '../../bench/memory/row.ts';
import { orEmpty, readLines } from '../json-lines.ts';
import { type ModelFlags } from '../options.ts';
import { type AdapterOptions } from '../../protocol.ts';

/** Of a text, as files and settings are named by it. */
export const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

/** By its bytes. */
const nameOf = ({ source, scale }: AdapterOptions): string =>
  `${scale}*${'bytes' in source ? createHash('sha256').update(new Uint8Array(source.bytes)).digest('hex') : ''}`;

/** What changes the numbers of a row beside its policy: of each that is given its name and value, heads and adapters by a hash. */
export function settingsOf({ f32, context, kvHeads, kvBudget, lora, kernels, budget, limits, maxBinding }: ModelFlags): string {
  const given = {
    context, kvHeads: kvHeads && hash(JSON.stringify(kvHeads)), kvBudget, lora: lora && hash(lora.map(nameOf).join()), kernels, budget, limits, maxBinding,
    windrow: version,
  };
  const settings = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [` ${name}=${value}`]));
  return `${f32 ? ' f32' : ''}${settings.join('')}`;
}

type Line = { policy: string; text: number } & Piece;

/** `of`: what it is measured of, which names its files. */
export async function piecesIn(folder: string, of: string): Promise<Pieces> {
  await mkdir(folder, { recursive: true });
  const name = hash(of);
  const path = join(folder, `${name}.jsonl`);
  const known = piecesInMemory();
  for (const { policy, text, ...piece } of await readLines<Line>('--pieces', path, 'text')) await known.keep(policy, text, piece);
  const pausedPath = (policy: string, text: number) => join(folder, `${name}.${text}.${hash(policy)}`);
  const logitsPath = (document: number) => join(folder, `${name}.${document}.f32`);
  return {
    of: known.of,
    async keep(policy, text, piece) {
      await known.keep(policy, text, piece);
      await appendFile(path, `${JSON.stringify({ policy, text, ...piece } satisfies Line)}\n`);
    },
    async logits(document, rows) {
      const bytes = await orEmpty(readFile(logitsPath(document)), undefined);
      if (!bytes?.byteLength || bytes.byteLength % (4 * rows)) return undefined; // not of so many rows: it is measured again
      return rowsOf(bytes, rows);
    },
    keepLogits: (document, logits) => writeWhole(logitsPath(document), Buffer.concat(logits.map(bytesOf))),
    async paused(policy, text) {
      const path = pausedPath(policy, text);
      const told = await orEmpty(readFile(`${path}.json`, 'utf8'), undefined);
      const bytes = told === undefined ? undefined : await orEmpty(readFile(`${path}.bin`), undefined);
      const { rows, logitsBytes, byteLength, ...rest } = (told ? JSON.parse(told) : {}) as Told;
      if (!bytes || bytes.byteLength !== byteLength) return undefined; // of a write that was broken off: the text is begun anew
      return { ...rest, logits: rowsOf(bytes.subarray(0, logitsBytes), rows), sequence: Uint8Array.from(bytes.subarray(logitsBytes)) };
    },
    async pause(policy, text, paused) {
      const path = pausedPath(policy, text);
      await rm(`${path}.json`, { force: true }); // while the other file is written there is none
      if (!paused) return rm(`${path}.bin`, { force: true });
      const { logits, sequence, ...rest } = paused;
      const bytes = Buffer.concat([...logits.map(bytesOf), sequence]);
      await writeWhole(`${path}.bin`, bytes);
      const told: Told = { ...rest, rows: logits.length, logitsBytes: bytes.byteLength - sequence.byteLength, byteLength: bytes.byteLength };
      await writeWhole(`${path}.json`, JSON.stringify(told));
    },
  };
}

/** The file is as it was until all of the new one is written. */
async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  await writeFile(`${path}.new`, content);
  await rename(`${path}.new`, path);
}

/** What is told of a text beside the bytes of its logits and its conversation. */
type Told = Omit<Paused, 'logits' | 'sequence'> & { rows: number; logitsBytes: number; byteLength: number };

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Buffer => Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);

function rowsOf(bytes: Buffer, rows: number): Float32Array[] {
  const all = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer);
  return Array.from({ length: rows }, (_, i) => all.subarray((i * all.length) / rows, ((i + 1) * all.length) / rows));
}
