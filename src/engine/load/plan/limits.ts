// Whether a model can run at all as it is asked for, by the limits of the device and by where its weights are to come from:
// asked before any buffer is made. How many bytes there may be in all is plan.ts's business.
import { BudgetError, mib } from '../../../errors.ts';
import { type Gpu } from '../../../gpu/device.ts';
import { activationBindings } from '../../../model/activations.ts';
import { opsOf, statesOf } from '../../../model/operations.ts';
import { largestRecurrent } from '../../../kv/recurrent.ts';
import { cachesOf, segmentBytes } from '../../../kv/segment.ts';
import { matricesOf } from '../../../weights/layout.ts';
import { type LoadOptions } from '../../../protocol.ts';
import { type FoundModel } from '../found.ts';
import { type OpenedModel } from '../opened.ts';
import { type ModelOptions } from '../options.ts';
import { type Plan } from './plan.ts';
import { defaultRamBytes } from '../streaming.ts';

/** Throws BudgetError where every token would download weights: they neither stay on the GPU nor fit worker memory, and the browser is not to keep them. */
export function checkUnkept(
  { streamedBytes: always, fetchedBytes = 0 }: Pick<Plan, 'streamedBytes' | 'fetchedBytes'>,
  { addresses, manifest }: Pick<FoundModel, 'addresses' | 'manifest'>,
  { keep, ramBytes = defaultRamBytes }: Pick<LoadOptions, 'keep' | 'ramBytes'>,
): void {
  const streamedBytes = always + fetchedBytes;
  if (keep !== false || manifest || !addresses.length || streamedBytes <= ramBytes) return;
  throw new BudgetError(
    `${mib(streamedBytes)} of the weights do not stay on the GPU, and worker memory takes ${mib(ramBytes)}: without being kept, the model would be ` +
    'downloaded again for every token. Raise the budget (or ramBytes), or let the browser keep the model.',
  );
}

/** Throws BudgetError, naming the first buffer that the device cannot have. */
export function checkLimits({ graph, layout }: OpenedModel, { device, maxBindingBytes }: Pick<Gpu, 'device' | 'maxBindingBytes'>, options: ModelOptions): void {
  const { context } = options;
  for (const section of layout.sections) {
    for (const { panels, parts } of matricesOf(section)) {
      if (panels.panelBytes > maxBindingBytes) {
        throw new BudgetError(
          `32 rows of ${parts[0].tensor} need a binding of ${mib(panels.panelBytes)}; this device allows at most ${mib(maxBindingBytes)}. Choose a ` +
          'smaller model.',
          { code: 'adapter_limit' },
        );
      }
    }
  }
  for (const { name, pool } of layout.sections) {
    if (pool && pool.itemBytes > maxBindingBytes) {
      throw new BudgetError(
        `${pool.columns ? 'A column' : 'An expert'} of ${name} needs a binding of ${mib(pool.itemBytes)}; this device allows at most ` +
        `${mib(maxBindingBytes)}. Choose a smaller model.`,
        { code: 'adapter_limit' },
      );
    }
  }
  const most = Math.min(device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize);
  // A prompt reads the pages of a layer as a whole, wherever they are at home.
  const pages = options.shape
    ? Math.max(options.shape.bytes.largest, options.shape.away.whole)
    : Math.max(0, ...cachesOf(graph.config).map((heads) => segmentBytes(heads, context, options.kv)));
  if (pages > most) {
    const shorter = Math.floor((context * most) / pages / 32) * 32;
    throw new BudgetError(
      `The keys and values of one layer for a context of ${context} need a buffer of ${mib(pages)}; this device allows at most ${mib(most)}. ` +
      `Choose a context of up to ${shorter}.`,
      { code: 'adapter_limit' },
    );
  }
  const memory = largestRecurrent(statesOf(opsOf(graph)));
  if (memory > device.limits.maxBufferSize) {
    throw new BudgetError(
      `The state of a conversation needs a buffer of ${mib(memory)}; this device allows at most ${mib(device.limits.maxBufferSize)}. Choose a smaller model.`,
      { code: 'adapter_limit' },
    );
  }
  for (const [name, bytes] of Object.entries(activationBindings(graph, opsOf(graph), options))) {
    if (bytes > most)
      throw new BudgetError(
        `The buffer ${name} needs ${mib(bytes)}; this device allows at most ${mib(most)}. Choose a shorter context than ${context} or a smaller model.`,
        { code: 'adapter_limit' },
      );
  }
}
