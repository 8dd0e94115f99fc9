// What a read of stored weights costs: a part for each read and a part for each byte. From it follow how large a read
// should be and how far ahead to read. Measured in a few reads; a guess where nothing is stored yet.
import { type Header } from '../../gguf/header.ts';
import { type ByteSource } from '../../gguf/source.ts';
import { type StoreCost } from '../../protocol.ts';
import { type Layout } from '../layout.ts';
import { sourceReader } from '../store/reader.ts';
import { cutSection, rangesOf } from './slices.ts';

/** A read of this size costs as much for its bytes as for being a read. */
export const kneeBytes = ({ secondsPerRead, secondsPerByte }: StoreCost): number => secondsPerRead / secondsPerByte;

export const readSeconds = ({ secondsPerRead, secondsPerByte }: StoreCost, bytes: number): number => secondsPerRead + bytes * secondsPerByte;

/** Before anything was measured: a drive of 1 GB/s behind a browser's storage. */
export const guessedCost: StoreCost = { secondsPerRead: 0.5e-3, secondsPerByte: 1e-9 };

/** Reads larger than this gain nothing, and hold memory. */
const largestRead = 16 * 2 ** 20;

/** A read of this size spends half of its time or more on bytes: smaller ones that lie side by side are made one. */
export const readBytesFor = (cost: StoreCost): number => Math.min(largestRead, Math.ceil(kneeBytes(cost)));

/**
 * Bytes to read ahead of their use, for slices of at most `sliceBytes` read in pieces of about `rangeBytes`: so many reads at
 * once that the cost of being a read is paid beside the bytes of others, and at least one slice.
 */
export function aheadBytesFor(cost: StoreCost, sliceBytes: number, rangeBytes: number): number {
  const reads = 1 + Math.ceil(kneeBytes(cost) / rangeBytes);
  return Math.max(sliceBytes, Math.min(reads * rangeBytes, largestRead));
}

/**
 * Reads and bytes that bring `items` of equal size, spread by chance among so many that lie side by side, where those between two are read with them
 * if they are at most `gapBytes`: as bring.ts reads neurons.
 */
export function nearReads(
  { items, among, itemBytes, gapBytes }: { items: number; among: number; itemBytes: number; gapBytes: number },
): { reads: number; bytes: number } {
  if (items <= 1 || items >= among) return { reads: Math.min(items, 1), bytes: items * itemBytes };
  const share = items / among;
  const others = 1 - share;
  const most = Math.floor(gapBytes / itemBytes);
  const apart = others ** (most + 1); // the chance that more lie between two
  const between = (others / share) * (1 - (most + 1) * others ** most + most * others ** (most + 1)); // and how many do where they are read
  return { reads: 1 + (items - 1) * apart, bytes: itemBytes * (items + (items - 1) * between) };
}

/** Reads `length` bytes of a slab from `offset` on. */
export type ReadRange = (slab: number, offset: number, length: number) => Promise<unknown>;

const sliceBytes = 64 * 1024;
/** Below this a read's bytes cost too little beside the read itself to be told from it. */
const leastBytes = 2 ** 20;
/** No storage is faster: a clock too coarse must not make it free. */
const leastMsPerByte = 1000 / 50e9;
const mostMs = 800;

/**
 * Fits the cost of reads to slabs of a model, whole ones and slices of 64 KiB, in under a second. Each slab is read once:
 * what the system holds in memory already would look too good. Undefined if the model is too small to tell.
 */
export async function measureReads(read: ReadRange, slabBytes: readonly number[], now: () => number = () => performance.now()): Promise<StoreCost | undefined> {
  const bySize = slabBytes
    .map((byteLength, slab) => ({ slab, byteLength }))
    .filter(({ byteLength }) => byteLength >= leastBytes)
    .sort((a, b) => b.byteLength - a.byteLength);
  const start = now();
  const slices: number[] = [];
  const perByte: number[] = [];
  const timed = async (...range: Parameters<ReadRange>): Promise<number> => {
    const before = now();
    await read(...range);
    return now() - before;
  };
  if (bySize.length > 0) await read(bySize[0].slab, 0, 1); // what is opened once is no part of a read
  const whole = bySize.slice(0, Math.min(4, Math.floor(bySize.length / 2)));
  for (const { slab, byteLength } of bySize.slice(whole.length, whole.length + 8)) {
    if (now() - start > mostMs / 2 && slices.length > 0) break;
    slices.push(await timed(slab, Math.floor(byteLength / 2), sliceBytes));
  }
  const slice = median(slices);
  for (const { slab, byteLength } of whole) {
    if (now() - start > mostMs && perByte.length > 0) break;
    perByte.push((await timed(slab, 0, byteLength) - slice) / (byteLength - sliceBytes));
  }
  if (perByte.length === 0) return undefined;
  const msPerByte = Math.max(median(perByte), leastMsPerByte);
  return { secondsPerRead: Math.max(slice - sliceBytes * msPerByte, 0) / 1000, secondsPerByte: msPerByte / 1000 };
}

/** As `measureReads`, of a model that is read from its file each time: in whole panels. */
export function measureSource(source: ByteSource, header: Header, layout: Layout): Promise<StoreCost | undefined> {
  const reader = sourceReader(source, header, layout);
  const pieces = layout.sections.flatMap((_, section) => cutSection(layout, section, sliceBytes)).flatMap((slice) => rangesOf(layout, slice));
  const read: ReadRange = (slab, offset, length) => {
    if (length === layout.slabs[slab].byteLength) return reader.readSlab(slab);
    const piece = pieces.find((each) => each.slab === slab && each.offset + each.length > offset)!;
    return reader.readRange(slab, piece.offset, piece.length);
  };
  return measureReads(read, layout.slabs.map(({ byteLength }) => byteLength));
}

const median = (values: number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1];
