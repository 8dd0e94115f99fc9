// What a recorded dispatch has to move and to compute, from its parameters: bytes that it must read and write at least once,
// and floating point operations (a multiply-add is two). What a kernel does more than that is its own loss.
import { type Dispatch, type Step, runsIn } from '../gpu/program.ts';
import { type ModelConfig } from '../model/graph.ts';
import { kvBytes } from '../model/kv-cache.ts';
import { type KvType } from '../protocol.ts';
import { type DevicePeak } from '../protocol.ts';

export interface Cost {
  bytes: number;
  flops: number;
}

export interface CostModel {
  config: ModelConfig;
  cache: KvType;
}

/** Undefined for a kernel that is not known here. */
export function costOf({ kernel, params = {} }: Dispatch, { rows, length }: Step, { config, cache }: CostModel): Cost | undefined {
  const { heads, kvHeads, headDim, dim, vocab } = config;
  const seen = params.window ? Math.min(length, params.window) : length;
  const kvPosition = (2 * kvBytes(config, 32, cache)) / 32; // keys and values of all heads
  if (params.panel_words && params.first_row === undefined) return projectCost(params, rows);
  switch (kernel.kernel) {
    case 'embed': return { bytes: rows * (params.panel_words / 32 + params.groups * 32) * 4, flops: 2 * rows * params.groups * 32 };
    case 'rope': return { bytes: rows * ((2 * heads + 2 * kvHeads) * headDim * 4 + kvPosition), flops: 3 * rows * (heads + kvHeads) * params.rope_dims };
    case 'attention-decode': {
      const partials = Math.ceil(seen / kernel.consts!.Span) * heads * (Math.ceil(headDim / 4) + 1) * 16;
      return { bytes: heads * headDim * 4 + seen * kvPosition + partials, flops: 4 * heads * headDim * seen };
    }
    case 'attention-reduce': {
      const splits = Math.ceil(length / kernel.consts!.Span);
      return { bytes: splits * heads * (Math.ceil(headDim / 4) + 1) * 16 + heads * headDim * 4, flops: 2 * splits * heads * headDim };
    }
    case 'attention': {
      let positions = 0;
      for (let position = length - rows; position < length; position++) positions += Math.min(position + 1, params.window || Infinity);
      return { bytes: 2 * rows * heads * headDim * 4 + Math.min(length, seen + rows) * kvPosition, flops: 4 * heads * headDim * positions };
    }
    case 'rms-norm': return { bytes: (kernel.constants?.Add ? 3 : 2) * rows * dim * 4 + dim * 4, flops: 4 * rows * dim };
    case 'gate': return { bytes: 3 * rows * config.ffn * 4, flops: 8 * rows * config.ffn };
    case 'argmax': case 'sample-histogram': case 'sample-narrow': case 'sample-probabilities': return { bytes: vocab * 4, flops: vocab };
    case 'argmax-finish': case 'sample': return { bytes: 16, flops: 0 };
    default: return undefined;
  }
}

/** A matrix is read once, whatever the rows of activations. */
function projectCost({ panels, panel_words: panelWords, groups, rows: results, up_panels: up }: Record<string, number>, rows: number): Cost {
  const matrices = up ? 2 : 1; // gate and up
  const cols = groups * 32;
  return { bytes: matrices * panels * panelWords * 4 + rows * (cols + results) * 4, flops: matrices * 2 * rows * results * cols };
}

/** The sum over the dispatches that the step runs. Throws for a kernel without a cost: the sum would be wrong. */
export function totalCost(dispatches: readonly Dispatch[], step: Step, model: CostModel): Cost {
  const total = { bytes: 0, flops: 0 };
  for (const dispatch of dispatches.filter((each) => runsIn(each, step))) {
    const cost = costOf(dispatch, step, model);
    if (!cost) throw new Error(`src/bench/cost.ts does not know what the kernel ${dispatch.kernel.kernel} costs.`);
    total.bytes += cost.bytes;
    total.flops += cost.flops;
  }
  return total;
}

/** Seconds that the device needs at least, its bytes and operations overlapping. */
export const rooflineSeconds = ({ bytes, flops }: Cost, { copyBytesPerSecond, flopsPerSecond }: DevicePeak): number => Math.max(bytes / copyBytesPerSecond, flops / flopsPerSecond);

/** Which of the two takes longer. */
export const boundOf = ({ bytes, flops }: Cost, { copyBytesPerSecond, flopsPerSecond }: DevicePeak): 'bytes' | 'FLOPs' => (bytes / copyBytesPerSecond >= flops / flopsPerSecond ? 'bytes' : 'FLOPs');
