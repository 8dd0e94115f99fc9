// The kinds of the matrices of a model: what shapes are chosen for, one by one (model/matrix-choices.ts).
import { type Model } from '../../gpu/self-test.ts';
import { type Project } from '../../model/graph.ts';
import { matrixKind } from '../../model/choice-of-matrix.ts';
import { type KernelChoice } from '../../model/kernel-choice.ts';
import { type OpenedModel } from '../load/model-file.ts';
import { isTied, sectionsOf } from '../load/sections.ts';

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

/** A model in `choice`, as the self-test takes it. */
export function testable({ header, graph, layout }: OpenedModel, choice: KernelChoice): Model {
  const kinds = kindsOf({ graph, layout });
  return { graph, choice, typeOf: (tensor) => header.tensors.get(tensor)!.type, kindsOf: (op) => kinds.get(op) ?? [] };
}
