// How a graph is stored: the embedding (with the output matrix where they are tied), a section per layer, the head.
import { vectorsOf } from '../../model/build.ts';
import { type Graph, type Op } from '../../model/graph.ts';
import { type SectionSpec } from '../../weights/layout.ts';

export interface SectionOps {
  name: string;
  ops: Op[];
}

/** Sections in the order of use, with their operations. */
export const sectionsOf = (graph: Graph): SectionOps[] => [
  { name: 'embedding', ops: [graph.embed] },
  ...graph.layers.map((ops, layer) => ({ name: `layer.${layer}`, ops })),
  { name: 'head', ops: [graph.head] },
];

/** True if the output matrix is the embedding, stored and counted once. */
export const isTied = (graph: Graph): boolean => graph.head.matrices[0].tensor === graph.embed.table;

export function sectionSpecs(graph: Graph): SectionSpec[] {
  const { dim, vocab } = graph.config;
  return sectionsOf(graph).map(({ name, ops }) => ({
    name,
    vectors: [...new Set(ops.flatMap(vectorsOf))],
    stacks: ops.flatMap((op) => {
      if (op.op === 'embed') return [{ cols: dim, ranges: [{ tensor: op.table, firstRow: 0, rows: vocab }], aligned: false }];
      if (op.op !== 'project' || (op === graph.head && isTied(graph))) return [];
      return [{ cols: op.cols, ranges: op.matrices, aligned: op.gate !== undefined }];
    }),
  }));
}
