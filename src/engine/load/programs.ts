// The programs of a model: its sections recorded and compiled, cut where another streamed slice is needed.
import { type Gpu } from '../../gpu/device.ts';
import { type KernelCache } from '../../gpu/kernels.ts';
import { type Ledger } from '../../gpu/ledger.ts';
import { type Dispatch, type Program, createProgram } from '../../gpu/program.ts';
import { type Place, type RecordContext } from '../../model/operation.ts';
import { record } from '../../model/operations.ts';
import { type Section } from '../../model/sections.ts';
import { createSamplerScratch } from '../../model/sampling/buffers.ts';
import { type SamplerFor, createSamplers } from '../../model/sampling/sampler.ts';
import { type ChosenRows, createChosenRows, mostChosen, overChosen, pickRows } from '../../model/chosen-rows.ts';
import { type Mode } from '../../model/kernel-choice.ts';
import { type GpuRange, type ResidentWeights } from '../../weights/stream/resident.ts';
import { type Plan } from './plan.ts';
import { type OpenedModel } from './model-file.ts';

/** A run of dispatches that need at most one streamed slice. */
export interface Stage {
  program: Program;
  slice?: number;
}

export interface Programs {
  /** Embedding and layers. */
  programs: Record<Mode, Stage[]>;
  /** Logits of the last row; of chosen rows or of all rows of the step, if there is room for them. */
  heads: { last: Stage[]; chosen?: { stages: Stage[]; rows: ChosenRows }; all?: Stage[] };
  samplerFor: SamplerFor;
}

export async function recordPrograms(gpu: Gpu, ledger: Ledger, kernels: KernelCache, context: RecordContext, opened: Pick<OpenedModel, 'sections' | 'layout'>, weights: ResidentWeights, { embedding }: Plan, logitsRows: number): Promise<Programs> {
  const { sections } = opened;
  const stagesOf = (dispatches: Dispatch[], name: string): Promise<Stage[]> =>
    Promise.all(bySlice(dispatches).map(async ({ slice, run }, i) => ({ slice, program: await createProgram(gpu.device, ledger, kernels, `${name}.${i}`, run) })));
  const make = (section: Section, mode: Mode): Promise<Stage[]> => stagesOf(recordSection(context, opened, weights, sections.indexOf(section), mode), `${section.name}.${mode}`);
  const body = sections.filter(({ role }) => role.kind === 'layer' || (role.kind === 'embedding' && embedding === 'gpu'));
  const makeBody = async (mode: Mode) => (await Promise.all(body.map((section) => make(section, mode)))).flat();
  const head = sections.find(({ role }) => role.kind === 'head')!;
  const { activations, graph: { config: { vocab } } } = context;
  const makeChosen = async (): Promise<Programs['heads']['chosen']> => {
    const rows = createChosenRows(ledger, activations.strides.x);
    const dispatches = [pickRows(context, rows), ...recordSection(overChosen(context, rows), opened, weights, sections.indexOf(head), 'prefill')];
    return { rows, stages: await stagesOf(dispatches, 'head.chosen') };
  };
  const [decode, prefill, last, chosen, all, samplerFor] = await Promise.all([
    makeBody('decode'),
    makeBody('prefill'),
    make(head, 'decode'),
    logitsRows > 1 ? makeChosen() : undefined,
    logitsRows > mostChosen ? make(head, 'prefill') : undefined,
    createSamplers(gpu.device, ledger, kernels, vocab, createSamplerScratch(ledger, vocab, activations.buffers.logits)),
  ]);
  return { programs: { decode, prefill }, heads: { last, chosen, all }, samplerFor };
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

/** The dispatches of a section's operations in order, or of some of them. */
export function recordSection(context: RecordContext, { sections, layout }: Pick<OpenedModel, 'sections' | 'layout'>, weights: ResidentWeights, index: number, mode: Mode, ops = sections[index].ops): Dispatch[] {
  const { vectors } = layout.sections[index];
  const at: Omit<Place, 'stacks'> = {
    vectors: weights.vectors(index),
    vectorOffset: (tensor) => vectors.find((vector) => vector.tensor === tensor)!.offset / 4,
  };
  return ops.flatMap(({ op, stacks }) => record(op, context, { ...at, stacks: stacks.map(({ section, stack }) => weights.stack(section, stack)) }, mode, sections[index].name));
}
