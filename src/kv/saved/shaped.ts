// What is saved of keys and values that a policy shapes: the pages of each layer's ring in order of position, and what its sets hold, page lists, planes and
// summaries among it. Good for the same plan alone, as lists and rings are as long as it says.
import { RequestError } from '../../errors.ts';
import { type ByteRange } from '../../gpu/read-bytes.ts';
import { type PageFormat, pageSlots } from '../formats/format.ts';
import { shrinkingFirst } from '../pick.ts';
import { type KvHeads, cachesOf, segmentBytes } from '../segment.ts';
import { type Sequence, type SequenceHome } from '../sequence.ts';
import { type HeldSets } from '../sets.ts';
import { type Shape } from '../shape.ts';
import { type Shaped } from '../shaped.ts';
import { type Place, pagesInOrder, putPages } from './away.ts';
import { type PageKind } from './coding/pages.ts';
import { sumOf } from './sum.ts';
import { type ShapedNumbers, type Snapshot, type SnapshotOf, damagedParts } from './snapshot.ts';

/** One range or several that come one behind the other, and where they are pages of a cache, of what kind. */
export interface SavedPart {
  /** What comes before them, of what is not on the GPU. */
  before?: () => AsyncIterable<Uint8Array>;
  ranges: ByteRange[];
  kind?: PageKind;
}

/** RequestError for a policy that keeps something beside what its sequences hold. */
export function checkSavable(shape: Shape | undefined): void {
  if (shape?.policy.unsaved)
    throw new RequestError(
      `Conversations under the policy ${shape.policy.name} cannot be saved: what it measures is no part of them. Save the text, or load with another kv.`,
    );
}

const roomWords = ({ context, chunk, budgetBytes }: Shape['room']): string =>
  `a context of ${context} tokens, ${Number.isFinite(budgetBytes) ? `${(budgetBytes / 2 ** 20).toFixed(1)} MiB` : 'no budget'} for a conversation and ` +
  `prompts in steps of ${chunk}`;

/** What says in a snapshot which policy, and which plan of it, it is of. */
export function shapeOfSaved(shape: Shape | undefined): Pick<SnapshotOf, 'policy' | 'plan' | 'room'> {
  if (!shape) return {};
  const options = Object.entries(shape.options).map(([name, value]) => `${name}=${value}`).join(',');
  const plan = sumOf(new TextEncoder().encode(JSON.stringify([shape.plan, shape.ringSlots])));
  return { policy: `${shape.policy.name}(${options})`, plan: plan.toString(16), room: roomWords(shape.room) };
}

/** Where `count` pages from page `first` of the positions on lie in a ring of so many: [page of the ring, how many]. */
export function ringRuns(first: number, count: number, size: number): [number, number][] {
  const at = first % size;
  const before = Math.min(count, size - at);
  return ([[at, before], [0, count - before]] as [number, number][]).filter(([, pages]) => pages > 0);
}

/** The pages of positions that fresh slots are in: the first of them, and how many. */
const freshPages = (base: number, length: number): { first: number; count: number } => {
  const first = Math.floor(base / pageSlots);
  return { first, count: Math.ceil(length / pageSlots) - first };
};

interface Ring {
  buffer: GPUBuffer;
  /** Pages of all heads together. */
  size: number;
  /** Bytes of such a page. */
  bytes: number;
}

interface LayerParts {
  heads: KvHeads;
  rings: Ring[];
  held?: HeldSets;
  /** Where pages of its set are at home elsewhere. */
  place?: Place;
  plain?: ByteRange;
}

/** Of each layer its ring and that ring's planes, or all of its slots where it has no sets; then what its sets hold. */
function layersOfShaped({ config, format }: SequenceHome, sequence: Sequence): LayerParts[] {
  const { layers, setsOf } = sequence.shaped as Shaped;
  return cachesOf(config).map((heads, layer) => {
    const { buffer } = sequence.fresh(layer);
    const shaped = layers.find((each) => each.layer === layer);
    if (!shaped) return { heads, rings: [], plain: { buffer, byteLength: segmentBytes(heads, sequence.tokens.length, format) } };
    const bytes = segmentBytes(heads, pageSlots, format);
    const size = buffer.size / bytes;
    const { planes } = shaped.fresh;
    const sets = setsOf(layer);
    const rings = [{ buffer, size, bytes }, ...(planes ? [{ buffer: planes, size, bytes: planes.size / size }] : [])];
    return { heads, rings, held: sets.held, ...(sets.paging && { place: { layer, sets, kvHeads: heads.kvHeads, pageBytes: bytes / heads.kvHeads } }) };
  });
}

/** Of fresh slots, of which there are no more than positions. */
export const kindOf = ({ format, context }: SequenceHome, heads: KvHeads): PageKind => ({ format, ...heads, mostBytes: segmentBytes(heads, context, format) });

/** Pages of a set are taken as heads need them. */
const kindOfSet = ({ format, most }: { format: PageFormat; most: number }, { headDim }: KvHeads): PageKind =>
  ({ format, headDim, kvHeads: 1, mostBytes: 4 * most * format.words(headDim) });

export function partsOfShaped(home: SequenceHome, sequence: Sequence): { parts: SavedPart[]; shaped: ShapedNumbers } {
  const { base, since, noted, promptLength, joined } = sequence.shaped!;
  const { first, count } = freshPages(base, sequence.tokens.length);
  const layers = layersOfShaped(home, sequence);
  const parts = layers.flatMap(({ heads, rings, held, plain, place }): SavedPart[] => [
    ...(plain ? [{ ranges: [plain], kind: kindOf(home, heads) }] : []),
    ...rings.map(({ buffer, size, bytes }, i) => ({
      ranges: ringRuns(first, count, size).map(([page, pages]) => ({ buffer, offset: page * bytes, byteLength: pages * bytes })),
      ...(i === 0 && { kind: kindOf(home, heads) }), // planes are behind it
    })),
    ...(held?.buffers ?? []).map(({ pages, ...range }) => ({
      ...(pages && place ? pagesInOrder(sequence.shaped!, place) : { ranges: [range] }), ...(pages && { kind: kindOfSet(pages, heads) }),
    })),
  ]);
  const { away } = sequence.shaped!;
  const { length } = sequence.tokens;
  const hasChosen = away?.hasChosen && (!away.answers || away.chosenAt === length - 1);
  const queried = sequence.shaped!.queried.at(length);
  const told = { ...(queried && { queried }), ...(noted < since && { noted }), ...(joined && { joined }), ...(hasChosen && { hasChosen }) };
  const numbers = { base, since, promptLength, ...told, length };
  return { parts, shaped: { ...numbers, layers: layers.flatMap(({ held }) => held?.numbers ?? []) } };
}

/** Has no pages in use where some of what was saved was put: sets of which nothing was written yet would take theirs for listed. */
export const emptyShaped = ({ shaped }: Sequence): void => shaped?.layers.forEach(({ layer }) => shaped.setsOf(layer).empty());

/** Puts what was saved in the place of what an empty sequence has. RequestError for parts of other sizes, BudgetError where there is no room. */
export async function putShaped(home: SequenceHome, sequence: Sequence, { tokens, layers, shaped }: Snapshot): Promise<void> {
  const target = sequence.shaped!;
  const own = target.layers;
  if (!shaped || shaped.layers.length !== own.length || shaped.since > tokens.length || shaped.base > tokens.length) throw damagedParts();
  const { base, since, promptLength, joined = 0, queried = 0, noted = since } = shaped;
  if (joined > tokens.length || noted > since) throw damagedParts();
  target.ticked(promptLength, 0, true);
  target.ticked(noted, base);
  target.ticked(since, base, false, false);
  target.queried.goOn(tokens.length, queried);
  target.join(joined);
  await sequence.makeRoom(tokens.length); // of a ring for the slots behind `base`
  const had = own.map(({ layer }) => target.setsOf(layer).size);
  for (const i of shrinkingFirst(had, shaped.layers.map(({ size }) => size))) await target.setsOf(own[i].layer).take(shaped.layers[i]);
  target.replaced();
  sequence.note(0, tokens); // which says how many slots layers without sets have
  const { queue } = home.device;
  const left = [...layers];
  const next = (byteLength: number): Uint8Array<ArrayBuffer> => {
    const part = left.shift();
    if (part?.byteLength !== byteLength) throw damagedParts();
    return part.slice();
  };
  const { first, count } = freshPages(base, tokens.length);
  for (const { rings, held, plain, place } of layersOfShaped(home, sequence)) {
    if (plain) queue.writeBuffer(plain.buffer, 0, next(plain.byteLength));
    for (const { buffer, size, bytes } of rings) {
      const part = next(count * bytes);
      ringRuns(first, count, size).reduce((done, [page, pages]) => {
        queue.writeBuffer(buffer, page * bytes, part, done, pages * bytes);
        return done + pages * bytes;
      }, 0);
    }
    for (const { buffer, byteLength, pages } of held?.buffers ?? []) {
      if (pages && place) await putPages(home.device, target, place, next(byteLength));
      else queue.writeBuffer(buffer, 0, next(byteLength));
    }
  }
  if (left.length) throw damagedParts();
  if (shaped.hasChosen) await target.away?.noteAgain(tokens.length - 1);
}
