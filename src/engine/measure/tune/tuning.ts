// What was measured and tested on an adapter, kept between loads so that it is done once. Knows no kernel.
import { type Gpu } from '../../../gpu/device.ts';
import { type AttentionChoice, type MatrixChoice, type Mode, type KernelChoice, chunks } from '../../../model/choices/kernel-choice.ts';

/** What is chosen by one measurement: the shapes of decode, of prefill, and of prefill of a few rows. */
export type Choice = Mode | 'few';

export interface AdapterNotes extends Record<Choice, Record<string, MatrixChoice>> {
  /** Hash of the kernels that the notes are about. */
  kernels: string;
  /** Checks by name: how each failed, or an empty text. */
  checks: Record<string, string>;
  /** Choice of attention in decode, by its kind (tune-attention.ts). */
  attentions?: Record<string, AttentionChoice & Pick<KernelChoice, 'turned'>>;
  /** Whether the output projection joins splits, by the kinds of attention and projections that were timed both ways (tune-attention.ts). */
  joins?: Record<string, Joins>;
  /** Tokens of a step of prefill that are best `of` at most so many, by a model's products (tune-chunk.ts). */
  chunks?: Record<string, { chunk: number; of: number }>;
  /** How often no time was left for the largest kind of matrix, or for any length of a step, as on a busy machine. */
  late?: Partial<Record<Choice | 'chunk', number>>;
  /** The part of the measurements that is under way, and how often it began without an end. */
  begun?: { part: MeasuredPart; times: number };
}

export type MeasuredPart = Choice | 'attention' | 'join' | 'chunk';

export interface Joins {
  /** Which was faster; undefined until both were timed. */
  joined?: 0 | 1;
  /** How often no time was left for both. */
  late?: number;
}

/** Loads that may end within the same part of the measurements, as when a driver resets the GPU, before it is left out. */
const mostEnds = 2;

/** Notes by a key that names the adapter. */
export interface Tuning {
  get(key: string): Promise<AdapterNotes | undefined>;
  set(key: string, notes: AdapterNotes): Promise<void>;
}

export interface Notebook {
  notes: AdapterNotes;
  save(): Promise<void>;
  /**
   * Notes, with all that was measured until now, that a part of the measurements begins. False if that was the last of two loads before:
   * then it is to be left out.
   */
  begin(part: MeasuredPart): Promise<boolean>;
}

export interface NotebookOptions {
  /** Nothing may be rounded that f32 keeps: such choices are noted apart. */
  exact?: boolean;
  /** What was noted before does not count. */
  anew?: boolean;
}

/** The browser and its version: another one has another compiler, with faults and speeds of its own. */
const runtime = (): string[] =>
  /(?:Chrome|Firefox|Version|Node\.js)\/\d+/.exec((globalThis.navigator as Navigator | undefined)?.userAgent ?? '')?.slice(0, 1) ?? [];

/** The notes on this adapter with `choice` as the untuned choice; empty if there are none of these kernels. */
export async function openNotebook(
  tuning: Tuning | undefined,
  { adapterName }: Gpu,
  kernels: string,
  choice: KernelChoice,
  { exact = false, anew = false }: NotebookOptions = {},
): Promise<Notebook> {
  const key = [adapterName, ...runtime(), ...Object.values(choice), ...(exact ? ['exact'] : [])].join('|');
  const kept = anew ? undefined : await tuning?.get(key);
  const notes = kept?.kernels === kernels ? kept : { kernels, decode: {}, prefill: {}, few: {}, checks: {} };
  const save = async () => tuning?.set(key, notes);
  return {
    notes,
    save,
    async begin(part) {
      const times = notes.begun?.part === part ? notes.begun.times : 0;
      if (times >= mostEnds) return false;
      notes.begun = { part, times: times + 1 };
      await save();
      return true;
    },
  };
}

/** How many tokens in a step a model is to be planned with room for: what is best, if that is known, else all that is to be measured. */
export function chunkToPlan(notes: AdapterNotes, products: string): number {
  const most = Math.max(...chunks);
  const noted = notes.chunks?.[products];
  return noted?.of === most ? noted.chunk : most;
}
