// Which shapes a load uses: those known or measured to be fast on the adapter, as far as their kernels pass the self-test.
import { type Gpu } from '../../gpu/device.ts';
import { type KernelCache } from '../../gpu/kernels.ts';
import { type Ledger } from '../../gpu/ledger.ts';
import { type KernelChoice } from '../../model/kernel-choice.ts';
import { type ModelOptions, type OpenedModel } from '../load/model-file.ts';
import { productsOf } from './kinds.ts';
import { provenChoice, stillPasses } from './proven.ts';
import { chunkToPlan } from './tune-chunk.ts';
import { tune } from './tune.ts';
import { type NotebookOptions, type Tuning, openNotebook } from './tuning.ts';

export interface Chooser extends NonNullable<ModelOptions['choose']> {
  warnings(): string[];
}

/** Products are to be in shapes that are not chosen yet when the model is planned. */
const notProducts = /^(?!mat)/;

export async function createChooser(gpu: Gpu, kernels: KernelCache, opened: OpenedModel, untuned: KernelChoice, tuning?: Tuning, options: NotebookOptions = {}): Promise<Chooser> {
  const notebook = await openNotebook(tuning, gpu, kernels.hash, untuned, options);
  const earlier = { ...notebook.notes.checks };
  const warnings = new Set<string>();
  let proven = untuned;
  const prove = async (choice: KernelChoice, room?: () => Ledger, only?: RegExp) => {
    const found = await provenChoice(gpu, kernels, opened, choice, untuned, notebook, room, only);
    for (const each of found.warnings) warnings.add(each);
    return (proven = found.choice);
  };
  return {
    async first() {
      const choice = await prove({ ...untuned, cache: proven.cache }, undefined, notProducts);
      return { ...choice, chunk: chunkToPlan(notebook.notes, productsOf(opened)) };
    },
    tune: (target) => tune(target, proven, notebook, options.exact),
    async prove(choice, room, arrived) {
      const found = await prove(choice, room);
      if (!arrived || !Object.keys(earlier).length) return found;
      await arrived; // what passed before is not to hold up the weights
      if (await stillPasses(gpu, kernels, opened, found, earlier, room)) return found;
      notebook.notes.checks = {};
      return prove(choice, room);
    },
    warnings: () => [...warnings],
  };
}
