// Checks of what policies of keys and values do between steps: what queries pay to slots, which slots are kept, and moving them.
import { type Check } from './check.ts';
import { moveChecks } from './tick/move.ts';
import { observeChecks } from './tick/observe.ts';
import { rankChecks } from './tick/rank.ts';
import { sealChecks } from './tick/seal.ts';

export const tickChecks = (): Check[] => [...observeChecks(), ...rankChecks(), ...moveChecks(), ...sealChecks()];
