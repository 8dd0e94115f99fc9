// What the processor attends to by the query of a layer: all slots on pages in worker memory, or of those for which there is an index the few that it finds
// (RetrievalAttention, arXiv 2409.10516), and all others.
import { type KeptAnswered } from '../../protocol.ts';
import { type KvFormat, pageSlots } from '../formats/format.ts';
import { type Rest } from '../latents/eigen.ts';
import { sum } from '../../sum.ts';
import { type KvPlan } from '../policy.ts';
import { type Shape } from '../shape.ts';
import { type AwayLayer } from './away-layer.ts';
import { type Found, type Scratch, createScratch } from './index/key-index.ts';
import { type LayerIndex, createLayerIndex, mayIndex } from './index/layer-index.ts';
import { type PageHome } from './page-home.ts';
import { readValue } from './page-numbers.ts';
import { type Partial, createPartial, partialFloats } from './partial.ts';
import { type Turns, createTurns } from './turns.ts';

/** Of a tick: queries of a layer, (n, query head, padded headDim), of the last steps, and whether a prompt has ended. */
export interface Learned {
  queries: Float32Array;
  ended: boolean;
  /** Rejects to end it, after which the layer has no index until the next prompt has ended. */
  rest?: Rest;
}

export interface Attended {
  readonly counters: KeptAnswered;
  /**
   * What attention gives by the query of a layer, (query head, padded headDim). Others have turns meanwhile; rejects with the signal's reason.
   */
  attend(layer: AwayLayer, query: Float32Array, signal?: AbortSignal): Promise<Float32Array<ArrayBuffer>>;
  /** Whether a layer may ever have an index. */
  learns(layer: AwayLayer): boolean;
  /** Has an index of a layer, where it is to have one, know the slots that are in worker memory by now. */
  learn(layer: AwayLayer, learned: Learned): Promise<void>;
  /** Forgets what indexes know where they know slots from `length` on. */
  cut(length: number): void;
  /** Has for some layers the indexes of another sequence, whose slots there were copied. */
  copyFrom(other: Attended, layers: readonly AwayLayer[]): void;
  /** If there is one. */
  indexOf(layer: number): LayerIndex | undefined;
}

/** Pages between turns of others: some 25 to 45 ms (docs/decisions/kv-answers.md), beside which a turn takes little. */
const pagesOfTurn = 1024;

export function createAttended(home: PageHome, { attended, format, plan }: Shape): Attended {
  const partials = new Map<number, Partial>();
  const indexes = new Map<number, LayerIndex>();
  const counters: KeptAnswered = { answers: 0, crossedBytes: 0, slots: 0, scored: 0 };
  const turns = createTurns(pagesOfTurn);
  let scratch: Scratch | undefined;

  const askedOf = ({ layer, heads }: AwayLayer) => ({ ...heads, ...attended[layer] });

  const learns = ({ layer, answered, pick }: AwayLayer): boolean =>
    answered?.index !== undefined && mayIndex(answered.index, capacityOf(plan, layer), pick.first);

  function partialOf(layer: AwayLayer): Partial {
    const own = partials.get(layer.layer) ?? createPartial(askedOf(layer), format);
    partials.set(layer.layer, own);
    return own;
  }

  function indexOf(layer: AwayLayer): LayerIndex {
    const capacity = capacityOf(plan, layer.layer);
    scratch ??= createScratch(capacity);
    const own = indexes.get(layer.layer) ?? createLayerIndex({
      ...askedOf(layer), format, capacity, first: layer.pick.first, index: layer.answered!.index!, scratch,
      page: (row, head) => home.pageInMemory(layer.layer, row, head),
    });
    indexes.set(layer.layer, own);
    return own;
  }

  return {
    counters,
    async attend(layer, query, signal) {
      const { heads: { kvHeads }, pick: { first } } = layer;
      const { queryHeads } = attended[layer.layer];
      const partial = partialOf(layer);
      partial.begin(query);
      const index = learns(layer) ? indexOf(layer) : undefined;
      const known = index?.count ?? 0;
      for (let head = 0; head < kvHeads; head++) {
        const end = endOf(layer, head);
        await addPages((row) => home.pageInMemory(layer.layer, row, head), { head, first: first + known, end }, partial, () => turns(signal));
        counters.slots += (Math.max(0, end - first) * queryHeads) / kvHeads;
        counters.scored += (Math.max(0, end - first - known) * queryHeads) / kvHeads;
      }
      for (let head = 0; known && head < queryHeads; head++) {
        const found = index!.search(head, query.subarray((head * query.length) / queryHeads, ((head + 1) * query.length) / queryHeads));
        addFoundTo({ home, format, queryHeads }, layer, head, found, partial);
        counters.scored += found.products;
        await turns(signal, found.count / pageSlots);
      }
      const floats = new Float32Array(partialFloats(askedOf(layer)));
      partial.write(floats);
      return floats;
    },
    learns,
    async learn(layer, { queries, ended, rest }) {
      if (!learns(layer)) return;
      const index = indexOf(layer);
      const begun = performance.now();
      if (queries.length) index.note(queries);
      try {
        await index.grow(Math.min(...Array.from({ length: layer.heads.kvHeads }, (_, head) => endOf(layer, head))), ended, rest);
      } finally {
        counters.index = { ...sizesOf(indexes, plan), ms: (counters.index?.ms ?? 0) + performance.now() - begun };
      }
    },
    cut: (length) => indexes.forEach((index) => index.cut(length)),
    copyFrom(other, layers) {
      for (const layer of layers) {
        const source = other.indexOf(layer.layer);
        if (source) indexOf(layer).copyFrom(source);
      }
      if (indexes.size) counters.index = { ...sizesOf(indexes, plan), ms: 0 };
    },
    indexOf: (layer) => indexes.get(layer),
  };
}

const endOf = ({ sets: { all: [{ counts, tails }] } }: AwayLayer, head: number): number => Math.min(counts[head], tails[head]);

const capacityOf = ({ layers }: KvPlan, layer: number): number => Math.max(...layers[layer][0].mostSlots);

/** Of all layers together. */
function sizesOf(indexes: ReadonlyMap<number, LayerIndex>, { layers }: KvPlan): { keys: number; bytes: number } {
  const all = [...indexes].map(([layer, { count, byteLength }]) => ({ keys: count * layers[layer][0].mostSlots.length, bytes: byteLength }));
  return { keys: sum(all.map(({ keys }) => keys)), bytes: sum(all.map(({ bytes }) => bytes)) };
}

/** Attends to what an index finds for a query head. */
function addFoundTo(at: { home: PageHome; format: KvFormat; queryHeads: number }, layer: AwayLayer, head: number, found: Found, partial: Partial): void {
  const { heads: { kvHeads, headDim }, pick: { first } } = layer;
  const kvHead = Math.floor((head * kvHeads) / at.queryHeads);
  partial.addFound(head, found, (id, into) => {
    const slot = first + id;
    readValue(at.format, headDim, at.home.pageInMemory(layer.layer, Math.floor(slot / pageSlots), kvHead), slot % pageSlots, into);
  });
}

/** All slots of a kv head between two, page by page. */
async function addPages(
  page: (row: number) => Uint8Array, { head, first, end }: Record<'head' | 'first' | 'end', number>, partial: Partial, next: () => ReturnType<Turns>,
): Promise<void> {
  if (first >= end) return; // the page of the first ones may not have left the GPU yet
  for (let row = Math.floor(first / pageSlots); row * pageSlots < end; row++) {
    const begin = row * pageSlots;
    partial.addPage(head, page(row), Math.max(0, first - begin), Math.min(pageSlots, end - begin));
    await next();
  }
}
