// Which shapes a load uses: those known or measured to be fast on the adapter, as far as their kernels pass the self-test.
import { type Gpu } from '../../gpu/device.ts';
import { type KernelCache } from '../../gpu/kernels.ts';
import { type Ledger } from '../../gpu/ledger.ts';
import { type Chosen, type ModelOptions, type OpenedModel } from '../load/model-file.ts';
import { productsOf } from './kinds.ts';
import { provenChoice, stillPasses } from './proven.ts';
import { chunkToPlan } from './tune-chunk.ts';
import { type TuneOptions, tune } from './tune.ts';
import { type NotebookOptions, type Tuning, openNotebook } from './tuning.ts';

export interface Chooser extends NonNullable<ModelOptions['choose']> {
  warnings(): string[];
}

/** Products are to be in shapes that are not chosen yet when the model is planned. */
const notProducts = /^(?!mat)/;

export async function createChooser(gpu: Gpu, kernels: KernelCache, opened: OpenedModel, untuned: Chosen, tuning?: Tuning, options: NotebookOptions & TuneOptions = {}): Promise<Chooser> {
  const notebook = await openNotebook(tuning, gpu, kernels.hash, untuned.choice, options);
  const earlier = { ...notebook.notes.checks };
  const warnings = new Set<string>();
  let proven = untuned;
  const prove = async (chosen: Chosen, room?: () => Ledger, only?: RegExp) => {
    const found = await provenChoice(gpu, kernels, opened, chosen, untuned.choice, notebook, room, only);
    for (const each of found.warnings) warnings.add(each);
    return (proven = found.chosen);
  };
  return {
    async first() {
      const { choice, kv } = await prove({ choice: untuned.choice, kv: proven.kv }, undefined, notProducts);
      return { kv, choice: { ...choice, chunk: chunkToPlan(notebook.notes, productsOf(opened)) } };
    },
    tune: (target) => tune(target, proven.choice, notebook, options),
    async prove(chosen, room, arrived) {
      const found = await prove(chosen, room);
      if (!arrived || !Object.keys(earlier).length) return found;
      await arrived; // what passed before is not to hold up the weights
      if (await stillPasses(gpu, kernels, opened, found, earlier, room)) return found;
      notebook.notes.checks = {};
      return prove(chosen, room);
    },
    warnings: () => [...warnings],
  };
}
