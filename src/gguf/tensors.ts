// The tensor table: one row of it, and whether the rows together make sense of the file. Reads no weights.
import { InvalidFileError, UnsupportedModelError } from '../errors.ts';
import { ggmlTypes } from '../formats/ggml-types.ts';
import { type Cursor } from './cursor.ts';
import { type TensorInfo } from './header.ts';
import { joinPieces } from './lookalikes.ts';
import { type ByteSource } from './source.ts';

/** ggml's GGML_MAX_NAME and GGML_MAX_DIMS. */
const most = { nameBytes: 64, dimensions: 4 };

/** One row of the table; its `offset` still counts from the start of the tensor data. */
export function readTensor(cursor: Cursor, index: number, of: number): TensorInfo {
  cursor.what = `tensor ${index + 1} of ${of}`;
  const name = cursor.string();
  if (name.length === 0 || name.length > most.nameBytes)
    throw cursor.fail(`has a name of ${name.length} characters; needed are 1 to ${most.nameBytes}. The file is damaged.`);
  cursor.what = `tensor "${name}"`;
  const dimensions = cursor.u32();
  if (dimensions > most.dimensions) throw cursor.fail(`has ${dimensions} dimensions; ggml knows at most ${most.dimensions}. The file is damaged.`);
  const shape: number[] = [];
  let elements = 1;
  for (let i = 0; i < dimensions; i++) {
    const size = cursor.u64();
    if (size === 0) throw cursor.fail(`has a dimension of size 0; needed is at least 1.`);
    elements *= Number(size);
    shape.push(Number(size));
  }
  if (dimensions === 0) shape.push(1); // a scalar
  const number = cursor.u32();
  const type = ggmlTypes.get(number);
  if (!type)
    throw new UnsupportedModelError(
      `${cursor.source.name}: tensor "${name}" has type number ${number}, which windrow does not know. Get the model in another quantisation, such as Q4_K_M.`,
    );
  if (shape[0] % type.blockSize !== 0) {
    throw cursor.fail(`has rows of ${shape[0]} weights; ${type.name} needs a multiple of ${type.blockSize}. The file is damaged.`);
  }
  const byteLength = (elements / type.blockSize) * type.blockBytes;
  if (elements > Number.MAX_SAFE_INTEGER || byteLength > Number.MAX_SAFE_INTEGER) {
    throw cursor.fail(`has the shape ${shape.join(' x ')}, more than 2^53 weights or bytes. The file is damaged.`);
  }
  const offset = cursor.u64();
  if (typeof offset === 'bigint') throw cursor.fail(`begins at byte ${offset} of the tensor data, past 2^53. The file is damaged.`);
  return { name, type: type.name, shape, offset, byteLength };
}

/** The tensors at their place in the file, in the table's order, checked against each other and the file's size. */
export function placeTensors(
  source: ByteSource,
  raw: readonly TensorInfo[],
  headerBytes: number,
  alignment: number,
): { tensors: Map<string, TensorInfo>; fileBytes: number } {
  const start = Math.ceil(headerBytes / alignment) * alignment;
  const tensors = new Map<string, TensorInfo>();
  for (const tensor of raw) {
    if (tensor.offset % alignment !== 0) {
      throw new InvalidFileError(
        `${source.name}: tensor "${tensor.name}" begins at byte ${tensor.offset} of the tensor data; needed is a multiple of the file's alignment ` +
        `${alignment}.`,
      );
    }
    const end = start + tensor.offset + tensor.byteLength;
    if (end > (source.byteLength ?? Number.MAX_SAFE_INTEGER)) {
      throw new InvalidFileError(
        `${source.name}: tensor "${tensor.name}" ends at byte ${end}, but the file has ${source.byteLength ?? 'at most 2^53'} bytes. The file is ` +
        `incomplete or damaged: get it again.${joinPieces(source.name)}`,
      );
    }
    tensors.set(tensor.name, { ...tensor, offset: start + tensor.offset });
  }
  let previous: TensorInfo | undefined;
  for (const tensor of [...tensors.values()].sort((a, b) => a.offset - b.offset)) {
    if (previous && previous.offset + previous.byteLength > tensor.offset) {
      throw new InvalidFileError(
        `${source.name}: tensor "${tensor.name}" begins at byte ${tensor.offset}, inside tensor "${previous.name}" (bytes ${previous.offset} to ` +
        `${previous.offset + previous.byteLength}). The file is damaged.`,
      );
    }
    previous = tensor;
  }
  return { tensors, fileBytes: previous ? previous.offset + previous.byteLength : headerBytes };
}
