// Seals latents of fresh slots (kv-latents.wgsl): they are made in f32, one layer after the other, and become codes as keys and values do elsewhere.
import { kvFormat } from '../formats/catalogue.ts';
import { type SealedFormat, pageSlots } from '../formats/format.ts';
import { latentConsts } from '../latents/restore.ts';
import { type KvLayer, type KvTick } from '../policy.ts';
import { type KvHeads, segmentBytes } from '../segment.ts';
import { seal, sourceOf } from './seal.ts';

/** Of latents before they are codes. */
const plain = kvFormat('f32');

/** Bytes of scratch of `sealLatents`, where so many slots of each head are sealed in a tick at most. */
export const latentBytes = (layers: readonly KvHeads[], slots: number): number => Math.max(0, ...layers.map((heads) => segmentBytes(heads, slots, plain)));

/** Latents of the positions from `first` to `end`, whole pages, into the first set of every layer; counts are to be those after it. */
export function sealLatents(kv: KvTick, format: SealedFormat, first: number, end: number): void {
  const bytes = latentBytes(kv.layers.map(({ heads }) => heads), end - first);
  for (const layer of kv.layers) {
    const latents = kv.scratch('latents', bytes);
    kv.dispatch(latentsOf(kv, layer, latents, first, end));
    kv.dispatch(seal({ ...layer, fresh: { format: plain, pages: latents } }, 0, format, first, end));
  }
}

/** Puts latents of fresh slots into a ring of f32 that has room for those of so many positions. */
export function latentsOf(kv: Pick<KvTick, 'angles'>, { layer, heads, turn, fresh, basis }: KvLayer, latents: GPUBuffer, first: number, end: number) {
  const pages = latents.size / segmentBytes(heads, pageSlots, plain);
  if (end - first > pages * pageSlots) throw new Error(`Latents of ${end - first} positions were to have ${pages} pages.`);
  return {
    label: `kv.${layer}.latents`,
    kernel: {
      kernel: 'kv-latents', files: [...sourceOf(fresh), 'kv/levels/turn', 'kv/levels/unturned', 'kv/latents/basis'], consts: latentConsts(heads, turn),
    },
    params: { kv_heads: heads.kvHeads, first },
    bindings: { source: fresh.pages, latents, basis: basis!, angles: kv.angles! },
    grid: [end - first, 2] as [number, number],
  };
}
