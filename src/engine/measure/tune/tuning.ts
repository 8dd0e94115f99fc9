// What was measured and tested on an adapter, kept between loads so that it is done once. Knows no kernel.
import { type Gpu, identityOf } from '../../../gpu/device.ts';
import { type AttentionChoice, type MatrixChoice, type Mode, type KernelChoice, chunks } from '../../../model/choices/kernel-choice.ts';
import { missing } from '../../../model/choices/possible-choices.ts';
import { whileNoneNotes } from '../../../weights/store/locks.ts';

/** What is chosen by one measurement: the shapes of decode, of prefill, and of prefill of a few rows. */
export type Choice = Mode | 'few';

export interface AdapterNotes extends Record<Choice, Record<string, MatrixChoice>> {
  /** Hash of the kernels that the notes are about, but for those of rare weight types. */
  kernels: string;
  /** The same of the rare weight types that something is noted of. */
  types?: Record<string, string>;
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
  /** The parts of the measurements that began without an end. */
  begun?: Partial<Record<MeasuredPart, Begun>>;
}

export type MeasuredPart = Choice | 'attention' | 'join' | 'chunk';

/** Of a part that is under way, or in which loads ended. */
export interface Begun {
  /** Loads that began it and did not end it. */
  times: number;
  /** When the last of them began it, by the clock, until it is judged whether the page just left. */
  at?: number;
  /** Loads since, if it is left out. */
  loads?: number;
}

export interface Joins {
  /** Which was faster; undefined until both were timed. */
  joined?: 0 | 1;
  /** How often no time was left for both. */
  late?: number;
}

/** Loads that may end within the same part of the measurements, as when a driver resets the GPU, before it is left out. */
const mostEnds = 2;
/** Loads for which it is left out, then one may try again: another driver may be there, or it was something else that ended them. */
const loadsLeftOut = 10;
/** A page that left so soon behind the begin of a part has ended it, as measuring takes 3 s at most; later it was the part that did not end. */
const mostPartMs = 10_000;

/** Notes by a key that names the device. */
export interface Tuning {
  get(key: string): Promise<AdapterNotes | undefined>;
  set(key: string, notes: AdapterNotes): Promise<void>;
}

export interface Notebook {
  readonly notes: AdapterNotes;
  /** Writes what was changed here since it was read or saved, kind by kind: what other tabs have noted meanwhile stays. */
  save(): Promise<void>;
  /** Reads again what is kept, below what was changed here: another tab may have measured since. `alone`: no other tab measures now. */
  refresh(alone?: boolean): Promise<void>;
  /** Counts this load for what is left out; true if that changed the notes. */
  countLoad(): boolean;
  /** Whether loads before ended in a part, so that it is left out. */
  isLeftOut(part: MeasuredPart): boolean;
  /**
   * Notes, with all that was measured until now, that a part of the measurements begins, and that the one before has ended. False if loads before
   * ended in it: then it is to be left out, and nothing noted of it.
   */
  begin(part: MeasuredPart): Promise<boolean>;
  /** Notes that the part that was begun has ended; true if there was one. */
  end(): boolean;
  /** Notes that it was the work that ended it, not that a page left. */
  failed(): Promise<void>;
}

export interface NotebookOptions {
  /** Nothing may be rounded that f32 keeps: such choices are noted apart. */
  exact?: boolean;
  /** What was noted before does not count. */
  anew?: boolean;
  /** Hashes of the model's rare weight types (`typeHashes`). */
  types?: Record<string, string>;
  /** When a page of this origin last left a load before its end, by the clock. */
  leftAt?: number;
  /** Milliseconds since 1970 as all tabs tell them: Date.now(), but for tests. */
  clock?: () => number;
  /** By which tabs of the browser write one after the other. */
  locks?: LockManager;
}

/** The browser and its version: another one has another compiler, with faults and speeds of its own. */
const runtime = (): string[] =>
  /(?:Chrome|Firefox|Version|Node\.js)\/\d+/.exec((globalThis.navigator as Navigator | undefined)?.userAgent ?? '')?.slice(0, 1) ?? [];

/** The notes on this device with `choice` as the untuned choice; empty if there are none of these kernels. */
export async function openNotebook(
  tuning: Tuning | undefined,
  gpu: Gpu,
  kernels: string,
  choice: KernelChoice,
  { exact = false, anew = false, types = {}, leftAt, clock = Date.now, locks }: NotebookOptions = {},
): Promise<Notebook> {
  const key = [identityOf(gpu), ...runtime(), ...Object.values(choice), ...(exact ? ['exact'] : [])].join('|');
  const none = (): AdapterNotes => ({ kernels, types, decode: {}, prefill: {}, few: {}, checks: {} });
  const read = async () => {
    const kept = await tuning?.get(key);
    return kept?.kernels === kernels ? current(kept, types) : undefined;
  };
  let base = (await read()) ?? none(); // what is kept, as far as it is known here
  let notes = anew ? none() : structuredClone(base);
  if (anew) base = { ...none(), late: base.late, begun: base.begun }; // what is not measured anew stays for others
  let part: MeasuredPart | undefined;
  const save = () => whileNoneNotes(locks, async () => {
    const [kept, saved] = [(await read()) ?? base, structuredClone(notes)];
    await tuning?.set(key, merged(kept, base, saved));
    base = saved;
  });
  const end = () => {
    if (!part) return false;
    const others = Object.entries(notes.begun ?? {}).filter(([each]) => each !== part);
    notes.begun = others.length ? Object.fromEntries(others) : undefined;
    part = undefined;
    return true;
  };
  const isLeftOut = (of: MeasuredPart) => (notes.begun?.[of]?.times ?? 0) >= mostEnds;
  // What only looks at the notes, without knowing who left, judges nothing.
  if (leftAt !== undefined && judge(notes, leftAt, clock(), false)) await save();
  return {
    get notes() {
      return notes;
    },
    save,
    end,
    isLeftOut,
    async refresh(alone = false) {
      if (anew) return;
      const kept = (await read()) ?? base;
      notes = merged(kept, base, notes);
      base = kept;
      judge(notes, leftAt ?? -Infinity, clock(), alone);
    },
    countLoad() {
      const left = Object.entries(notes.begun ?? {}).filter(([, { times }]) => times >= mostEnds);
      for (const [, each] of left) {
        each.loads = (each.loads ?? 0) + 1;
        if (each.loads > loadsLeftOut) Object.assign(each, { times: mostEnds - 1, loads: undefined });
      }
      return left.length > 0;
    },
    async begin(next) {
      end();
      if (isLeftOut(next)) return false;
      part = next;
      notes.begun = { ...notes.begun, [next]: { times: (notes.begun?.[next]?.times ?? 0) + 1, at: clock() } };
      await save();
      return true;
    },
    async failed() {
      const begun = part && notes.begun?.[part];
      if (!begun) return;
      delete begun.at;
      await save();
    },
  };
}

/**
 * Judges once what ended in each part that began without an end: that its page left soon behind its begin excuses it, and nothing later does. Without
 * such a leave it has failed, unless another tab may still be at it: where not `alone`, so long as that may take. True if that changed the notes.
 */
function judge(notes: AdapterNotes, leftAt: number, now: number, alone: boolean): boolean {
  let changed = false;
  const begun = Object.entries(notes.begun ?? {}).flatMap(([part, each]): [string, Begun][] => {
    const { at, times, loads } = each;
    if (at === undefined) return [[part, each]];
    const isExcused = at <= leftAt && leftAt - at < mostPartMs;
    if (!isExcused && !alone && now - at < mostPartMs) return [[part, each]];
    changed = true;
    return isExcused && times <= 1 ? [] : [[part, { times: isExcused ? times - 1 : times, loads }]];
  });
  if (changed) notes.begun = begun.length ? Object.fromEntries(begun) : undefined;
  return changed;
}

/** What is noted by name, each by itself. */
const kindsOfNotes = ['types', 'decode', 'prefill', 'few', 'checks', 'attentions', 'joins', 'chunks', 'late', 'begun'] as const;

/** `kept` with all that differs between `base` and `notes`, name by name: what was noted, and what was struck out. */
function merged(kept: AdapterNotes, base: AdapterNotes, notes: AdapterNotes): AdapterNotes {
  const all = structuredClone(kept);
  for (const kind of kindsOfNotes) {
    const [before, after, others]: (Record<string, unknown> | undefined)[] = [base[kind], notes[kind], all[kind]];
    const same = (name: string) => JSON.stringify(before?.[name]) === JSON.stringify(after?.[name]);
    const changes = [...new Set([before, after].flatMap((each) => Object.keys(each ?? {})))].filter((name) => !same(name));
    if (!changes.length) continue;
    const found = Object.entries({ ...others, ...Object.fromEntries(changes.map((name) => [name, after?.[name]])) }).filter(([, each]) => each !== undefined);
    Object.assign(all, { [kind]: found.length || kind in required ? structuredClone(Object.fromEntries(found)) : undefined });
  }
  return all;
}

const required = { decode: true, prefill: true, few: true, checks: true };

/** What of kept notes holds: all but what is about weight types whose shaders are others by now. */
function current(kept: AdapterNotes, types: Record<string, string>): AdapterNotes {
  const old = Object.keys(types).filter((type) => (kept.types?.[type] ?? types[type]) !== types[type]);
  const notes = { ...kept, types: { ...kept.types, ...types } };
  if (!old.length) return notes;
  const isOld = new RegExp(`(?<!\\w)(?:${old.join('|')})(?!\\w)`); // kinds and checks name the types that they are of
  const others = <T>(of: Record<string, T> = {}) => Object.fromEntries(Object.entries(of).filter(([name]) => !isOld.test(name)));
  return {
    ...notes, decode: others(kept.decode), prefill: others(kept.prefill), few: others(kept.few), checks: others(kept.checks), joins: others(kept.joins),
    chunks: others(kept.chunks),
  };
}

/** A choice as it is noted, where the device can run it. */
export const notedChoice = <T extends Partial<KernelChoice>>(gpu: Gpu, noted: T | undefined): T | undefined =>
  (noted && missing(gpu, noted) === undefined ? noted : undefined);

/** How many tokens in a step a model is to be planned with room for: what is best, if that is known, else all that is to be measured. */
export function chunkToPlan(notes: AdapterNotes, products: string): number {
  const most = Math.max(...chunks);
  const noted = notes.chunks?.[products];
  return noted?.of === most ? noted.chunk : most;
}
