// The dispatches that make keys in low rank again, in pages of a set (kv-remake.wgsl): of slots in their order, or of pages that have come to the GPU, in front
// of the attention that reads them.
import { type Dispatch } from '../../gpu/program.ts';
import { type CacheHeads } from '../../model/graph.ts';
import { type RestoreAt, type SequenceBuffers } from '../../model/operation.ts';
import { type KvFormat, pageSlots } from '../formats/format.ts';
import { type PickPlan, type Turn } from '../policy.ts';
import { shadowConsts } from '../shadow.ts';
import { restoreShape } from './restore.ts';

export interface Remade {
  heads: CacheHeads;
  pick: PickPlan;
  /** Of fresh slots, and of pages. */
  format: KvFormat;
  turn: Turn;
}

/** Slots of a workgroup. */
export const remadeSlots = (heads: CacheHeads): number => restoreShape(heads).Slots;

/** `which`: pages of a head from that of a slot on, or those that are listed. */
export const remakeKernel = ({ heads, pick, format, turn }: Remade, which: 'in-order' | 'listed') => ({
  kernel: 'kv-remake',
  files: [
    `kv/${format.name}`, 'kv/page/read', 'kv/page/append', 'kv/where/list', 'kv/levels/turn', 'kv/pick/turned', 'kv/shadow/known', `kv/shadow/${which}`,
  ],
  consts: { ...shadowConsts(pick, heads, turn), Slots: remadeSlots(heads) },
});

/** Of a layer's set, for a row by itself: of those pages that it finds there without their keys. */
export function remakeOf(layer: number, remade: Remade, { section, angles }: RestoreAt): Dispatch {
  const { heads, pick } = remade;
  const of = (sequence: SequenceBuffers) => sequence.sets!(layer);
  return {
    label: `${section}.remake`,
    kernel: remakeKernel(remade, 'listed'),
    params: { kv_heads: heads.kvHeads, set_index: 0, first: pick.first },
    bindings: {
      pages: (sequence: SequenceBuffers) => of(sequence).pages[0], lists: (sequence: SequenceBuffers) => of(sequence).lists,
      summaries: (sequence: SequenceBuffers) => of(sequence).summaries!, books: (sequence: SequenceBuffers) => of(sequence).books!,
      keyless: (sequence: SequenceBuffers) => of(sequence).keyless!.pages, angles,
    },
    grid: ({ rows, of: sequence }) => [rows === 1 ? of(sequence as SequenceBuffers).keyless!.count : 0, pageSlots / remadeSlots(heads)],
  };
}
