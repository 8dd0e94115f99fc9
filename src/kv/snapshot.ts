// A sequence as bytes, to be kept and gone on from later: its tokens and the pages of every layer, with what they were made
// by. Knows no GPU and no storage.
import { RequestError } from '../errors.ts';

/** What keys and values depend on beside the tokens. A snapshot is good for exactly the same; a new release alone changes none. */
export interface SnapshotOf {
  /** Id of the stored model, which tells its weights. */
  model: string;
  /** Name of the format of keys and values. */
  format: string;
  /** Version of the layout of pages: `pageVersion`. */
  pages: number;
  /** What decided how keys are turned, where that depends on more than the model. */
  angles?: string;
}

export interface Snapshot {
  of: SnapshotOf;
  tokens: number[];
  /** The pages of each cache, as far as tokens fill them, and then the state of operations that keep another, if there are such. */
  layers: Uint8Array[];
}

/** To be raised when the same name of a format means other bytes. */
export const pageVersion = 1;

const magic = 'windrow sequence\n';

/** One after the other: magic, length of the header (u32) and header (JSON), then each of the layers. */
export function packParts({ of, tokens, layers }: Snapshot): Uint8Array[] {
  const header = new TextEncoder().encode(JSON.stringify({ of, tokens, layers: layers.map(({ byteLength }) => byteLength) }));
  const start = new Uint8Array(magic.length + 4 + header.length);
  start.set(new TextEncoder().encode(magic));
  new DataView(start.buffer).setUint32(magic.length, header.length, true);
  start.set(header, magic.length + 4);
  return [start, ...layers];
}

export const packSnapshot = (snapshot: Snapshot): Uint8Array<ArrayBuffer> => joined(packParts(snapshot));

export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  parts.reduce((at, part) => (bytes.set(part, at), at + part.byteLength), 0);
  return bytes;
}

/** RequestError for what is no snapshot, is cut off, or is of something else than `expected`. */
export const unpackSnapshot = (bytes: Uint8Array, expected: SnapshotOf): Snapshot => unpackParts(splitParts(bytes), expected);

const damaged = (byteLength: number) =>
  new RequestError(`The ${byteLength} bytes are no saved sequence, or only a part of one. Run the conversation again from its text.`);

/** The parts of a snapshot that lies in one piece. */
export function splitParts(bytes: Uint8Array): Uint8Array[] {
  const start = magic.length + 4;
  if (new TextDecoder().decode(bytes.subarray(0, magic.length)) !== magic || bytes.byteLength < start) throw damaged(bytes.byteLength);
  let at = start + new DataView(bytes.buffer, bytes.byteOffset).getUint32(magic.length, true);
  const { layers } = (at <= bytes.byteLength && readHeader(bytes.subarray(start, at))) || {};
  if (!layers || at + layers.reduce((sum, size) => sum + size, 0) !== bytes.byteLength) throw damaged(bytes.byteLength);
  return [bytes.subarray(0, at), ...layers.map((size) => bytes.subarray(at, (at += size)))];
}

/** As `unpackSnapshot`, of the parts. */
export function unpackParts([first, ...layers]: readonly Uint8Array[], expected: SnapshotOf): Snapshot {
  const { of, tokens, layers: sizes } = (first && readHeader(first.subarray(magic.length + 4))) ?? {};
  if (!of || !tokens || !sizes || layers.length !== sizes.length || layers.some(({ byteLength }, i) => byteLength !== sizes[i]))
    throw damaged([first, ...layers].reduce((sum, part) => sum + (part?.byteLength ?? 0), 0));
  for (const name of ['model', 'format', 'pages', 'angles'] as const) {
    if (of[name] !== expected[name]) {
      throw new RequestError(
        `The saved sequence is of another model or setting: its ${name} is ${of[name]}, here it is ${expected[name]}. Run the conversation again ` +
        'from its text.',
      );
    }
  }
  return { of, tokens, layers };
}

function readHeader(bytes: Uint8Array): { of: SnapshotOf; tokens: number[]; layers: number[] } | undefined {
  try {
    const { of, tokens, layers } = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    const isCounts = (value: unknown): value is number[] => Array.isArray(value) && value.every((each) => Number.isInteger(each) && (each as number) >= 0);
    return typeof of === 'object' && of !== null && isCounts(tokens) && isCounts(layers) ? { of: of as SnapshotOf, tokens, layers } : undefined;
  } catch {
    return undefined;
  }
}
