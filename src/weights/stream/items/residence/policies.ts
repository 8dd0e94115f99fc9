// The policies that there are, and the one that is used: docs/decisions/experts-on-demand.md has how they compare.
import { betterOf } from './better-of.ts';
import { decay } from './decay.ts';
import { frequency } from './frequency.ts';
import { hotSet } from './hot-set.ts';
import { leastRecent } from './least-recent.ts';
import { type Layout, hasColumns } from '../../../layout.ts';
import { type Policy } from './residence.ts';
import { staticHotSet } from './static-hot-set.ts';

/** Policies that do one thing each, for uses of so many units of time to a token; `learning`: when a static hot set is chosen. */
export const simplePolicies = (perToken: number, learning: number): Policy[] => [leastRecent, frequency, decay(64 * perToken), staticHotSet(learning)];

/** The one that is used for experts. */
export const usualPolicy = (perToken: number): Policy => betterOf([leastRecent, hotSet(32 * perToken, 256 * perToken)]);

/** The one that is used for neurons: what some of the last tokens used twice stays longer than what the last one used once. */
export const neuronPolicy = (perToken: number): Policy => betterOf([decay(4 * perToken), hotSet(32 * perToken, 256 * perToken)]);

/** The one that is used for a model: where some of its matrices are read by columns, what is fetched are neurons. */
export const policyFor = (layout: Pick<Layout, 'sections'>): ((perToken: number) => Policy) => (hasColumns(layout) ? neuronPolicy : usualPolicy);
