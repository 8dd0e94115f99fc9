// What a read of the store costs: a part for each read and a part for each byte. From it follow how large a read should
// be and how far ahead to read. Measured in a few reads; a guess where nothing is stored yet.
import { type StoreCost } from '../protocol.ts';
import { type Manifest, type Store } from './store.ts';

/** A read of this size costs as much for its bytes as for being a read. */
export const kneeBytes = ({ secondsPerRead, secondsPerByte }: StoreCost): number => secondsPerRead / secondsPerByte;

export const readSeconds = ({ secondsPerRead, secondsPerByte }: StoreCost, bytes: number): number => secondsPerRead + bytes * secondsPerByte;

const sliceBytes = 64 * 1024;
/** Below this a read's bytes cost too little beside the read itself to be told from it. */
const leastBytes = 2 ** 20;
/** No storage is faster: a clock too coarse must not make it free. */
const leastMsPerByte = 1000 / 50e9;
const mostMs = 800;

/**
 * Fits the cost of reads to slabs of a stored model, whole ones and slices of 64 KiB, in under a second. Each slab is read
 * once: what the system holds in memory already would look too good. Undefined if the model is too small to tell.
 */
export async function measureStore(store: Store, { id, slabBytes }: Pick<Manifest, 'id' | 'slabBytes'>, now: () => number = () => performance.now()): Promise<StoreCost | undefined> {
  const bySize = slabBytes.map((byteLength, slab) => ({ slab, byteLength })).filter(({ byteLength }) => byteLength >= leastBytes).sort((a, b) => b.byteLength - a.byteLength);
  const start = now();
  const slices: number[] = [];
  const perByte: number[] = [];
  const timed = async (...read: Parameters<Store['read']>): Promise<number> => {
    const before = now();
    await store.read(...read);
    return now() - before;
  };
  if (bySize.length > 0) await store.read(id, bySize[0].slab, 0, 1); // what is opened once is no part of a read
  const whole = bySize.slice(0, Math.min(4, Math.floor(bySize.length / 2)));
  for (const { slab, byteLength } of bySize.slice(whole.length, whole.length + 8)) {
    if (now() - start > mostMs / 2 && slices.length > 0) break;
    slices.push(await timed(id, slab, Math.floor(byteLength / 2), sliceBytes));
  }
  const slice = median(slices);
  for (const { slab, byteLength } of whole) {
    if (now() - start > mostMs && perByte.length > 0) break;
    perByte.push((await timed(id, slab) - slice) / (byteLength - sliceBytes));
  }
  if (perByte.length === 0) return undefined;
  const msPerByte = Math.max(median(perByte), leastMsPerByte);
  return { secondsPerRead: Math.max(slice - sliceBytes * msPerByte, 0) / 1000, secondsPerByte: msPerByte / 1000 };
}

const median = (values: number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1];
