// Which weights a token need not read as a whole: experts, which a plan may have fetched as they are chosen.
import { isExperts } from '../../../model/ops/experts.ts';
import { type OpenedModel } from '../opened.ts';

/** Whether experts are fetched on demand where not all weights stay on the GPU. `allExperts`: all are to pass through it for every token, to measure that. */
export const isOnDemand = ({ layout }: Pick<OpenedModel, 'layout'>, { experiment }: { experiment?: { allExperts?: boolean } }): boolean =>
  !experiment?.allExperts && layout.sections.some(({ pool }) => pool !== undefined);

/** Most items that a token uses of one pool: experts of a row. */
export const mostUsedOf = ({ graph }: Pick<OpenedModel, 'graph'>): number => Math.max(1, ...graph.layers.flat().map((op) => (isExperts(op) ? op.used : 1)));
