// The dispatch that makes keys and values of a layer's latents again, in front of its attention in every step (kv-restore.wgsl).
import { type Dispatch } from '../../gpu/program.ts';
import { type CacheHeads } from '../../model/graph.ts';
import { type RestoreAt, type SequenceBuffers } from '../../model/operation.ts';
import { type KvFormat, type PageFormat, pageSlots } from '../formats/format.ts';
import { type Turn } from '../policy.ts';
import { rowVec4s } from './basis.ts';

/** Bytes of workgroup memory that every device has, and threads. */
const [workgroupBytes, mostThreads] = [16384, 128];

/** Slots of a workgroup, and how many of them have threads at once. */
export function restoreShape({ headDim }: CacheHeads): { Slots: number; Rows: number } {
  const vec4s = Math.ceil(headDim / 4);
  const below = (most: number) => 2 ** Math.floor(Math.log2(Math.max(1, most)));
  const slots = Math.min(pageSlots, below(workgroupBytes / (16 * vec4s)));
  return { Slots: slots, Rows: Math.min(slots, below(mostThreads / vec4s)) };
}

export interface Latents {
  layer: number;
  heads: CacheHeads;
  /** Of latents, and of fresh slots. */
  format: PageFormat;
  fresh: KvFormat;
  turn: Turn;
}

/** What kernels of a layer's latents have in common. */
export const latentConsts = (heads: CacheHeads, turn: Turn) => ({ ...turn, HeadVec4s: Math.ceil(heads.headDim / 4), RowVec4s: rowVec4s(heads) });

export const restoreKernel = ({ heads, format, fresh, turn }: Omit<Latents, 'layer'>) => ({
  kernel: 'kv-restore', files: [...format.read, 'kv/levels/turn', 'kv/latents/basis', `kv/latents/put-${fresh.name}`, 'kv/where/list'],
  consts: { ...format.consts, ...latentConsts(heads, turn), ...restoreShape(heads) },
});

/** Of the first set of a layer, all of whose heads have as many slots, whole pages. */
export function restoreOf(latents: Latents, { section, angles }: RestoreAt): Dispatch {
  const { layer, heads: { kvHeads, headDim }, heads } = latents;
  const of = (sequence: SequenceBuffers) => sequence.sets!(layer);
  return {
    label: `${section}.restore`,
    kernel: restoreKernel(latents),
    params: { kv_heads: kvHeads, head_vec4s: Math.ceil(headDim / 4), set_index: 0 },
    bindings: {
      pages: (sequence: SequenceBuffers) => of(sequence).pages[0], lists: (sequence: SequenceBuffers) => of(sequence).lists,
      restored: (sequence: SequenceBuffers) => of(sequence).restored!, basis: (sequence: SequenceBuffers) => of(sequence).basis!, angles,
    },
    grid: ({ of: sequence }) => [of(sequence as SequenceBuffers).read[0] / restoreShape(heads).Slots, kvHeads, 2],
  };
}
