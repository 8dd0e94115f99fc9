// The kinds of the matrices of a model: what shapes are chosen for, one by one (model/matrix-shapes.ts).
import { type Model } from '../gpu/self-test.ts';
import { type Project } from '../model/graph.ts';
import { matrixKind } from '../model/matrix-shapes.ts';
import { type Shapes } from '../model/shapes.ts';
import { type OpenedModel } from './opened.ts';
import { isTied, sectionsOf } from './sections.ts';

/** Of every product, as they are stored: one for each type among its matrices that follow each other. */
export function kindsOf({ graph, layout }: Pick<OpenedModel, 'graph' | 'layout'>): Map<Project, string[]> {
  const kinds = new Map<Project, string[]>();
  sectionsOf(graph).forEach(({ ops }, section) => {
    let stack = 0;
    for (const op of ops) {
      if (op.op === 'embed') stack++;
      if (op.op !== 'project') continue;
      const matrices = op === graph.head && isTied(graph) ? layout.sections[0].stacks[0] : layout.sections[section].stacks[stack++];
      kinds.set(op, matrices.map((matrix) => matrixKind(op, matrix)));
    }
  });
  return kinds;
}

/** Names all of the model's products, for what is measured of them together. */
export const productsOf = (opened: Pick<OpenedModel, 'graph' | 'layout'>): string => [...new Set([...kindsOf(opened).values()].flat())].join(', ');

/** A model in `shapes`, as the self-test takes it. */
export function testable({ header, graph, layout }: OpenedModel, shapes: Shapes): Model {
  const kinds = kindsOf({ graph, layout });
  return { graph, shapes, typeOf: (tensor) => header.tensors.get(tensor)!.type, kindsOf: (op) => kinds.get(op) ?? [] };
}
