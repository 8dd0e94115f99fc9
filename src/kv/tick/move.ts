// Dispatches by which slots become those of a set: kv-compact.wgsl, kv-move.wgsl.
import { isNarrow } from '../formats/sealed/narrow.ts';
import { type KvLayer, type KvTick } from '../policy.ts';
import { groupsOf, mostSlots, ringsOf, slotWords } from './layer.ts';
import { type Kept } from './rank.ts';

/** Where no word becomes the position. */
const none = 0xffffffff;

interface Part {
  files: string[];
  consts?: Record<string, number>;
  to: GPUBuffer;
  from: GPUBuffer;
  params: Record<string, number>;
  words: number;
}

/** What a slot has: the words of its key and value, and those of its planes. */
function partsOf({ plan: { planes } }: KvTick, layer: KvLayer): Part[] {
  const { heads: { kvHeads, headDim }, sets: [set], fresh } = layer;
  const { format } = set;
  if (format.name !== fresh.format.name && !isNarrow(format))
    throw new Error(`Slots of ${fresh.format.name} are to be moved as they are into a set of ${format.name}.`);
  const own = isNarrow(format) ? { slot_words: format.slotWords(headDim), unit_words: 1 } : slotWords(fresh.format, headDim);
  const shared = { kv_heads: kvHeads, set_index: 0 };
  const words: Part = {
    files: [...(isNarrow(format) ? format.moved : ['kv/tick/words']), 'kv/where/list'], to: set.pages, from: fresh.pages, words: own.slot_words,
    params: { ...shared, ...own, position: none }, ...(isNarrow(format) && { consts: { ...format.consts, HeadVec4s: Math.ceil(headDim / 4) } }),
  };
  if (!set.planes || !fresh.planes) return [words];
  const position = planes.includes('position') ? planes.indexOf('position') : none;
  return [words, {
    files: ['kv/tick/words-of-planes', 'kv/where/list'], to: set.planes, from: fresh.planes, words: planes.length,
    params: { ...shared, slot_words: planes.length, unit_words: 1, position },
  }];
}

/** What the kernel tells of which slots it moves, `most` of a head at most. */
interface Which {
  file: string;
  bindings: Record<string, GPUBuffer>;
  most: number;
  fresh: number;
}

const moved = (kv: KvTick, layer: KvLayer, { files, to, from, params, words }: Part, { file, bindings, most, fresh }: Which): void =>
  kv.dispatch({
    label: `kv.${layer.layer}.move`,
    kernel: { kernel: 'kv-move', files: [...files, file] },
    params: { ...params, most, fresh, base: kv.base, rings: ringsOf(layer) },
    bindings: { ...bindings, lists: layer.lists, pages: to, fresh: from },
    grid: [groupsOf(fresh, 32), layer.heads.kvHeads, groupsOf(words, 8)],
  });

const compacted = (kv: KvTick, layer: KvLayer, { files, consts, to, params, words }: Part, { kept, counts }: Kept): void =>
  kv.dispatch({
    label: `kv.${layer.layer}.compact`,
    kernel: { kernel: 'kv-compact', files, consts },
    params: { ...params, most: mostSlots(kv) },
    bindings: { kept, kept_counts: counts, lists: layer.lists, pages: to },
    grid: [layer.heads.kvHeads, groupsOf(words, 8)],
  });

const movedListed = (kv: KvTick, layer: KvLayer, part: Part, { kept, counts, fresh }: Kept): void =>
  moved(kv, layer, part, { file: 'kv/which/listed', bindings: { kept, kept_counts: counts }, most: mostSlots(kv), fresh });

/**
 * The slots that are listed become the first set of a layer, in their order, with what their planes say. Set and fresh slots have one
 * format, of slots that are packed each by itself. Counts are the caller's to say.
 */
export function keepListed(kv: KvTick, layer: KvLayer, listed: Kept): void {
  for (const part of partsOf(kv, layer)) {
    compacted(kv, layer, part, listed);
    if (listed.fresh) movedListed(kv, layer, part, listed);
  }
}

/** The listed slots of the first set of a layer become its first ones, with what their planes say. */
export const compactListed = (kv: KvTick, layer: KvLayer, listed: Kept): void => partsOf(kv, layer).forEach((part) => compacted(kv, layer, part, listed));

/** What planes say of the listed fresh slots comes behind that of the set. */
export const movePlanes = (kv: KvTick, layer: KvLayer, listed: Kept): void =>
  partsOf(kv, layer).slice(1).forEach((part) => movedListed(kv, layer, part, listed));

/** The fresh slots before `end` of every layer come behind those of its first set. */
export async function appendAll(kv: KvTick, end: number): Promise<void> {
  const fresh = end - kv.base;
  for (const layer of fresh ? kv.layers : []) {
    const [set] = layer.sets;
    const counts = set.counts.map((count) => count + fresh);
    await kv.makeRoom(set, counts);
    for (const part of partsOf(kv, layer)) moved(kv, layer, part, { file: 'kv/which/all', bindings: {}, most: 0, fresh });
    kv.setCounts(set, counts);
  }
  kv.advance(end);
}
