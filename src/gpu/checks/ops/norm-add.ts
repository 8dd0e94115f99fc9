// Checks of the norm that is added to a branch.
import { type NormAdd } from '../../../model/ops/norm-add.ts';
import { normCheck, normChecks } from '../norm.ts';
import { type OperationChecks } from '../operation-checks.ts';

export const checks: OperationChecks<NormAdd> = {
  all: () => normChecks('added'),
  of: ({ graph, choice }) => [normCheck(graph.config.dim, 'added', choice)],
};
