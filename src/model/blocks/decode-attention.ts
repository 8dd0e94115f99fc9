// How the heads of attention share workgroups in decode, what memory a workgroup needs (the arrays of attention-decode.wgsl), and whether it turns
// its queries by itself.
import { type Heads, type ModelConfig } from '../graph.ts';
import { type AttentionChoice, attentions } from '../choices/kernel-choice.ts';
import { type RecordContext } from '../operation.ts';

/** Workgroup memory that every device has. */
const workgroupBytes = 16384;
/** Most heads of a group that share a workgroup there: their sums are in registers. */
const mostHeads = 8;

type Groups = Pick<ModelConfig, 'heads' | 'kvHeads'>;

/** Workgroups of a key/value head, and heads of each. */
export function sharing({ heads, kvHeads }: Groups): { workgroups: number; headsEach: number } {
  const groupSize = heads / kvHeads;
  const workgroups = Math.ceil(groupSize / mostHeads);
  return { workgroups, headsEach: Math.ceil(groupSize / workgroups) };
}

function decodeBytes(config: Groups, { span, threads }: AttentionChoice): number {
  const { headsEach } = sharing(config);
  return 4 * headsEach * (span + threads + 2) + 16 * threads * Math.min(headsEach, 256 / threads);
}

/** The attention of a model: as chosen, or with the largest span that its heads leave workgroup memory for. */
export function attentionOf(config: Groups, { span, threads }: AttentionChoice): AttentionChoice {
  const fitting = attentions.filter((each) => each.threads === threads && each.span <= span && decodeBytes(config, each) <= workgroupBytes);
  return { span: Math.max(...fitting.map((each) => each.span)), threads };
}

/** Bytes in which a format of keys and values finds the largest number of a head. */
const scaleBytes = 1024;

/**
 * Whether decode's attention turns its queries by itself and appends keys and values, for an operation that allows it: as chosen, where all heads of
 * a key/value head share a workgroup that has the memory and the threads for it, and there are fresh slots alone.
 */
export function turnsQueries(
  { layer, shape }: { layer: number; shape?: Heads },
  { graph: { config }, choice, kv }: Pick<RecordContext, 'graph' | 'choice' | 'kv'>,
): boolean {
  const heads = shape ?? config;
  const attention = attentionOf(heads, choice);
  const { workgroups, headsEach } = sharing(heads);
  const vec4s = Math.ceil(heads.headDim / 4);
  const bytes = decodeBytes(heads, attention) + 16 * headsEach * vec4s + scaleBytes;
  return choice.turned === 1 && workgroups === 1 && vec4s <= attention.threads && bytes <= workgroupBytes && !kv.sets?.(layer)?.length;
}
