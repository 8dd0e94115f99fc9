// What ways of pages between a home in worker memory and the GPU have in common: the layers that have such pages, and buffers on the way.
import { type CacheHeads } from '../../model/graph.ts';
import { type KeptAway } from '../../protocol.ts';
import { pageSlots } from '../formats/format.ts';
import { pickedSet } from '../pick.ts';
import { type AnswerPlan, type KvPlan, type PickPlan } from '../policy.ts';
import { type Sets } from '../sets.ts';
import { type AwayBytes } from './away-bytes.ts';
import { type PageHome, blockRows } from './page-home.ts';
import { type Paging } from './paging.ts';

/** Brings bytes to the GPU, as src/weights/stream/uploader.ts does. */
export interface Uploads {
  write(buffer: GPUBuffer, offset: number, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  writeParts(buffer: GPUBuffer, parts: readonly { offset: number; bytes: Uint8Array<ArrayBuffer> }[]): Promise<void>;
}

export interface AwayLayer {
  layer: number;
  heads: CacheHeads;
  pick: PickPlan;
  answered?: AnswerPlan;
  sets: Sets;
  paging: Paging;
  pageBytes: number;
  /** Where its choice begins among those of all layers, or its queries, in words, and how many the choice has, or one query. */
  at: number;
  words: number;
}

/** A page at home, and the frame that it is for. */
export interface HomePage {
  frame: number;
  row: number;
  head: number;
}

/** Bytes that are brought of a page at home: its values alone, where keys are made again on the GPU. */
export const broughtBytes = ({ sets: { all: [set] }, pageBytes }: AwayLayer): number => (set.isLow ? pageBytes / 2 : pageBytes);

/** Brings the last so many bytes of pages to frames of a layer, of which no more are on their way at once than a block of rows has. */
export async function uploadPages(home: PageHome, uploads: Uploads, layer: AwayLayer, pages: readonly HomePage[], bytes = layer.pageBytes): Promise<void> {
  const { heads: { kvHeads }, sets: { all: [set] }, pageBytes } = layer;
  const most = blockRows * kvHeads;
  for (let first = 0; first < pages.length; first += most) {
    const parts = await Promise.all(pages.slice(first, first + most).map(async ({ frame, row, head }) =>
      ({ offset: (frame + 1) * pageBytes - bytes, bytes: (await home.page(layer.layer, row, head)).subarray(pageBytes - bytes) })));
    await uploads.writeParts(set.pages, parts);
  }
}

/**
 * Has the keys of pages made again in front of the next row: of those that came without, and those that wait since the last tick. They wait until that row is
 * encoded (`keysMade`): a step may be aborted before.
 */
export function remakeKeys({ queue }: GPUDevice, { sets: { keyless, all: [set] }, paging, heads: { kvHeads } }: AwayLayer, brought: readonly HomePage[]): void {
  if (!keyless) return;
  const { waiting, pages } = keyless;
  for (const { row, head } of set.isLow ? brought : []) waiting.add(row * kvHeads + head);
  const due = [...waiting].filter((page) => paging.frames.has(page));
  keyless.count = due.length;
  if (due.length) queue.writeBuffer(pages.buffer, 0, Uint32Array.from(due));
}

/** A row was encoded in front of which keys are made again. */
export const keysMade = ({ sets: { keyless } }: AwayLayer): void => keyless?.waiting.clear();

/** The keys of all pages of a layer that are there wait to be made again. */
export function waitForKeys({ sets: { keyless, all: [set] }, paging }: AwayLayer): void {
  for (const page of set.isLow ? paging.frames.there.keys() : []) keyless?.waiting.add(page);
}

/** Keys of pages at home are those that there are again, not those that are made again: of pages that have such nothing is on the GPU any more. */
export function forgetKeys({ sets: { keyless, all: [set] }, paging }: AwayLayer): void {
  keyless?.waiting.clear();
  if (set.isLow) paging.frames.drop(() => true);
}

/** The pages of the row that is not full, of layers whose keys are in low rank: of each its frame, and where its keys are as they were. */
export function begunPages({ sets: { begun, all: [{ isLow, counts }] }, paging, heads: { kvHeads }, pageBytes }: AwayLayer): { frame: number; kept: number }[] {
  if (!isLow || !begun || Math.max(...counts) <= paging.home * pageSlots) return [];
  return Array.from({ length: kvHeads }, (_, head) => ({ frame: paging.frames.use(paging.home * kvHeads + head)! * pageBytes, kept: (head * pageBytes) / 2 }));
}

/** What was brought so far. */
export type Brought = Pick<KeptAway, 'tokens' | 'fetchedBytes' | 'mostFetchedBytes' | 'chosen' | 'missed'>;

export interface At {
  device: GPUDevice;
  buffers: Record<'whole' | 'lists' | 'choices' | 'leaving', GPUBuffer> & { answers?: GPUBuffer; ahead?: GPUBuffer };
  home: PageHome;
  counters: Brought;
  plan: KvPlan;
}

/** Copies what a layer chose, or one of the queries that it keeps, to where it is on its way to the CPU. */
export function noteWords(encoder: GPUCommandEncoder, { sets: { queries, chosen }, answered, at, words }: AwayLayer, to: GPUBuffer, query = 0): void {
  encoder.copyBufferToBuffer((answered ? queries! : chosen!).buffer, 4 * words * query, to, 4 * at, 4 * words);
}

/** Those whose pages are at home elsewhere. */
export function layersOf(
  sets: readonly (Sets | undefined)[],
  { plan, caches, queryHeads, rowBytes, bytes }: {
    plan: KvPlan; caches: readonly CacheHeads[]; queryHeads: readonly number[]; rowBytes: readonly number[]; bytes: AwayBytes;
  },
): AwayLayer[] {
  return sets.flatMap((each, layer): AwayLayer[] => {
    if (!each?.paging) return [];
    const heads = caches[layer];
    const { pick, answered } = pickedSet(plan.layers[layer])!;
    const words = answered ? queryHeads[layer] * 4 * Math.ceil(heads.headDim / 4) : each.chosen!.buffer.size / 4;
    const place = { at: bytes.choices[layer] / 4, words };
    return [{ layer, heads, pick, answered, sets: each, paging: each.paging, pageBytes: rowBytes[layer] / heads.kvHeads, ...place }];
  });
}
