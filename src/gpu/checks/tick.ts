// Checks of what policies of keys and values do between steps: what queries pay to slots, which slots are kept, moving and merging them, and what rows
// choose of them.
import { type Check } from './check.ts';
import { codesChecks } from './tick/codes.ts';
import { latentChecks } from './tick/latents.ts';
import { mergeChecks } from './tick/merge.ts';
import { moveChecks } from './tick/move.ts';
import { observeChecks } from './tick/observe.ts';
import { pickChecks } from './tick/pick.ts';
import { rankChecks } from './tick/rank.ts';
import { sealChecks } from './tick/seal.ts';

export const tickChecks = (): Check[] =>
  [observeChecks, rankChecks, moveChecks, sealChecks, mergeChecks, pickChecks, codesChecks, latentChecks].flatMap((checks) => checks());
