// What a load that asks for guesses brings, as one.
export { draftModels } from './draft-models.ts';
export { speculate } from './speculate.ts';
