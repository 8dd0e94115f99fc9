// The dispatches of a section, cut where another streamed slice is needed, and what lies in activation buffers at the cuts. Pure, so that a
// plan cuts as a load does.
import { type Binding, type Dispatch } from '../../gpu/program.ts';
import { type Place, type RecordContext } from '../../model/operation.ts';
import { record } from '../../model/operations.ts';
import { type Mode } from '../../model/choices/kernel-choice.ts';
import { type GpuRange, type ResidentWeights } from '../../weights/stream/resident.ts';
import { type OpenedModel } from './opened.ts';

/** What a run of dispatches needs: at most one streamed slice, or items of one pool. */
export interface Needs {
  slice?: number;
  /** The section whose items are chosen at its end, which the CPU has to know. */
  chooses?: number;
  /** The section whose items it reads, some of them at a time: it may be run several times. */
  onDemand?: number;
  /** The layer by whose query the processor attends too, from its begin on, and the one for which it joins what that gives. */
  asks?: number;
  joins?: number;
  /** The activation buffers that what comes before it in its section and what comes from there on both use: what may be held in them. */
  held: readonly string[];
}

/**
 * Cuts dispatches of a section where another streamed slice is needed; those that need none go with the ones before. Where the items of
 * `section` are fetched on demand, those that read them are a stage, and one ends where they are chosen. One begins where the processor is asked; what
 * joins its answer is one by itself. So is what attends beside it, where the processor was asked a layer before.
 */
export function stagesIn(dispatches: Dispatch[], buffers: Record<string, Binding>, section?: number): (Needs & { run: Dispatch[] })[] {
  const stages: (Omit<Needs, 'held'> & { run: Dispatch[] })[] = [];
  for (const dispatch of dispatches) {
    const needed = Object.values(dispatch.bindings) as GpuRange[];
    const slice = needed.map((binding) => binding.slice).find((s) => s !== undefined);
    const onDemand = needed.map((binding) => binding.onDemand).find((s) => s !== undefined);
    const chooses = dispatch.chooses ? section : undefined;
    const last = stages.at(-1);
    const { asks, joins } = dispatch;
    const isCut = asks !== undefined || joins !== undefined || dispatch.apart || last?.joins !== undefined;
    // What reads the same items is one stage, as they are brought for it once, in as many passes as it takes.
    const needsNoOther = slice === undefined || slice === last?.slice || (onDemand !== undefined && last?.slice === undefined);
    const goesWith = !isCut && last && last.chooses === undefined && last.onDemand === onDemand && needsNoOther;
    if (goesWith) {
      last.run.push(dispatch);
      last.slice ??= slice;
      last.chooses = chooses;
    } else stages.push({ slice: slice ?? (isCut ? last?.slice : undefined), onDemand, chooses, asks, joins, run: [dispatch] });
  }
  const names = new Map(Object.entries(buffers).map(([name, { buffer }]) => [buffer, name]));
  const used = stages.map(({ run }) => usedBy(run, names));
  return stages.map((stage, i) => {
    const before = new Set(used.slice(0, i).flat());
    return { ...stage, held: [...new Set(used.slice(i).flat())].filter((name) => before.has(name)) };
  });
}

/** The names of the buffers that dispatches bind. */
function usedBy(dispatches: readonly Dispatch[], names: ReadonlyMap<GPUBuffer, string>): string[] {
  const bound = dispatches.flatMap(({ bindings }) => Object.values(bindings));
  return [...new Set(bound.flatMap((binding) => (typeof binding === 'function' ? [] : names.get(binding.buffer) ?? [])))];
}

/** The dispatches of a section's operations in order, or of some of them. */
export function recordSection(
  context: RecordContext,
  { sections, layout }: Pick<OpenedModel, 'sections' | 'layout'>,
  weights: ResidentWeights,
  index: number,
  mode: Mode,
  ops = sections[index].ops,
): Dispatch[] {
  const { vectors } = layout.sections[index];
  const at: Omit<Place, 'stacks' | 'pool'> = {
    vectors: weights.vectors(index),
    vectorOffset: (tensor) => vectors.find((vector) => vector.tensor === tensor)!.offset / 4,
  };
  return ops.flatMap(({ op, stacks, pool }) => {
    const place = { ...at, stacks: stacks.map(({ section, stack }) => weights.stack(section, stack)), ...(pool !== undefined && { pool: weights.pool(pool) }) };
    return record(op, context, place, mode, sections[index].name);
  });
}
