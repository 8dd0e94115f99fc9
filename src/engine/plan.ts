// What a model will take on the GPU, from its header alone: a pure function, run before anything is downloaded.
import { type ActivationSizes, activationBytes } from '../model/activations.ts';
import { kvBytes, kvPositions } from '../model/kv-cache.ts';
import { samplerGpuBytes } from '../model/sampler.ts';
import { paramsStride } from '../gpu/program.ts';
import { type OpenedModel } from './load.ts';
import { sectionsOf } from './sections.ts';

export interface Plan {
  verdict: 'fits' | 'refused';
  /** For people, if refused: what does not fit and what would. */
  reason?: string;
  budgetBytes: number;
  /** Most GPU bytes alive at once, by purpose. */
  bytes: { weights: number; kv: number; activations: number; parameters: number; staging: number };
  totalBytes: number;
  context: number;
}

export interface PlanOptions extends ActivationSizes {
  budgetBytes: number;
  cache: 'f32' | 'f16';
}

const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(2)} GiB`;

export function plan({ graph, layout }: OpenedModel, options: PlanOptions): Plan {
  const perNumber = options.cache === 'f32' ? 4 : 2;
  const layerKv = (positions: number) => kvBytes(graph.config, positions, perNumber);
  const fullKv = 2 * graph.config.layers * layerKv(kvPositions(options.context, options.context));
  const largest = Math.max(...layout.slabs.map((slab) => slab.byteLength));
  // Two slabs in flight while loading, when the cache is still small; while it grows, the old keys of one layer.
  const loading = 2 * largest - (fullKv - 2 * graph.config.layers * layerKv(kvPositions(1, options.context)));
  const growing = options.context > kvPositions(1, options.context) ? layerKv(options.context / 2) : 0;
  const bytes = {
    weights: layout.byteLength,
    kv: fullKv,
    activations: activationBytes(graph, options) + samplerGpuBytes(graph.config.vocab),
    parameters: dispatchCount(graph) * paramsStride,
    staging: Math.max(loading, growing, 0),
  };
  const totalBytes = Object.values(bytes).reduce((a, b) => a + b, 0);
  const fits = totalBytes <= options.budgetBytes;
  return { verdict: fits ? 'fits' : 'refused', reason: fits ? undefined : refusal(totalBytes, bytes, options), budgetBytes: options.budgetBytes, bytes, totalBytes, context: options.context };
}

function refusal(totalBytes: number, bytes: Plan['bytes'], { budgetBytes, context }: PlanOptions): string {
  const fixed = totalBytes - bytes.kv;
  const positions = Math.floor(((budgetBytes - fixed) / bytes.kv) * context / 256) * 256;
  const shorter = positions >= 256 ? `a context of ${positions} instead of ${context}, ` : '';
  return `The model needs ${gib(totalBytes)} on the GPU (${gib(bytes.weights)} of weights, ${gib(bytes.kv)} for keys and values of ${context} tokens); the budget is ${gib(budgetBytes)}. Choose ${shorter}a smaller model, or a budget of ${gib(totalBytes)}.`;
}

/** Dispatches of all programs, as many as record.ts makes where every stack has one type. */
function dispatchCount(graph: OpenedModel['graph']): number {
  const perOp = { embed: [1, 1], project: [1, 2], rope: [1, 1], attend: [2, 1], 'norm-add': [1, 1] };
  const samplers = 6;
  return sectionsOf(graph).flatMap(({ ops }) => ops).reduce((sum, op) => sum + perOp[op.op][0] + perOp[op.op][1] + (op.op === 'project' && op.gate ? 1 : 0), samplers);
}
