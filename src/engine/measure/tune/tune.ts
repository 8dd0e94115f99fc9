// Chooses the shapes of the matrix kernels by timing them on the model's own matrices, each kind of matrix for itself,
// those with the largest share of the time first, then attention and the length of a step (tune-attention.ts,
// tune-chunk.ts). What is known from before is not measured again.
import { formats } from '../../../formats/catalogue.ts';
import { type Candidate, type Timing, rank } from '../../../gpu/autotune.ts';
import { type Gpu } from '../../../gpu/device.ts';
import { type KernelCache } from '../../../gpu/kernels.ts';
import { type Ledger } from '../../../gpu/ledger.ts';
import { createPassClock } from '../../../gpu/pass-clock.ts';
import { type Dispatch, runsIn } from '../../../gpu/program.ts';
import { type KvFormat } from '../../../kv/formats/format.ts';
import { type ModelConfig } from '../../../model/graph.ts';
import { fitsGrid, rowsOfKind } from '../../../model/choices/choice-of-matrix.ts';
import { matrixPrefills, missing } from '../../../model/choices/possible-choices.ts';
import { type Activations, type SequenceBuffers } from '../../../model/operation.ts';
import { writeState } from '../../../model/sequence-buffers.ts';
import { whileNoneMeasures } from '../../../weights/store/locks.ts';
import { type MatrixChoice, type Mode, type KernelChoice, usualChunk } from '../../../model/choices/kernel-choice.ts';
import { usesTiles } from '../../../model/blocks/products.ts';
import { tuneAttention } from './tune-attention.ts';
import { tuneChunk } from './tune-chunk.ts';
import { type Choice, type MeasuredPart, type Notebook, notedChoice } from './tuning.ts';

/** Time for all measurements, compiling included. */
export const tuneMs = 3000;
/** And for what loads before had no time for: the weights wait. */
const againMs = 1000;
/** At which share of it each part has to end. */
const until = { decode: 0.45, prefill: 0.77, few: 0.87, attention: 0.93, join: 0.96, chunk: 1 };
/** What is measured of the matrices: in which program, with how many rows, and how many candidates at least. */
const measurements: Record<Choice, { mode: Mode; rows: number; least: number }> = {
  decode: { mode: 'decode', rows: 1, least: 2 },
  prefill: { mode: 'prefill', rows: 64, least: 2 }, // of a GPU `usualChunk`: with fewer, tiles leave most of a large one idle
  few: { mode: 'prefill', rows: 4, least: 1 }, // the first one is good enough where time is short
};
/** Matrices of a kind that are run in turn: more than a GPU's caches hold, of most models. */
const mostMatrices = 16;
/** What was this many times slower than the best for one kind is not tried for the next ones. */
const hopeless = 2;
/** Where compiling does not take the time of what is measured. */
const compiledAhead = 3;
/** Loads that measure again if no time was left for the largest kind of matrix. */
const mostTries = 3;

export interface TuneTarget {
  gpu: Gpu;
  ledger: Ledger;
  kernels: KernelCache;
  activations: Activations;
  /** What steps are measured with. */
  sequence: SequenceBuffers;
  /** Most rows of a step. */
  chunk: number;
  /** Each step moves weights that do not stay, so that the longest are the best. */
  streams: boolean;
  /** Names the model's products (`productsOf`). */
  products: string;
  config: ModelConfig;
  kv: KvFormat;
  /** Most positions. */
  context: number;
  /** The whole model as it would be recorded, What it computes is not used. */
  record(mode: Mode, choice: KernelChoice): Dispatch[];
}

/** Where something is being measured. */
export interface TimedTarget extends TuneTarget, Pick<Notebook, 'begin'>, Pick<Timing, 'clock' | 'now'> {}

/** What ends a look at the notes where something is to be measured. */
const toMeasure = new Error('Something is to be measured.');

export interface TuneOptions {
  /** Only choices that round nothing that f32 keeps. */
  exact?: boolean;
  /** See Timing. */
  now?: Timing['now'];
  /** By which tabs of the browser measure, and write what they note, one after the other. */
  locks?: LockManager;
}

/** Time in which another tab has measured, if nothing holds it up. */
const othersMs = 3 * tuneMs;

/**
 * `choice` with the fastest choice for every kind of matrix that time was left for, the others like the kind that matters most; `exact`: of
 * those that round nothing. Notes both: later loads measure nothing, unless the kind that matters most was not measured. Where the device's
 * clock tells nothing, nothing changes. Other tabs' measuring is waited for only where there is something to measure.
 */
export async function tune(
  given: TuneTarget,
  choice: KernelChoice,
  book: Notebook,
  { exact = false, now = () => performance.now(), locks }: TuneOptions = {},
): Promise<KernelChoice> {
  const isCounted = book.countLoad();
  const noted = await asNoted({ ...given, now }, choice, book, { exact, isCounted });
  if (noted) return noted;
  return whileNoneMeasures(locks, othersMs, async () => {
    const clock = createPassClock(given.gpu.device, given.ledger);
    try {
      await book.refresh(true);
      return await tuneBy({ ...given, clock, now, begin: book.begin }, choice, book, { exact, isCounted });
    } catch (error) {
      await book.failed();
      throw error;
    } finally {
      clock.destroy();
    }
  });
}

interface How extends Pick<TuneOptions, 'exact'> {
  /** The notes have changed, as this load was counted. */
  isCounted: boolean;
}

/** `choice` by the notes alone; undefined where something is to be measured, of which nothing is begun or noted yet. */
async function asNoted(target: TuneTarget & Pick<Timing, 'now'>, choice: KernelChoice, book: Notebook, how: How): Promise<KernelChoice | undefined> {
  const stop = () => Promise.reject(toMeasure);
  const clock = { by: 'submit' as const, sampleMs: async () => 0, time: stop, destroy() {} }; // whether it tells, only a device that is at rest knows
  const begin = async (part: MeasuredPart) => (book.isLeftOut(part) ? false : stop());
  try {
    return await tuneBy({ ...target, clock, begin }, choice, book, how);
  } catch (error) {
    if (error !== toMeasure) throw error;
    return undefined;
  }
}

async function tuneBy(target: TimedTarget, choice: KernelChoice, book: Notebook, { exact = false, isCounted }: How): Promise<KernelChoice> {
  const { notes, save } = book;
  const started = target.now();
  const isToRepeat = (part: Choice | 'chunk') => (notes.late?.[part] ?? mostTries) < mostTries;
  const most = (['decode', 'prefill', 'few', 'chunk'] as const).some(isToRepeat) ? againMs : tuneMs;
  let learned = false;
  let later = false; // the next load measures again
  for (const part of ['decode', 'prefill', 'few'] as const) {
    const { mode, least } = measurements[part];
    const deadline = started + until[part] * most;
    let choices = candidates(target.gpu, choice, exact)[part];
    const repeat = isToRepeat(part);
    let compared = false; // for the largest kind, at this load
    let measuring: boolean | undefined;
    let isLeftOut = false; // as loads ended within it: for now, so that nothing is noted
    for (const [i, kind] of byShare(target.record(mode, choice)).entries()) {
      const known = notedChoice(target.gpu, notes[part][kind]);
      let chosen = repeat ? undefined : known;
      if (!chosen) {
        if (measuring === undefined) {
          const tells = (await target.clock.sampleMs()) !== undefined;
          isLeftOut = tells && !(await target.begin(part));
          measuring = tells && !isLeftOut;
        }
        const timed =
          measuring && target.now() < deadline
            ? await time(
                target,
                choice,
                part,
                kind,
                choices.filter(suits(kind)),
                deadline,
              )
            : [];
        if (timed.length > 1) {
          const slow = timed.filter(({ ms }) => ms > hopeless * timed[0].ms).map(({ value }) => value);
          const ranked = timed.map(({ value }) => value);
          choices = [...ranked, ...choices.filter((each) => !ranked.includes(each))].filter((each) => !slow.includes(each));
        }
        if (i === 0 && measuring) {
          compared = timed.length >= Math.min(least, choices.length);
          const tries = compared ? mostTries : (notes.late?.[part] ?? 0) + 1;
          if (!compared || repeat) notes.late = { ...notes.late, [part]: tries };
          later ||= tries < mostTries;
        }
        // Also what alone was timed: in software the untuned part may not even compile in time. Where nothing was timed there,
        // what compiles soonest; the next load measures.
        const soonest = target.gpu.software && measuring && i === 0 && part !== 'few' ? choices[0] : undefined;
        chosen = timed[0]?.value ?? (compared ? undefined : known) ?? soonest ?? usual(choice)[part];
        // Also where no time was left: measuring at every load would delay the weights each time.
        if (!isLeftOut) {
          notes[part][kind] = chosen;
          learned = true;
        }
      }
      if (i === 0) choice = { ...choice, ...chosen };
      choice = { ...choice, matrices: { ...choice.matrices, [kind]: { ...choice.matrices?.[kind], ...chosen } } };
    }
  }
  const attending = await tuneAttention(target, choice, notes, started + until.attention * most, later, started + until.join * most);
  const stepped = target.streams ? undefined : await tuneChunk(target, attending.choice, notes, started + until.chunk * most, later);
  const isEnded = book.end();
  if (learned || attending.learned || stepped?.learned || isEnded || isCounted) await save();
  return (stepped ?? attending).choice;
}

/** Whether a kind's matrices have what a choice is for: codes for products of integers, values for a table, no more rows than a dispatch takes. */
export function suits(kind: string): (choice: MatrixChoice) => boolean {
  const rows = rowsOfKind(kind);
  const { codes, tableShader } = formats.get(kind.split(' ')[0]) ?? {};
  const [hasCodes, hasTable] = [codes !== undefined, tableShader !== undefined];
  return ({ dot, tile, panels }) => fitsGrid({ panels }, rows) && (hasCodes || (dot !== 'i8' && tile !== 'i16')) && (hasTable || dot !== 'table');
}

/** What kinds take that have no part of their own. Few rows need a kernel of their own beside tiles, which they leave empty. */
const usual = ({ splits, panels, dot, prefill, tile, few }: KernelChoice): Record<Choice, MatrixChoice> => ({
  decode: { splits, panels, dot }, prefill: { prefill, tile }, few: { few: usesTiles(prefill) ? few : 0 },
});

/**
 * The untuned part first; products of integers last, as they round. With few registers neither several panels nor activations that each thread has
 * for itself, which compilers spill. In software what needs barriers comes last: compiling tiles may take
 * all of the time, and they gain least there.
 */
export function candidates(gpu: Gpu, { splits, panels, dot, prefill, tile, few, registers }: KernelChoice, exact: boolean): Record<Choice, MatrixChoice[]> {
  const usable = (choices: MatrixChoice[]) => choices.filter((each) => !missing(gpu, each));
  const spills = registers === 64 && !gpu.software;
  const isNvidia = gpu.vendor === 'nvidia'; // where 1024 threads have 64 registers each, and gates and few rows spill 12 to 34 values
  const small = gpu.software ? [] : [[32, 0.25], [16, 0.5], ...(isNvidia ? [] : [[32, 1]])]; // which give a large GPU enough to do
  const grids = [...small, [1, 4], [4, 1], [4, 2], [8, 1], [8, 2], [16, 1], [2, 2]].filter(
    ([s, p]) => !(s === splits && p === panels) && !(spills && p > 1),
  );
  const by = (way: KernelChoice['dot'], sizes: number[][]) => usable(sizes.map(([s, p]) => ({ splits: s, panels: p, dot: way })));
  const untuned = by(dot, [[splits, panels]]);
  const inBytes = exact ? [] : by('i8', [[splits, panels], [4, 1]]);
  const inTable = gpu.software ? [] : by('table', [[splits, panels], ...small]); // reading it costs a software GPU more than reckoning
  const plain = dot === 'f32' || spills ? [] : by('f32', [[splits, panels], [1, 4], [4, 1]]);
  // What a processor with vectors of 8 numbers takes is tried first here too; where they are of 4, behind what each thread does for itself.
  const [before, behind] = [by('shared8', [[1, 4]]), by('shared4', [[1, 4]])];
  const alone = by('f32', [...grids, [splits, panels]]);
  const widestFew = isNvidia ? [] : [32];
  // What a processor with vectors of 8 numbers takes is tried first: it compiles for a second, and gains most there.
  const shared = ([['wide8', 'broadcast8'], ['broadcast4', 'wide4']] as const).find(([each]) => !missing(gpu, { prefill: each })) ?? [];
  const others: Pick<KernelChoice, 'prefill' | 'tile'>[] = [
    ...matrixPrefills(gpu, exact).map((each) => ({ prefill: each, tile })),
    ...(gpu.software ? shared.map((prefill) => ({ prefill, tile })) : []),
    { prefill: 'tile', tile: 'f32' },
    ...(exact || missing(gpu, { tile: 'f16' }) ? [] : [{ prefill: 'tile' as const, tile: 'f16' as const }]),
    ...(exact || gpu.software || missing(gpu, { tile: 'i16' }) ? [] : [{ prefill: 'tile' as const, tile: 'i16' as const }]), // i8 is for who asks for it
    ...(gpu.software ? [{ prefill: 'rows' as const, tile }] : []), // rows by themselves take more registers than GPUs have
  ];
  const prefills: Pick<KernelChoice, 'prefill' | 'tile'>[] = [{ prefill, tile }, ...others.filter((each) => each.prefill !== prefill || each.tile !== tile)];
  return {
    decode: gpu.software
      ? [...before, alone[0], ...(before.length ? [] : behind), ...alone.slice(1), ...(dot === 'f32' ? [] : untuned), ...inBytes]
      : [...untuned, ...inTable, ...by(dot, grids), ...plain, ...inBytes],
    prefill: gpu.software ? prefills.sort((a, b) => Number(usesTiles(a.prefill)) - Number(usesTiles(b.prefill))) : prefills,
    few: usable([...new Set(gpu.software ? [0, 1, few] : [few, 0, 1, 4, 16, ...widestFew])].map((each) => ({ few: each }))),
  };
}

/** The kinds of matrices among dispatches, those with the most bytes of weights first. */
function byShare(dispatches: Dispatch[]): string[] {
  const bytes = new Map<string, number>();
  for (const { kind, params = {} } of dispatches) {
    const matrices = params.up_panels ? 2 : 1; // gate and up
    if (kind) bytes.set(kind, (bytes.get(kind) ?? 0) + 4 * matrices * params.panels * params.panel_words);
  }
  return [...bytes].sort(([, a], [, b]) => b - a).map(([kind]) => kind);
}

function time(
  { gpu, ledger, kernels, clock, now, activations, sequence, chunk, record }: TimedTarget,
  choice: KernelChoice,
  part: Choice,
  kind: string,
  choices: MatrixChoice[],
  deadline: number,
) {
  const { mode } = measurements[part];
  const rows = Math.min(part === 'prefill' && !gpu.software ? usualChunk : measurements[part].rows, chunk);
  const step = { rows, length: rows, of: sequence };
  writeState(gpu.device.queue, activations, sequence, 0, rows);
  const of = (value: MatrixChoice): Candidate<MatrixChoice> => ({
    value,
    dispatches: record(mode, { ...choice, matrices: { ...choice.matrices, [kind]: value } })
      .filter((dispatch) => dispatch.kind === kind && runsIn(dispatch, step))
      .slice(0, mostMatrices),
  });
  return rank({ device: gpu.device, software: gpu.software, ledger, kernels, clock, now }, step, choices.map(of), deadline, gpu.software ? 0 : compiledAhead);
}
