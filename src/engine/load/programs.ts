// The programs of a model: its sections recorded and compiled, cut where another streamed slice is needed.
import { type Gpu } from '../../gpu/device.ts';
import { type KernelCache } from '../../gpu/kernels.ts';
import { type Ledger } from '../../gpu/ledger.ts';
import { type Dispatch, type Program, createProgram } from '../../gpu/program.ts';
import { type Graph } from '../../model/graph.ts';
import { type Place, type RecordContext, record } from '../../model/record.ts';
import { type Sampler, createSampler } from '../../model/sampler.ts';
import { type Mode } from '../../model/kernel-choice.ts';
import { type Layout } from '../../weights/layout.ts';
import { type GpuRange, type ResidentWeights } from '../../weights/stream/resident.ts';
import { type Plan } from './plan.ts';
import { type SectionOps, isTied, sectionsOf } from './sections.ts';

/** A run of dispatches that need at most one streamed slice. */
export interface Stage {
  program: Program;
  slice?: number;
}

export interface Programs {
  /** Embedding and layers. */
  programs: Record<Mode, Stage[]>;
  /** Logits of the last row, or of all rows of the step. */
  heads: { last: Stage[]; all?: Stage[] };
  sampler: Sampler;
}

export async function recordPrograms(gpu: Gpu, ledger: Ledger, kernels: KernelCache, context: RecordContext, layout: Layout, weights: ResidentWeights, { embedding }: Plan, logitsRows: number): Promise<Programs> {
  const sections = sectionsOf(context.graph);
  const make = async (section: SectionOps, index: number, mode: Mode): Promise<Stage[]> => {
    const dispatches = record(context, mode, section.name, section.ops, placeOf(context.graph, layout, weights, index));
    return Promise.all(bySlice(dispatches).map(async ({ slice, run }, i) => ({ slice, program: await createProgram(gpu.device, ledger, kernels, `${section.name}.${mode}.${i}`, run) })));
  };
  const makeBody = async (mode: Mode) => (await Promise.all(sections.slice(0, -1).map((section, i) => (i === 0 && embedding === 'rows' ? [] : make(section, i, mode))))).flat();
  const head = sections.length - 1;
  const [decode, prefill, last, all, sampler] = await Promise.all([
    makeBody('decode'),
    makeBody('prefill'),
    make(sections[head], head, 'decode'),
    logitsRows > 1 ? make(sections[head], head, 'prefill') : undefined,
    createSampler(gpu.device, ledger, kernels, context.activations, context.graph.config.vocab),
  ]);
  return { programs: { decode, prefill }, heads: { last, all }, sampler };
}

/** Cuts dispatches where another streamed slice is needed; those that need none go with the ones before. */
function bySlice(dispatches: Dispatch[]): { slice?: number; run: Dispatch[] }[] {
  const runs: { slice?: number; run: Dispatch[] }[] = [];
  for (const dispatch of dispatches) {
    const slice = Object.values(dispatch.bindings).map((binding) => (binding as GpuRange).slice).find((s) => s !== undefined);
    const last = runs.at(-1);
    if (last && (slice === undefined || slice === last.slice)) last.run.push(dispatch);
    else runs.push({ slice, run: [dispatch] });
  }
  return runs;
}

/** Where the operations of a section find their weights. */
export function placeOf(graph: Graph, layout: Layout, weights: ResidentWeights, section: number): Place {
  const { vectors } = layout.sections[section];
  const isHead = section === layout.sections.length - 1;
  return {
    vectors: weights.vectors(section),
    vectorOffset: (tensor) => vectors.find((v) => v.tensor === tensor)!.offset / 4,
    stack: (n) => (isHead && isTied(graph) ? weights.stack(0, 0) : weights.stack(section, n)),
  };
}
