// Operations that most models do without. With their shaders they are a part of the chunk that has the architectures, which alone name them.
import { addShaders } from '../gpu/kernels.ts';
import { rareShaders } from '../gpu/rare-kernels.ts';
import { type Operation } from './operation.ts';
import { addOperations } from './operations.ts';

/** To be called by what needs them: an import for its effects alone would be left out of bundles. */
export function addRareOperations(): void {
  addOperations(import.meta.glob<{ operation: Operation<never> }>('./ops/rare/*.ts', { eager: true }));
  addShaders(rareShaders);
}
