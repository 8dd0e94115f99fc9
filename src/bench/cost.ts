// What a recorded dispatch has to move and to compute, from its parameters: bytes that it must read and write at least once,
// and floating point operations (a multiply-add is two). What a kernel does more than that is its own loss.
import { type Dispatch, type Step, runsIn } from '../gpu/program.ts';
import { type Cost, type CostModel } from '../model/operation.ts';
import { costOf as costOfOperation } from '../model/operations.ts';
import { type DevicePeak } from '../protocol.ts';

export type { Cost };

/** The kernels that choose a token read all logits, and then next to nothing. */
const choosing = ['argmax', 'sample-histogram', 'sample-narrow', 'sample-probabilities'];
const chosen = ['argmax-finish', 'sample'];

/** Undefined for a kernel that is not known. */
export function costOf(dispatch: Dispatch, step: Step, model: CostModel): Cost | undefined {
  const { kernel } = dispatch.kernel;
  const { vocab } = model.config;
  if (choosing.includes(kernel)) return { bytes: vocab * 4, flops: vocab };
  if (chosen.includes(kernel)) return { bytes: 16, flops: 0 };
  return costOfOperation(dispatch, step, model);
}

/** The sum over the dispatches that the step runs. Throws for a kernel without a cost: the sum would be wrong. */
export function totalCost(dispatches: readonly Dispatch[], step: Step, model: CostModel): Cost {
  const total = { bytes: 0, flops: 0 };
  for (const dispatch of dispatches.filter((each) => runsIn(each, step))) {
    const cost = costOf(dispatch, step, model);
    if (!cost) throw new Error(`Nothing tells what the kernel ${dispatch.kernel.kernel} costs.`);
    total.bytes += cost.bytes;
    total.flops += cost.flops;
  }
  return total;
}

/** Seconds that the device needs at least, its bytes and operations overlapping. */
export const rooflineSeconds = ({ bytes, flops }: Cost, { copyBytesPerSecond, flopsPerSecond }: DevicePeak): number =>
  Math.max(bytes / copyBytesPerSecond, flops / flopsPerSecond);

/** Which of the two takes longer. */
export const boundOf = ({ bytes, flops }: Cost, { copyBytesPerSecond, flopsPerSecond }: DevicePeak): 'bytes' | 'FLOPs' =>
  bytes / copyBytesPerSecond >= flops / flopsPerSecond ? 'bytes' : 'FLOPs';
