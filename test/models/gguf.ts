// Writes small GGUF files for tests, sound ones and, where the parts lie, unsound ones.

/** Number of each metadata value type, and how one value is written. */
const writers = {
  u8: [0, (view, value) => view.setUint8(0, Number(value)), 1],
  i8: [1, (view, value) => view.setInt8(0, Number(value)), 1],
  u16: [2, (view, value) => view.setUint16(0, Number(value), true), 2],
  i16: [3, (view, value) => view.setInt16(0, Number(value), true), 2],
  u32: [4, (view, value) => view.setUint32(0, Number(value), true), 4],
  i32: [5, (view, value) => view.setInt32(0, Number(value), true), 4],
  f32: [6, (view, value) => view.setFloat32(0, Number(value), true), 4],
  bool: [7, (view, value) => view.setUint8(0, Number(value)), 1],
  u64: [10, (view, value) => view.setBigUint64(0, BigInt(value as number), true), 8],
  i64: [11, (view, value) => view.setBigInt64(0, BigInt(value as number), true), 8],
  f64: [12, (view, value) => view.setFloat64(0, Number(value), true), 8],
} satisfies Record<string, [number, (view: DataView, value: Scalar) => void, number]>;

type Scalar = number | bigint | boolean;
type NumberType = keyof typeof writers;

/** A metadata value with its type; `raw` holds a type number and the bytes after it. */
export type TypedValue =
  | { type: NumberType; value: Scalar | readonly Scalar[] }
  | { type: 'string'; value: string | readonly (string | Uint8Array)[] }
  | { type: 'raw'; number: number; bytes: Uint8Array };

export interface GgufTensor {
  name: string;
  shape: readonly (number | bigint)[];
  /** ggml's type number. */
  type: number;
  /** From the start of the tensor data. */
  offset: number | bigint;
}

export interface GgufParts {
  version?: number;
  magic?: string;
  metadata?: readonly (readonly [key: string, value: TypedValue])[];
  tensors?: readonly GgufTensor[];
  /** What the file claims, if not the truth. */
  claimedPairs?: number | bigint;
  claimedTensors?: number | bigint;
  /** Tensor data, zeros. */
  dataBytes?: number;
}

export function writeGguf(parts: GgufParts): Uint8Array {
  const { metadata = [], tensors = [] } = parts;
  const header = join([
    utf8.encode(parts.magic ?? 'GGUF'),
    number('u32', parts.version ?? 3),
    number('u64', parts.claimedTensors ?? tensors.length),
    number('u64', parts.claimedPairs ?? metadata.length),
    ...metadata.flatMap(([key, value]) => [text(key), typed(value)]),
    ...tensors.flatMap((tensor) => [
      text(tensor.name),
      number('u32', tensor.shape.length),
      ...tensor.shape.map((size) => number('u64', size)),
      number('u32', tensor.type),
      number('u64', tensor.offset),
    ]),
  ]);
  if (tensors.length === 0) return header;
  const alignment = metadata.find(([key]) => key === 'general.alignment')?.[1];
  const multiple = alignment?.type === 'u32' ? Number(alignment.value) : 32;
  return join([header, new Uint8Array((multiple - (header.length % multiple)) % multiple + (parts.dataBytes ?? 0))]);
}

const utf8 = new TextEncoder();

export function number(type: NumberType, value: Scalar): Uint8Array {
  const [, write, size] = writers[type];
  const bytes = new Uint8Array(size);
  write(new DataView(bytes.buffer), value);
  return bytes;
}

export const text = (value: string | Uint8Array): Uint8Array => {
  const bytes = typeof value === 'string' ? utf8.encode(value) : value;
  return join([number('u64', bytes.length), bytes]);
};

export function join(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function typed(value: TypedValue): Uint8Array {
  if (value.type === 'raw') return join([number('u32', value.number), value.bytes]);
  const typeNumber = value.type === 'string' ? 8 : writers[value.type][0];
  const one = (element: Scalar | string | Uint8Array): Uint8Array =>
    value.type === 'string' ? text(element as string) : number(value.type, element as Scalar);
  if (!Array.isArray(value.value)) return join([number('u32', typeNumber), one(value.value as Scalar | string)]);
  return join([number('u32', 9), number('u32', typeNumber), number('u64', value.value.length), ...value.value.map(one)]);
}
