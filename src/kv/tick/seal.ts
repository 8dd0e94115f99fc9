// Seals fresh slots: their keys and values become codes in a set whose slots are all positions (shaders/kernels/kv-seal.wgsl).
import { RequestError } from '../../errors.ts';
import { type AffineFormat } from '../formats/affine.ts';
import { pageSlots } from '../formats/format.ts';
import { type KvLayer, type KvTick, type TickWork } from '../policy.ts';

/** Formats of fresh slots that a page can be sealed from. */
const sources: readonly string[] = ['f16', 'f32'];

/** The positions from `first` up to `end`, into set `index` of a layer. Counts of the set are to be those after it. */
export function seal({ heads: { kvHeads, headDim }, sets, lists, fresh }: KvLayer, index: number, format: AffineFormat, first: number, end: number): TickWork {
  if (!sources.includes(fresh.format.name))
    throw new RequestError(`Keys and values are sealed from ${sources.join(' or ')}; new ones are kept in ${fresh.format.name}. Choose one of those.`);
  return {
    label: 'kv.seal',
    kernel: {
      kernel: 'kv-seal', files: [...format.seal, `kv/from/${fresh.format.name}`, 'kv/where/list'], consts: { HeadVec4s: Math.ceil(headDim / 4) },
    },
    params: { kv_heads: kvHeads, head_dim: headDim, set_index: index, first, end },
    bindings: { source: fresh.pages, pages: sets[index].pages, lists },
    grid: [Math.ceil(end / pageSlots) - Math.floor(first / pageSlots), kvHeads],
  };
}

/** Seals the fresh slots up to `end` of every layer into its set `index`, whose heads then have `countsOf` slots. They are not given up yet. */
export async function sealAll(kv: KvTick, index: number, format: AffineFormat, end: number, countsOf: (layer: KvLayer) => readonly number[]): Promise<void> {
  for (const layer of kv.layers) {
    const set = layer.sets[index];
    const counts = countsOf(layer);
    await kv.makeRoom(set, counts);
    kv.setCounts(set, counts);
    kv.dispatch(seal(layer, index, format, kv.base, end));
  }
}
