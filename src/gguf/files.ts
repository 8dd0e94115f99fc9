// A model as one file or as the parts that llama-gguf-split makes of one: their headers as one header, their bytes as one
// source. https://github.com/ggml-org/llama.cpp/tree/master/tools/gguf-split
import { InvalidFileError } from '../errors.ts';
import { type Header, type MetadataValue, type TensorInfo } from './header.ts';
import { getInteger } from './metadata.ts';
import { readHeader } from './read.ts';
import { type ByteSource } from './source.ts';

export interface OpenedFile {
  source: ByteSource;
  /** Where the file begins in the joined source. */
  start: number;
  /** As the tensor table implies: the file itself may end with padding. */
  byteLength: number;
  /** The first bytes, up to the end of the tensor table. */
  header: Uint8Array<ArrayBuffer>;
}

export interface OpenedFiles {
  /** Offsets are those of `source`; without the keys of the split. */
  header: Header;
  source: ByteSource;
  files: OpenedFile[];
}

const partPattern = /-(\d{5})-of-(\d{5})(?=\.gguf$)/;

/** The names of all parts, if `name` (a file name or a URL without its query) is that of one; undefined if it is a whole model's. */
export function partNames(name: string): string[] | undefined {
  const count = Number(partPattern.exec(name)?.[2] ?? 1);
  if (count < 2) return undefined;
  const number = (n: number) => String(n).padStart(5, '0');
  return Array.from({ length: count }, (_, i) => name.replace(partPattern, `-${number(i + 1)}-of-${number(count)}`));
}

/** Opens one file, with the other parts of a split model where they were found. */
export const openWithParts = (source: ByteSource): Promise<OpenedFiles> => openFiles(source.parts ?? [source]);

/** Reads the headers of `sources`: one whole file, or all parts of one, in any order. */
export async function openFiles(sources: readonly ByteSource[], options: { signal?: AbortSignal } = {}): Promise<OpenedFiles> {
  const opened = await Promise.all(
    sources.map(async (source) => {
      const front = rememberFront(source);
      const header = await readHeader(front, options);
      return { source, header, bytes: front.bytes().slice(0, header.headerBytes) };
    }),
  );
  const parts = inOrder(opened);
  const files: OpenedFile[] = [];
  let start = 0;
  for (const { source, header, bytes } of parts) {
    files.push({ source, start, byteLength: header.fileBytes, header: bytes });
    start += header.fileBytes;
  }
  if (files.length === 1) return { header: parts[0].header, source: parts[0].source, files };
  return { header: mergeHeaders(parts.map(({ header }) => header), files), source: joinSources(files), files };
}

function inOrder<T extends { source: ByteSource; header: Header }>(opened: T[]): T[] {
  const split = ({ header }: T) => ({ index: getInteger(header.metadata, 'split.no', 0), count: getInteger(header.metadata, 'split.count', 1) });
  const names = opened.map(({ source }) => source.name).join(', ');
  const { count } = split(opened[0]);
  if (opened.length === 1) return opened; // the graph refuses one part of several
  const parts = [...opened].sort((a, b) => split(a).index - split(b).index);
  if (count !== opened.length || parts.some((part, i) => split(part).index !== i || split(part).count !== count)) {
    const have = parts.map((part) => `${split(part).index + 1} of ${split(part).count}`).join(', ');
    throw new InvalidFileError(`The files ${names} are the parts ${have}. Give all parts of one model, and each once.`);
  }
  return parts;
}

function mergeHeaders(headers: Header[], files: OpenedFile[]): Header {
  const metadata = new Map<string, MetadataValue>([...headers[0].metadata].filter(([key]) => !key.startsWith('split.')));
  const tensors = new Map<string, TensorInfo>();
  headers.forEach((header, i) => {
    for (const tensor of header.tensors.values()) {
      if (tensors.has(tensor.name))
        throw new InvalidFileError(`${files[i].source.name} and an earlier part both have a tensor "${tensor.name}"; they are parts of different models.`);
      tensors.set(tensor.name, { ...tensor, offset: tensor.offset + files[i].start });
    }
  });
  const promised = getInteger(headers[0].metadata, 'split.tensors.count', tensors.size);
  if (promised !== tensors.size)
    throw new InvalidFileError(
      `${files[0].source.name} and its other parts have ${tensors.size} tensors; the first part promises ${promised}. They are parts of different models.`,
    );
  return {
    version: headers[0].version, metadata, tensors,
    headerBytes: headers[0].headerBytes,
    fileBytes: headers.reduce((sum, header) => sum + header.fileBytes, 0),
  };
}

function joinSources(files: OpenedFile[]): ByteSource {
  /** What of a range lies in which file. */
  function* cut(offset: number, length: number): Generator<{ source: ByteSource; from: number; size: number }> {
    for (const { source, start, byteLength } of files) {
      const from = Math.max(offset, start);
      const to = Math.min(offset + length, start + byteLength);
      if (from < to) yield { source, from: from - start, size: to - from };
    }
  }
  const total = files.at(-1)!.start + files.at(-1)!.byteLength;
  async function* stream(offset: number, length: number, signal?: AbortSignal): AsyncGenerator<Uint8Array, void> {
    for (const { source, from, size } of cut(offset, length)) yield* source.stream(from, size, signal);
  }
  async function read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    let done = 0;
    for await (const piece of stream(offset, length, signal)) {
      bytes.set(piece, done);
      done += piece.length;
    }
    return bytes;
  }
  return {
    name: files[0].source.name,
    byteLength: total,
    get acceptsRanges() {
      return files.some(({ source }) => source.acceptsRanges === false) ? false : undefined;
    },
    read,
    readUpTo: (offset, length, signal) => read(offset, Math.max(0, Math.min(length, total - offset)), signal),
    stream,
  };
}

/** Keeps what is read from the front, so that the header need not be received twice. */
function rememberFront(source: ByteSource): ByteSource & { bytes(): Uint8Array<ArrayBuffer> } {
  const pieces: Uint8Array[] = [];
  let end = 0;
  return {
    ...source, // a getter's value too: a header is read before anything is known
    get byteLength() {
      return source.byteLength;
    },
    async readUpTo(offset, length, signal) {
      const bytes = await source.readUpTo(offset, length, signal);
      if (offset === end) {
        pieces.push(bytes);
        end += bytes.length;
      }
      return bytes;
    },
    bytes() {
      const all = new Uint8Array(end);
      let at = 0;
      for (const piece of pieces) {
        all.set(piece, at);
        at += piece.length;
      }
      return all;
    },
  };
}
