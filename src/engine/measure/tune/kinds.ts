// The kinds of the matrices of a model: what shapes are chosen for, one by one (model/choices/choice-of-matrix.ts).
import { type Model } from '../../../gpu/self-test.ts';
import { matrixKind } from '../../../model/choices/choice-of-matrix.ts';
import { type Project, isProject } from '../../../model/ops/project.ts';
import { type OpenedModel } from '../../load/opened.ts';
import { type Chosen } from '../../load/options.ts';

/** Of every product, as they are stored: one for each type among its matrices that follow each other. Those of adapters have none. */
export function kindsOf({ sections, layout }: Pick<OpenedModel, 'sections' | 'layout'>): Map<Project, string[]> {
  const kinds = new Map<Project, string[]>();
  for (const { op, stacks: [own] } of sections.flatMap(({ ops }) => ops)) {
    if (isProject(op)) kinds.set(op, layout.sections[own.section].stacks[own.stack].map((matrix) => matrixKind(op, matrix)));
  }
  return kinds;
}

/** Names all of the model's products, for what is measured of them together. */
export const productsOf = (opened: Pick<OpenedModel, 'sections' | 'layout'>): string => [...new Set([...kindsOf(opened).values()].flat())].join(', ');

/** A model as it is to run, as the self-test takes it. */
export function testable({ header, graph, sections, layout }: OpenedModel, { choice, kv }: Chosen): Model {
  const kinds = kindsOf({ sections, layout });
  return { graph, choice, kv, typeOf: (tensor) => header.tensors.get(tensor)!.type, kindsOf: (op) => kinds.get(op) ?? [] };
}
