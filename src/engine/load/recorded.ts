// The last value of a load: the programs of a placed model, its sections recorded with the kernels that were chosen in the
// end, compiled, and cut where another streamed slice is needed.
import { type Dispatch, type Program, createProgram } from '../../gpu/program.ts';
import { type RecordContext } from '../../model/operation.ts';
import { type Section } from '../../model/sections.ts';
import { createSamplerScratch } from '../../model/sampling/buffers.ts';
import { type SamplerFor, createSamplers } from '../../model/sampling/sampler.ts';
import { type ChosenRows, createChosenRows, mostChosen, overChosen, pickRows } from '../../model/blocks/chosen-rows.ts';
import { type KernelChoice, type Mode } from '../../model/choices/kernel-choice.ts';
import { type PlacedModel } from './placed.ts';
import { recordAhead } from './query-ahead.ts';
import { type Needs, recordSection, stagesIn } from './stages.ts';

/** A run of dispatches, compiled. */
export interface Stage extends Needs {
  program: Program;
  /** Index of the section whose part it is. */
  section?: number;
}

export interface Programs {
  /** Embedding and layers. */
  programs: Record<Mode, Stage[]>;
  /** Logits of the last row; of chosen rows or of all rows of the step, if there is room for them; what the head multiplies, of all rows, for embeddings. */
  heads: { last: Stage[]; chosen?: { stages: Stage[]; rows: ChosenRows }; all?: Stage[]; normed(): Promise<Stage[]> };
  samplerFor: SamplerFor;
}

/** Where a placed model's operations find their buffers. */
export const recordContext = ({ planned: { chosen: { opened: { graph }, kv, options } }, activations }: PlacedModel, choice: KernelChoice): RecordContext =>
  ({ graph, choice, kv: options.shape?.keysValues ?? { format: kv }, activations });

/** Dispatches of the whole model as it would be recorded, but for the embedding, and for the head in prefill where it has no part. */
export function recordAll(placed: PlacedModel, mode: Mode, choice: KernelChoice): Dispatch[] {
  const { planned: { chosen: { opened }, sizes }, weights } = placed;
  const isRecorded = { embedding: false, layer: true, head: mode === 'decode' || sizes.logitsRows > 1, adapter: false };
  return opened.sections.flatMap(({ role }, i) => (isRecorded[role.kind] ? recordAhead(recordContext(placed, choice), opened, weights, i, mode) : []));
}

export async function recordPrograms(placed: PlacedModel, choice: KernelChoice): Promise<Programs> {
  const { planned: { chosen: { gpu, kernels, opened }, plan: { embedding, groups }, sizes }, ledger, weights, activations } = placed;
  const { sections, graph: { config: { vocab } } } = opened;
  const context = recordContext(placed, choice);
  const stagesOf = (dispatches: Dispatch[], name: string, section?: number): Promise<Stage[]> =>
    Promise.all(
      stagesIn(dispatches, activations.buffers, groups && section).map(async ({ run, ...stage }, i) => ({
        ...stage, section, program: await createProgram(gpu.device, ledger, kernels, `${name}.${i}`, run),
      })),
    );
  const make = (section: Section, mode: Mode): Promise<Stage[]> =>
    stagesOf(recordAhead(context, opened, weights, sections.indexOf(section), mode), `${section.name}.${mode}`, sections.indexOf(section));
  const body = sections.filter(({ role }) => role.kind === 'layer' || (role.kind === 'embedding' && embedding === 'gpu'));
  const makeBody = async (mode: Mode) => (await Promise.all(body.map((section) => make(section, mode)))).flat();
  const head = sections.find(({ role }) => role.kind === 'head')!;
  const makeChosen = async (): Promise<Programs['heads']['chosen']> => {
    const rows = createChosenRows(ledger, activations.strides.x);
    const dispatches = [pickRows(context, rows), ...recordSection(overChosen(context, rows), opened, weights, sections.indexOf(head), 'prefill')];
    return { rows, stages: await stagesOf(dispatches, 'head.chosen') };
  };
  let normed: Promise<Stage[]> | undefined;
  const makeNormed = async (): Promise<Stage[]> => {
    const [norm] = recordSection(context, opened, weights, sections.indexOf(head), 'prefill');
    const stages = await stagesOf([norm], 'head.normed');
    await ledger.settle();
    return stages;
  };
  const samplerFor = createSamplers(gpu.device, ledger, kernels, vocab, createSamplerScratch(ledger, vocab, activations.buffers.logits));
  const [decode, prefill, last, chosen, all] = await Promise.all([
    makeBody('decode'),
    makeBody('prefill'),
    make(head, 'decode'),
    sizes.logitsRows > 1 ? makeChosen() : undefined,
    sizes.logitsRows > mostChosen ? make(head, 'prefill') : undefined,
  ]);
  // The driver of a GPU compiles beside what the visitor does next; a processor that does a GPU's work has no time beside it.
  if (!gpu.software) for (const temperature of [0, 1]) void samplerFor({ seed: 0, temperature }).then((sampler) => sampler.ready()).catch(() => undefined);
  return { programs: { decode, prefill }, heads: { last, chosen, all, normed: () => (normed ??= makeNormed()) }, samplerFor };
}
