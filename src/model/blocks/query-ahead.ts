// The operations of a layer that make the queries of its attention, where they may be run before the layer's turn, of what comes to the layer before it:
// a guess of the queries that there will be (ScoutAttention, arXiv 2603.27138).
import { type Op } from '../graph.ts';
import { isProject } from '../ops/project.ts';
import { isRope } from '../ops/rope.ts';

/** How many of a layer's first operations those are; undefined where others come before, whose states or results they would change. */
export function queryOps(ops: readonly Op[], layer: number): number | undefined {
  const turns = ops.findIndex((op) => isRope(op) && op.layer === layer);
  const made = ops.slice(0, Math.max(0, turns)).every((op) => isProject(op) && op.input === 'x' && op.output === 'qkv');
  return turns > 0 && made ? turns + 1 : undefined;
}
