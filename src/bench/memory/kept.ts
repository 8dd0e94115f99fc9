// Bytes of what a sequence keeps, slot by slot, whatever rooms are for.
import { readBytes } from '../../gpu/read-bytes.ts';
import { type LoadedModel } from '../../engine/load/load.ts';
import { pageSlots, type PageFormat } from '../../kv/formats/format.ts';
import { centroids } from '../../kv/codes.ts';
import { summaryWords } from '../../kv/pick.ts';
import { type KvLayer } from '../../kv/policy.ts';
import { cachesOf } from '../../kv/segment.ts';
import { shadowWords } from '../../kv/shadow.ts';
import { type Shaped } from '../../kv/shaped.ts';

const slotBytes = (format: PageFormat, headDim: number): number => (4 * format.words(headDim)) / pageSlots;
const sum = (numbers: ArrayLike<number>): number => Array.from(numbers).reduce((a, b) => a + b, 0);

type Asked = Pick<LoadedModel, 'gpu' | 'ledger' | 'sequence'>;

/** Of each layer whose tokens read whole clusters the slots that the last one read of a head, on average: how many these are only the GPU knows. */
async function readOfClusters({ gpu: { device }, ledger, sequence: { shaped } }: Asked): Promise<Map<number, number>> {
  const found = new Map<number, number>();
  for (const { layer, heads: { kvHeads } } of shaped?.layers ?? []) {
    const { picked } = shaped!.setsOf(layer);
    if (shaped!.shape.plan.layers[layer][0].pick?.by !== 'clusters' || !picked) continue;
    const words = new Uint32Array(await readBytes(device, ledger, 'kv.picked', { buffer: picked.buffer, byteLength: 16 * kvHeads }));
    found.set(layer, sum(Array.from({ length: kvHeads }, (_, head) => words[4 * head + 2])) / kvHeads);
  }
  return found;
}

/**
 * Of keys and values, as a share of those of all its tokens in 16 bits; of a set that tokens read a part of, of what one reads at most (of whole clusters, of
 * what the last one read), and what is known of the set.
 */
export async function keptShare(model: Pick<LoadedModel, 'gpu' | 'ledger' | 'graph' | 'kv' | 'sequence'>): Promise<number> {
  const { graph: { config }, kv, sequence } = model;
  const seen = await readOfClusters(model);
  const { tokens, shaped } = sequence;
  const caches = cachesOf(config);
  const shapedLayers = new Map(shaped?.layers.map((layer) => [layer.layer, layer]));
  const bytes = caches.map(({ kvHeads, headDim }, i) => {
    const layer = shapedLayers.get(i);
    const fresh = (layer ? tokens.length - shaped!.base : tokens.length) * kvHeads * slotBytes(kv, headDim);
    return fresh + (layer ? setBytes(shaped!, layer, seen.get(i)) : 0);
  });
  return sum(bytes) / sum(caches.map(({ kvHeads, headDim }) => tokens.length * kvHeads * 4 * headDim));
}

function setBytes(shaped: Shaped, { layer, sets, heads: { kvHeads, headDim }, fresh: { format } }: KvLayer, seen?: number): number {
  const plans = shaped.shape.plan.layers[layer];
  return sum(sets.map((set, i) => {
    const { pick } = plans[i];
    const each = slotBytes(set.format, headDim);
    if (!pick) return sum(set.counts) * each + (sum(set.counts) ? 4 * kvHeads * (set.format.headWords?.(headDim) ?? 0) : 0);
    const known = (4 * summaryWords(pick, format, headDim, set.size)) / pageSlots;
    if (pick.lowRank) {
      // Its keys are made again of what is known: what a token has to have besides are values.
      const values = (shaped.setsOf(layer).read[i] * kvHeads * each) / 2;
      return values + sum(set.counts) * known + 4 * kvHeads * shadowWords(pick, format, headDim, set.counts[0]);
    }
    const books = pick.parts ? 4 * kvHeads * centroids * headDim : 0; // a token reads no metrics
    return (seen ?? shaped.setsOf(layer).read[i]) * kvHeads * each + sum(set.counts) * known + books;
  }));
}
