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

/** magic, length of the header (u32), header (JSON), the layers one after the other. */
export function packSnapshot({ of, tokens, layers }: Snapshot): Uint8Array<ArrayBuffer> {
  const header = new TextEncoder().encode(JSON.stringify({ of, tokens, layers: layers.map(({ byteLength }) => byteLength) }));
  const start = magic.length + 4 + header.length;
  const bytes = new Uint8Array(start + layers.reduce((sum, { byteLength }) => sum + byteLength, 0));
  bytes.set(new TextEncoder().encode(magic));
  new DataView(bytes.buffer).setUint32(magic.length, header.length, true);
  bytes.set(header, magic.length + 4);
  let at = start;
  for (const layer of layers) {
    bytes.set(layer, at);
    at += layer.byteLength;
  }
  return bytes;
}

/** RequestError for what is no snapshot, is cut off, or is of something else than `expected`. */
export function unpackSnapshot(bytes: Uint8Array, expected: SnapshotOf): Snapshot {
  const damaged = new RequestError(`The ${bytes.byteLength} bytes are no saved sequence, or only a part of one. Run the conversation again from its text.`);
  if (new TextDecoder().decode(bytes.subarray(0, magic.length)) !== magic || bytes.byteLength < magic.length + 4) throw damaged;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(magic.length, true);
  let at = magic.length + 4 + length;
  if (at > bytes.byteLength) throw damaged;
  const { of, tokens, layers } = readHeader(bytes.subarray(magic.length + 4, at)) ?? {};
  if (!of || !tokens || !layers || at + layers.reduce((sum, size) => sum + size, 0) !== bytes.byteLength) throw damaged;
  for (const name of ['model', 'format', 'pages', 'angles'] as const) {
    if (of[name] !== expected[name]) {
      throw new RequestError(
        `The saved sequence is of another model or setting: its ${name} is ${of[name]}, here it is ${expected[name]}. Run the conversation again ` +
        'from its text.',
      );
    }
  }
  return { of, tokens, layers: layers.map((size) => bytes.subarray(at, (at += size))) };
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
