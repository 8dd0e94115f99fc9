// Steps that run ahead of knowing that their experts are there (engine/run/choices.ts): over how many layers, in which models one can be gone back in,
// and the states of a sequence that are put back then. Pure, so that a plan counts as a load does.
import { type RecurrentState } from '../../../model/operation.ts';
import { stateOf } from '../../../model/operations.ts';
import { isAttend } from '../../../model/ops/attend.ts';
import { isExperts } from '../../../model/parameters.ts';
import { type Section } from '../../../model/sections.ts';
import { type Plan } from './plan.ts';

/** What reading costs beside what a layer costs: measured on lavapipe (docs/decisions/experts-on-demand.md). */
const readCost = 1;

/** Layers between readings that bring a step on most in a given time, if a layer has all its experts with probability `p`. */
export function layersAhead(p: number, most: number): number {
  let best = 1;
  let speed = 0;
  for (let layers = 1, sum = 0, all = 1; layers <= most; layers++, all *= p) {
    sum += all; // the layer counts if those before it had theirs
    if (sum / (layers + readCost) <= speed) continue;
    speed = sum / (layers + readCost);
    best = layers;
  }
  return best;
}

/** Whether all that comes after a section's router begins from the residual stream, which can be put back; where neurons are on is no router's choice. */
export function canGoBack({ ops, pool }: Pick<Section, 'ops' | 'pool'>): boolean {
  if (pool?.chosen.as === 'bits') return false;
  const first = ops.findIndex(({ op }) => op.op === 'route');
  const known = new Set<string>(['x']);
  return first < 0 || ops.slice(first + 1).every(({ op }) => {
    const { input, output, add = op.op === 'norm-add' || isExperts(op) } = op as { input?: string; output?: string; add?: boolean };
    const isKnown = [input, add ? output : input].every((read) => read === undefined || known.has(read));
    if (output !== undefined) known.add(output);
    if (isAttend(op)) known.add('attended');
    return isKnown;
  });
}

/** Of each section with a router the states that a token advances from there up to the next router. None of the last one: nothing is chosen after it. */
export function statesBehind(sections: readonly Pick<Section, 'ops'>[]): Map<number, RecurrentState[]> {
  const found = new Map<number, RecurrentState[]>();
  let router: number | undefined;
  let states: RecurrentState[] = [];
  sections.forEach(({ ops }, section) => ops.forEach(({ op }) => {
    const state = stateOf(op);
    if (state?.kind === 'recurrent') states.push(state);
    if (op.op !== 'route') return;
    if (router !== undefined) found.set(router, states);
    [router, states] = [section, []];
  }));
  return found;
}

/** Bytes of all states that are put back where a step is gone back in, as the ledger rounds; none where it cannot be. */
export function statesAheadBytes(sections: readonly Section[]): number {
  const states = sections.every(canGoBack) ? [...statesBehind(sections).values()].flat() : [];
  return Math.ceil(states.reduce((sum, { bytes }) => sum + bytes, 0) / 16) * 16;
}

/**
 * Whether a step of one row may run ahead: not where a slice of other weights, which comes once, would be used again, or a state has nowhere to be put
 * back from.
 */
export const mayRunAhead = (sections: readonly Section[], { slots, aheadBytes = 0 }: Pick<Plan, 'slots' | 'aheadBytes'>): boolean =>
  slots === 0 && sections.every(canGoBack) && statesAheadBytes(sections) <= aheadBytes;
