// Dispatches by which slots become those of a set: kv-compact.wgsl, kv-move.wgsl.
import { type KvLayer, type KvTick } from '../policy.ts';
import { groupsOf, mostSlots, ringsOf, slotWords } from './layer.ts';
import { type Kept } from './rank.ts';

/** Where no word becomes the position. */
const none = 0xffffffff;

interface Part {
  files: string[];
  to: GPUBuffer;
  from: GPUBuffer;
  params: Record<string, number>;
  words: number;
}

/** What a slot has: the words of its key and value, and those of its planes. */
function partsOf({ plan: { planes } }: KvTick, layer: KvLayer): Part[] {
  const { heads: { kvHeads, headDim }, sets: [set], fresh } = layer;
  if (set.format.name !== fresh.format.name) throw new Error(`Slots of ${fresh.format.name} are to be moved as they are into a set of ${set.format.name}.`);
  const own = slotWords(fresh.format, headDim);
  const shared = { kv_heads: kvHeads, set_index: 0 };
  const words: Part = {
    files: ['kv/tick/words', 'kv/where/list'], to: set.pages, from: fresh.pages, words: own.slot_words, params: { ...shared, ...own, position: none },
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

/**
 * The slots that are listed become the first set of a layer, in their order, with what their planes say. Set and fresh slots have one
 * format, of slots that are packed each by itself. Counts are the caller's to say.
 */
export function keepListed(kv: KvTick, layer: KvLayer, { kept, counts, fresh }: Kept): void {
  const bindings = { kept, kept_counts: counts };
  const most = mostSlots(kv);
  for (const part of partsOf(kv, layer)) {
    const { files, to, params, words } = part;
    kv.dispatch({
      label: `kv.${layer.layer}.compact`,
      kernel: { kernel: 'kv-compact', files },
      params: { ...params, most },
      bindings: { ...bindings, lists: layer.lists, pages: to },
      grid: [layer.heads.kvHeads, groupsOf(words, 8)],
    });
    if (fresh) moved(kv, layer, part, { file: 'kv/which/listed', bindings, most, fresh });
  }
}

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
