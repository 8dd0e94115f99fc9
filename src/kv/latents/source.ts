// Which rows of which operation make the keys and values of a layer, for policies that keep latents of those. Pure.
import { type CacheHeads, type Graph } from '../../model/graph.ts';
import { type Project, isProject } from '../../model/ops/project.ts';
import { type Rope, isRope } from '../../model/ops/rope.ts';

export interface LatentSource {
  /** Its matrices, one behind the other, make queries, keys and values. */
  op: Project;
  /** The first row of keys, behind which are as many of values. */
  firstKey: number;
}

/** Where a latent is of another thing than what is kept. */
export type Unfit = 'normed' | 'made otherwise' | 'too wide';

/** Channels of all heads of a layer at most: decomposing their weights takes time by the cube of these. */
export const mostChannels = 1024;

export function latentSource({ layers, config }: Pick<Graph, 'layers' | 'config'>, layer: number): LatentSource | Unfit {
  const writes = (op: Graph['layers'][number][number]): op is Rope => isRope(op) && op.layer === layer && !op.queriesOnly;
  const ops = layers.find((each) => each.some(writes)) ?? [];
  const rope = ops.find(writes);
  if (!rope) return 'made otherwise';
  if (rope.keyNorm !== undefined || rope.valueNorm) return 'normed';
  const { heads, kvHeads, headDim } = rope.shape ?? config;
  const made = ops.filter(isProject).filter(({ output }) => output === 'qkv');
  const rows = made.flatMap(({ matrices }) => matrices).reduce((sum, matrix) => sum + matrix.rows, 0);
  if (made.length !== 1 || made[0].gate || made[0].activation || rows !== (heads + 2 * kvHeads) * headDim) return 'made otherwise';
  return kvHeads * headDim > mostChannels ? 'too wide' : { op: made[0], firstKey: heads * headDim };
}

/** What to say of a layer that no latents are kept of. */
export const unfitWords = (unfit: Unfit, { kvHeads, headDim }: CacheHeads): string => ({
  normed: 'norms its keys or values by token, behind which what the weights made is gone',
  'made otherwise': 'makes its keys and values otherwise than by one product with its input',
  'too wide': `has ${kvHeads * headDim} channels of keys, of which the weights would be decomposed for minutes; there may be ${mostChannels}`,
}[unfit]);
