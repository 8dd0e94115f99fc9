// Variations of a sound GGUF for tests: other metadata or other tensors, the weights that were there as they were.
import { ggmlTypes } from '../../src/formats/ggml-types.ts';
import { type MetadataValue, type TensorInfo } from '../../src/gguf/header.ts';
import { parseHeader } from '../../src/gguf/parse.ts';
import { bytesSource } from '../../src/weights/source/source.ts';
import { fixture } from './fixture.ts';
import { type GgufTensor, type TypedValue, writeGguf } from './gguf.ts';

export interface Change {
  /** Metadata to add or replace; undefined removes a key. */
  metadata?: Record<string, TypedValue | undefined>;
  /** Tensors to add (their weights are zeros, or lie over others where `offset` says so), or to change; undefined removes one. */
  tensors?: Record<string, Partial<Omit<GgufTensor, 'name'>> | undefined>;
}

/** The bytes of the fixture `path` with `change`. */
export async function vary(path: string, { metadata = {}, tensors = {} }: Change): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = fixture(path);
  const header = await parseHeader(bytesSource(bytes, path));
  const dataStart = Math.min(...[...header.tensors.values()].map(({ offset }) => offset));

  const values = new Map<string, TypedValue>([...header.metadata].map(([key, value]) => [key, typed(value)]));
  for (const [key, value] of Object.entries(metadata)) {
    if (value) values.set(key, value);
    else values.delete(key);
  }
  const table = new Map<string, GgufTensor>([...header.tensors].map(([name, info]) => [name, entry(info, dataStart)]));
  let dataBytes = bytes.length - dataStart;
  for (const [name, tensor] of Object.entries(tensors)) {
    if (!tensor) table.delete(name);
    else if (table.has(name)) table.set(name, { ...table.get(name)!, ...tensor });
    else {
      dataBytes = Math.ceil(dataBytes / 32) * 32;
      const added = { name, shape: [32], type: 0, offset: dataBytes, ...tensor };
      table.set(name, added);
      dataBytes += 4 * added.shape.reduce<number>((a, b) => a * Number(b), 1); // enough for every type
    }
  }
  const file = Uint8Array.from(writeGguf({ version: header.version, metadata: [...values], tensors: [...table.values()], dataBytes }));
  if (table.size > 0) file.set(bytes.subarray(dataStart), file.length - dataBytes);
  return file;
}

const typeNumbers = new Map([...ggmlTypes].map(([number, { name }]) => [name, number]));
const entry = ({ name, type, shape, offset }: TensorInfo, dataStart: number): GgufTensor => ({
  name,
  shape,
  type: typeNumbers.get(type)!,
  offset: offset - dataStart,
});

export function typed(value: MetadataValue): TypedValue {
  if (typeof value === 'string') return { type: 'string', value };
  if (typeof value === 'boolean') return { type: 'bool', value };
  if (typeof value === 'number') return { type: Number.isInteger(value) && value >= 0 ? 'u32' : 'f32', value };
  if (value instanceof Float32Array) return { type: 'f32', value: [...value] };
  if (value instanceof Int32Array) return { type: 'i32', value: [...value] };
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return { type: 'string', value };
  if (Array.isArray(value) && value.every((item) => typeof item === 'boolean')) return { type: 'bool', value };
  throw new Error(`No fixture has had a value like ${String(value).slice(0, 60)}; add it here.`);
}
