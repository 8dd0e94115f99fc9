// Which weights a token need not read as a whole: experts and neurons, which a plan may have fetched as they are chosen.
import { poolOf } from '../../../model/operations.ts';
import { type OpenedModel } from '../opened.ts';

/**
 * Whether experts or neurons are fetched on demand where not all weights stay on the GPU. `allExperts`:
 * all are to pass through it for every token, to measure that.
 */
export const isOnDemand = ({ layout }: Pick<OpenedModel, 'layout'>, { experiment }: { experiment?: { allExperts?: boolean } }): boolean =>
  !experiment?.allExperts && layout.sections.some(({ pool }) => pool !== undefined);

/** Items that a token uses of the pool of a section. */
export const usedIn = ({ sections }: Pick<OpenedModel, 'sections'>, section: number): number => sections[section].pool?.used ?? 1;

/** Most items that a token uses of one pool: experts of a row, neurons as far as that is known. */
export const mostUsedOf = ({ graph: { layers, config } }: Pick<OpenedModel, 'graph'>): number =>
  Math.max(1, ...layers.flat().map((op) => poolOf(op, config)?.used ?? 1));
