// Which shapes a load uses: those known or measured to be fast on the adapter, as far as their kernels pass the self-test.
import { type Gpu } from '../../../gpu/device.ts';
import { type KernelCache } from '../../../gpu/kernels.ts';
import { type Ledger } from '../../../gpu/ledger.ts';
import { type KernelChoice, chunks } from '../../../model/choices/kernel-choice.ts';
import { type OpenedModel } from '../../load/opened.ts';
import { type Chosen } from '../../load/options.ts';
import { productsOf } from './kinds.ts';
import { provenChoice, stillPasses } from './proven.ts';
import { type TuneOptions, type TuneTarget } from './tune.ts';
import { type NotebookOptions, type Tuning, chunkToPlan, openNotebook } from './tuning.ts';

export interface Chooser {
  /** What the model is planned with, by what earlier tests told: nothing is run. */
  first(): Promise<Chosen>;
  /** The fastest kernels, as noted or as measured on a placed model. */
  tune(target: TuneTarget): Promise<KernelChoice>;
  /**
   * Tests all kernels of a choice, and replaces those that fail; if that changes the format of keys and values, the model is to be planned
   * again. `room` is asked for where to book buffers, only if there is something to test. Once `arrived`, some of what passed at an earlier
   * load is tested too, and everything if that fails.
   */
  prove(chosen: Chosen, room: () => Ledger, arrived?: Promise<void>): Promise<Chosen>;
  /** For people: what is not used, and why. */
  warnings(): string[];
  /**
   * What a layer takes in a step of as many tokens as was chosen, in milliseconds. Where that is far more than it was chosen for, as on another GPU that
   * tells the same of itself, the next load measures how long steps are best.
   */
  stepTook(layerMs: number): Promise<void>;
}

/** Longer than the products of a layer, and all else of it, take where steps were rightly chosen: they take 100 ms at most. */
const longLayerMs = 300;

/** Products are to be in shapes that are not chosen yet when the model is planned. */
const notProducts = /^(?!mat)/;

export async function createChooser(
  gpu: Gpu,
  kernels: KernelCache,
  opened: OpenedModel,
  untuned: Chosen,
  tuning?: Tuning,
  options: NotebookOptions & TuneOptions = {},
): Promise<Chooser> {
  const notebook = await openNotebook(tuning, gpu, kernels.hash, untuned.choice, { ...options, types: kernels.types });
  const products = productsOf(opened);
  const earlier = { ...notebook.notes.checks };
  let holds = !Object.keys(earlier).length; // what passed at an earlier load, on this device
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
      return { kv, choice: { ...choice, chunk: chunkToPlan(notebook.notes, products) } };
    },
    tune: async (target) => (await import('./tune.ts')).tune(target, proven.choice, notebook, options), // a chunk of its own: most loads measure nothing
    async prove(chosen, room, arrived) {
      const found = await prove(chosen, room);
      if (!arrived || holds) return found;
      await arrived; // what passed before is not to hold up the weights
      holds = await stillPasses(gpu, kernels, opened, found, earlier, room);
      if (holds) return found;
      holds = true; // all of it is tested anew
      notebook.notes.checks = {};
      return prove(chosen, room);
    },
    warnings: () => [...warnings],
    async stepTook(layerMs) {
      const chosen = notebook.notes.chunks?.[products];
      if (!chosen || chosen.chunk <= Math.min(...chunks) || layerMs <= longLayerMs) return;
      await notebook.refresh();
      const { [products]: noted, ...others } = notebook.notes.chunks ?? {};
      if (noted?.chunk !== chosen.chunk || noted.of !== chosen.of) return; // another tab has measured since
      notebook.notes.chunks = others;
      await notebook.save();
    },
  };
}
