// Reading a set by buckets (HyperAttention, arXiv 2310.05869): the dispatches by which the rows of a prompt read of a long set the block of slots that each
// query is like, and a sample of all others. Plain data. Which bucket a slot is in ticks note (tick/buckets.ts); all else is found anew in every step.
import { type Dispatch } from '../gpu/program.ts';
import { type HashAt, type SequenceBuffers } from '../model/operation.ts';
import { type KvFormat } from './formats/format.ts';
import { type HashPlan } from './policy.ts';

/** Threads that sort the slots of a head. */
const sorters = 64;
/** Most blocks of a head, which a workgroup counts. */
export const mostBlocks = 2048;

type Sizes = Pick<HashPlan, 'block' | 'planes'>;

const blocksOf = ({ block }: Sizes, context: number): number => Math.ceil(context / block);

/** u32 words of shaders/kv/policies/hashed/sorted.wgsl for each kv head, with room for `context` slots and so many queries of a step. */
export const sortedWords = (plan: Sizes, context: number, queries: number): number =>
  2 ** plan.planes * (1 + sorters) + 1 + context + blocksOf(plan, context) + 1 + queries;

/** Constants of `kv-bucket.wgsl`. */
export const bucketConsts = ({ planes }: Sizes, headDim: number): Record<string, number> => ({ Planes: planes, HeadVec4s: Math.ceil(headDim / 4) });

/** Of a layer's only set: slots sorted by bucket, queries put to blocks, and what these read, as segment 0 of what is joined. */
export function hashesOf({ first, block, samples, planes }: HashPlan, format: KvFormat, layer: number, at: HashAt): Dispatch[] {
  const { section, config: { heads, kvHeads, headDim }, context, scale, softcap, query, joined, sorted, rows: mostRows, head } = at;
  const vec4s = Math.ceil(headDim / 4);
  const blocks = blocksOf({ block, planes }, context);
  const consts = { Planes: planes, First: first, Sorters: sorters };
  const room = { most: context, most_blocks: blocks, most_queries: mostRows * (heads / kvHeads) };
  const sets = (name: 'lists' | 'planes') => (of: SequenceBuffers) => of.sets!(layer)[name]!;
  const state = (of: SequenceBuffers) => of.state;
  const slots = (of: unknown) => (of as SequenceBuffers).sets!(layer).read[0];
  return [
    {
      label: `${section}.order`,
      kernel: { kernel: 'kv-order', files: ['kv/hashed/sorted'], consts },
      params: { kv_heads: kvHeads, set_index: 0, ...room },
      bindings: { lists: sets('lists'), planes: sets('planes'), sorted },
      grid: () => [kvHeads],
    },
    {
      label: `${section}.route`,
      kernel: {
        kernel: 'kv-route', files: ['state', 'kv/hashed/planes', 'kv/hashed/sorted'],
        consts: { ...consts, Block: block, MostBlocks: 2 ** Math.ceil(Math.log2(blocks)) },
      },
      params: { heads, kv_heads: kvHeads, head_vec4s: vec4s, layer, ...room },
      bindings: { state, query, sorted },
      grid: () => [kvHeads],
    },
    {
      label: `${section}.attend.hashed`,
      kernel: {
        kernel: 'attention-hashed', files: [...format.read, 'kv/where/list', 'state', 'kv/hashed/planes', 'kv/hashed/sorted', ...head.files],
        consts: { ...consts, ...head.consts, Block: block }, constants: { Softcap: softcap ? 1 : 0 },
      },
      params: {
        heads, kv_heads: kvHeads, head_dim: headDim, scale, softcap: softcap ?? 0, segment: 0, set_index: 0, most_rows: mostRows, layer, samples, ...room,
      },
      bindings: { state, query, attended: joined, sorted, lists: sets('lists'), pages: (of: SequenceBuffers) => of.sets!(layer).pages[0] },
      grid: ({ of }) => [Math.ceil((slots(of) - first) / block), kvHeads],
    },
  ];
}
