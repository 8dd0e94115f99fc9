// The third value of a load: an opened model with the kernels, and the format of keys and values, that it is planned for on
// one device. Which of them are
// fast is measured once the model is placed, which they are tested beside; what that changes is a new value.
import { type Gpu } from '../../gpu/device.ts';
import { type KernelCache, createKernelCache } from '../../gpu/kernels.ts';
import { type KvFormat } from '../../kv/formats/format.ts';
import { type KernelChoice } from '../../model/choices/kernel-choice.ts';
import { type TuneOptions } from '../measure/tune/tune.ts';
import { type NotebookOptions, type Tuning } from '../measure/tune/tuning.ts';
import { type Chooser, createChooser } from '../measure/tune/chooser.ts';
import { type OpenedModel } from './opened.ts';
import { type ModelOptions } from './options.ts';

export interface ChosenModel {
  readonly opened: OpenedModel;
  readonly gpu: Gpu;
  /** Compiled for `gpu`. */
  readonly kernels: KernelCache;
  readonly options: ModelOptions;
  readonly choice: KernelChoice;
  readonly kv: KvFormat;
  /** Measures and tests; undefined where nothing is to be, as the kernels were named or chosen before. */
  readonly chooser?: Chooser;
}

/** With the kernels and the format of `options`, and nothing is measured or tested. */
export const chosenAs = (gpu: Gpu, opened: OpenedModel, options: ModelOptions, kernels: KernelCache = createKernelCache(gpu.device)): ChosenModel =>
  ({ opened, gpu, kernels, options, choice: options.choice, kv: options.kv });

/**
 * With what is known by now of this adapter, beginning with those of `options`; nothing is run on the GPU yet. DeviceError where it is
 * known that no kernel computes rightly.
 */
export async function choose(
  gpu: Gpu,
  opened: OpenedModel,
  options: ModelOptions,
  kernels: KernelCache,
  tuning?: Tuning,
  how: NotebookOptions & TuneOptions = {},
): Promise<ChosenModel> {
  const chooser = await createChooser(gpu, kernels, opened, options, tuning, how);
  return { opened, gpu, kernels, options, chooser, ...(await chooser.first()) };
}

/** As it is known by now, which a test that failed has changed, and within other options. */
export async function chooseAgain(chosen: ChosenModel, options = chosen.options): Promise<ChosenModel> {
  return { ...chosen, options, ...(await chosen.chooser?.first()) };
}
