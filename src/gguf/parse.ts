// Reads the header of a GGUF file, version 2 or 3, from any source, and none of its weights. Every count, length and
// offset is taken for a lie until it fits the file. Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
import { InvalidFileError, UnsupportedModelError } from '../errors.ts';
import { Cursor } from './cursor.ts';
import { type Header, type Metadata, type MetadataArray, type MetadataValue, type TensorInfo } from './header.ts';
import { whatItIs } from './lookalikes.ts';
import { type ByteSource } from './source.ts';
import { placeTensors, readTensor } from './tensors.ts';

/** Bounds far above any model known (the largest vocabularies make headers of 20 MB). */
const most = { headerBytes: 2 ** 27, pairs: 2 ** 16, tensors: 2 ** 16, keyBytes: 2 ** 16, elements: 2 ** 24 };

interface ValueType {
  readonly name: string;
  /** Least bytes of one value. */
  readonly bytes: number;
  readonly one: (cursor: Cursor) => number | bigint | boolean | string;
  readonly Array?: new (buffer: ArrayBuffer) => Exclude<MetadataArray, readonly unknown[]>;
}

const arrayType = 9;
const valueTypes: ReadonlyMap<number, ValueType> = new Map<number, ValueType>([
  [0, { name: 'u8', bytes: 1, one: (cursor) => cursor.u8(), Array: Uint8Array }],
  [1, { name: 'i8', bytes: 1, one: (cursor) => cursor.i8(), Array: Int8Array }],
  [2, { name: 'u16', bytes: 2, one: (cursor) => cursor.u16(), Array: Uint16Array }],
  [3, { name: 'i16', bytes: 2, one: (cursor) => cursor.i16(), Array: Int16Array }],
  [4, { name: 'u32', bytes: 4, one: (cursor) => cursor.u32(), Array: Uint32Array }],
  [5, { name: 'i32', bytes: 4, one: (cursor) => cursor.i32(), Array: Int32Array }],
  [6, { name: 'f32', bytes: 4, one: (cursor) => cursor.f32(), Array: Float32Array }],
  [7, { name: 'bool', bytes: 1, one: (cursor) => cursor.boolean() }],
  [8, { name: 'string', bytes: 8, one: (cursor) => cursor.string() }],
  [10, { name: 'u64', bytes: 8, one: (cursor) => cursor.u64() }],
  [11, { name: 'i64', bytes: 8, one: (cursor) => cursor.i64() }],
  [12, { name: 'f64', bytes: 8, one: (cursor) => cursor.f64(), Array: Float64Array }],
]);

/**
 * The header of `source`, read in growing pieces. Throws InvalidFileError for what is no GGUF, damaged or incomplete,
 * UnsupportedModelError for what is sound but not read: version 1, big-endian, arrays of arrays, unknown tensor types.
 */
export async function parseHeader(source: ByteSource, options: { signal?: AbortSignal } = {}): Promise<Header> {
  const cursor = new Cursor(source, most.headerBytes, options.signal);
  const version = await cursor.whole(() => readVersion(cursor));

  cursor.what = 'the tensor count';
  const tensorCount = await cursor.whole(() => cursor.count('tensors', 24, most.tensors));
  cursor.what = 'the metadata count';
  const pairCount = await cursor.whole(() => cursor.count('key-value pairs', 13, most.pairs));

  const metadata = new Map<string, MetadataValue>();
  for (let i = 0; i < pairCount; i++) {
    const [key, value] = await cursor.whole(() => readPair(cursor, metadata, i, pairCount));
    metadata.set(key, value);
  }
  const raw = new Map<string, TensorInfo>();
  for (let i = 0; i < tensorCount; i++) {
    const tensor = await cursor.whole(() => readTensor(cursor, i, tensorCount));
    if (raw.has(tensor.name)) throw new InvalidFileError(`${source.name} has two tensors named "${tensor.name}"; names are unique in a sound file.`);
    raw.set(tensor.name, tensor);
  }
  const headerBytes = cursor.position;
  return { version, metadata, headerBytes, ...placeTensors(source, [...raw.values()], headerBytes, alignment(source, metadata)) };
}

function readVersion(cursor: Cursor): 2 | 3 {
  const { name } = cursor.source;
  cursor.what = 'the magic number';
  const magic = cursor.u32();
  if (magic !== 0x46554747) {
    const text = String.fromCharCode(...[0, 8, 16, 24].map((shift) => (magic >>> shift) & 255)).replace(/[^ -~]/g, '.');
    throw new InvalidFileError(`${name} is not a GGUF: it begins with "${text}", not with "GGUF". ${whatItIs(name, cursor.front(64))}`);
  }
  cursor.what = 'the version';
  const version = cursor.u32();
  if (version === 2 || version === 3) return version;
  if (version !== 0 && version % 2 ** 16 === 0) {
    throw new UnsupportedModelError(`${name} is a big-endian GGUF; windrow reads little-endian ones. Get the little-endian file of the model.`);
  }
  throw new UnsupportedModelError(`${name} is a GGUF of version ${version}; windrow reads versions 2 and 3. Get a newer file of the model, or convert it.`);
}

function readPair(cursor: Cursor, metadata: Metadata, index: number, of: number): [string, MetadataValue] {
  cursor.what = `metadata key ${index + 1} of ${of}`;
  const key = cursor.string();
  if (key.length === 0 || key.length > most.keyBytes) throw cursor.fail(`has ${key.length} characters; needed are 1 to ${most.keyBytes}. The file is damaged.`);
  if (metadata.has(key)) throw cursor.fail(`is "${clip(key)}" a second time; keys are unique in a sound file.`);
  cursor.what = `the value of ${clip(key)}`;
  const type = cursor.u32();
  return [key, type === arrayType ? readArray(cursor) : valueType(cursor, type).one(cursor)];
}

function readArray(cursor: Cursor): MetadataArray {
  const type = cursor.u32();
  if (type === arrayType) throw new UnsupportedModelError(`${cursor.source.name}: ${cursor.what} is an array of arrays, which windrow does not read.`);
  const { bytes, one, Array } = valueType(cursor, type);
  const count = cursor.count('elements', bytes, most.elements);
  if (Array) return new Array(cursor.copy(count * bytes));
  const values: ReturnType<typeof one>[] = []; // grows with what is really there, not with what the file claims
  for (let i = 0; i < count; i++) values.push(one(cursor));
  return values as MetadataArray;
}

function valueType(cursor: Cursor, type: number): ValueType {
  const found = valueTypes.get(type);
  if (!found) throw cursor.fail(`has the value type ${type}; known are 0 to 12. The file is damaged or newer than this reader.`);
  return found;
}

function alignment(source: ByteSource, metadata: Metadata): number {
  const value = metadata.get('general.alignment') ?? 32;
  if (typeof value !== 'number' || !Number.isInteger(Math.log2(value)) || value < 1 || value > 2 ** 24) {
    throw new InvalidFileError(`${source.name}: general.alignment is ${String(value).slice(0, 40)}; needed is a power of two up to 16777216.`);
  }
  return value;
}

const clip = (text: string): string => (text.length > 80 ? `${text.slice(0, 80)}...` : text);
