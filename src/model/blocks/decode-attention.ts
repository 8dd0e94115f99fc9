// How the heads of attention share workgroups in decode, what memory a workgroup needs (the arrays of attention-decode.wgsl), whether it turns
// its queries by itself, and whether the output projection joins its splits.
import { type Step } from '../../gpu/program.ts';
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

/** How many spans the positions lie in that the last of `length` sees: those from `base` on, all of them without a window. */
export const splitsOf = (length: number, window: number, span: number, base = 0): number =>
  Math.ceil(length / span) - Math.floor(Math.max(base, window ? length - Math.min(window, length) : 0) / span);

/** Most splits that the output projection joins: each of its workgroups reads them all again. */
export const mostJoined = 8;
/** Most heads whose splits' shares lie in 3 KiB of a workgroup's memory, which is what staged activations leave of 16. */
const mostHeadsJoined = 3072 / (4 * mostJoined);

type Attending = { layer: number; shape?: Heads; window?: number; sinks?: string; projected?: boolean };

/**
 * In which steps of decode the output projection right behind attention joins its splits by itself, while those are few: as chosen, where there are
 * fresh slots alone and no sinks. Not where one split has left the result. Undefined: in none.
 */
export function joinedIn(
  { layer, shape, window = 0, sinks, projected, turns }: Attending & { turns?: unknown },
  context: Pick<RecordContext, 'graph' | 'choice' | 'kv'>,
): ((step: Pick<Step, 'length'>) => boolean) | undefined {
  const { graph: { config }, choice, kv } = context;
  const heads = shape ?? config;
  const fits = heads.headDim % 4 === 0 && heads.heads <= mostHeadsJoined;
  if (choice.joined !== 1 || !projected || sinks !== undefined || !fits || kv.sets?.(layer)?.length) return undefined;
  const least = turns !== undefined && turnsQueries({ layer, shape }, context) ? 2 : 1;
  const { span } = attentionOf(heads, choice);
  return ({ length }) => {
    const splits = splitsOf(length, window, span);
    return splits >= least && splits <= mostJoined;
  };
}

/** What the kernel is made with that joins them. */
export function joinedConsts({ shape }: Attending, { graph: { config } }: Pick<RecordContext, 'graph'>): Record<string, number> {
  const heads = shape ?? config;
  return { Heads: heads.heads, HeadVec4s: heads.headDim / 4, MostSplits: mostJoined };
}

/** By which it is reckoned how many those are; the kernel is told by attention. */
export const joinedParams = ({ shape, window = 0 }: Attending, { graph: { config }, choice }: Pick<RecordContext, 'graph' | 'choice'>) =>
  ({ span: attentionOf(shape ?? config, choice).span, window });
