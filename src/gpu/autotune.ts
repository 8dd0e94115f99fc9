// Times several ways to do the same work on this device, within a time limit that counts compiling.
import { type KernelCache } from './kernels.ts';
import { type Ledger } from './ledger.ts';
import { type PassClock } from './pass-clock.ts';
import { type Dispatch, type Program, type Step, createProgram } from './program.ts';

export interface Candidate<T> {
  value: T;
  /** Of like work on different bytes, run in turn, so that what a cache keeps of one does not help the next. */
  dispatches: Dispatch[];
  /** So many dispatches that follow each other are one piece of the work. Default 1. */
  together?: number;
}

export interface Timed<T> {
  value: T;
  /** Per piece of the work. */
  ms: number;
}

/** The first candidate stays unless another is faster by this share: samples are noisy, and a change gains nothing. */
const margin = 0.05;
const samples = 3;
/** Samples that are long by themselves are not repeated beyond this. */
const mostMs = 60;
/**
 * Buffers cost at their first use, which is not to be the time of the first candidate: so long its work is run through before, piece by piece. On
 * processors the first use of a large matrix takes longer than its product: there, and where each piece is long, all are timed on the pieces that this
 * had time for. Elsewhere on all of them, so that a GPU's caches do not hold what is timed: the others are run together.
 */
const firstUseMs = 150;
/** A piece of the work that takes longer than this on the GPU is long. */
const longPieceMs = 10;
/** So many short pieces are run together at most. */
const mostShort = 8;
/** What would take longer in one go is timed on fewer rows, as some drivers reset a GPU that is busy for two seconds. */
const longestMs = 100;
/** So many rows are tried before all, as far as a kernel runs for so few. */
const firstRows = [16, 64];
/** The fastest, and what came so near that noise may have decided, are measured again by turns. */
const finalists = 3;
const near = 1.5;
const finalRounds = 4;

/** What it takes to time something on a device. */
export interface Timing {
  device: GPUDevice;
  /** The device is a processor. */
  software?: boolean;
  ledger: Ledger;
  kernels: KernelCache;
  clock: PassClock;
  /** Milliseconds by which deadlines are told: performance.now(), but for tests, whose results may not hang on how much fits into a time. */
  now: () => number;
}

interface Entry<T> extends Timed<T> {
  program: Program;
  /** Another sample, in milliseconds per piece. */
  again(): Promise<number>;
}

/**
 * What was measured before `deadline` (by `now`), fastest first. Candidates that do not compile are left out. `ahead`: how many more
 * compile while one is measured. Where the clock tells nothing, times are rough and compare nothing. Work that would take a slow GPU over
 * 100 ms in one go is never done, but timed on fewer rows: 16 first, then 64.
 */
export async function rank<T>(
  { device, software, ledger, kernels, clock, now }: Timing,
  step: Step,
  candidates: Candidate<T>[],
  deadline: number,
  ahead = 0,
): Promise<Timed<T>[]> {
  const entries: Entry<T>[] = [];
  let used = Infinity; // pieces of the work that all are timed on, whose buffers were used
  try {
    for (const [i, { value, dispatches, together = 1 }] of candidates.entries()) {
      for (const next of candidates.slice(i + 1, i + 1 + ahead)) void Promise.allSettled(next.dispatches.map(({ kernel }) => kernels.get(kernel)));
      const program = await before(now, deadline, createProgram(device, ledger, kernels, 'autotune', dispatches));
      if (program === 'late') break;
      if (program === 'failed') continue;
      const best = Math.min(...entries.map(({ ms }) => ms));
      const measured = await measure(clock, now, program, { together, most: used, software }, step, best, deadline);
      if (!measured) {
        program.destroy();
        break;
      }
      used = measured.used;
      entries.push({ value, program, ms: measured.ms, again: measured.again });
    }
    const usual = entries[0];
    const byTime = () => entries.sort((a, b) => a.ms - b.ms);
    const finals = byTime()
      .slice(0, finalists)
      .filter(({ ms }) => ms <= near * entries[0].ms);
    for (let round = 0; round < finalRounds && finals.length > 1; round++) {
      for (const entry of finals) {
        if (now() + entry.ms < deadline) entry.ms = Math.min(entry.ms, await entry.again());
      }
    }
    if (usual) usual.ms *= 1 - margin;
    return byTime().map(({ value, ms }) => ({ value, ms }));
  } finally {
    for (const { program } of entries) program.destroy();
  }
}

/** The program, if it is there in time; one that comes later is freed then. */
async function before(now: Timing['now'], deadline: number, making: Promise<Program>): Promise<Program | 'late' | 'failed'> {
  let late = now() >= deadline;
  const made = making.then(
    (program) => {
      if (late) program.destroy();
      return late ? ('late' as const) : program;
    },
    () => 'failed' as const,
  );
  if (late) return 'late';
  let timer: ReturnType<typeof setTimeout> | undefined;
  const waited = new Promise<'late'>((resolve) => {
    const look = (): void => {
      late = now() >= deadline;
      if (late) resolve('late');
      else timer = setTimeout(look, deadline - now());
    };
    look();
  });
  const result = await Promise.race([made, waited]);
  clearTimeout(timer);
  return result;
}

/**
 * Milliseconds per piece, the least of some samples, of fewer rows where all would take too long, and a way to take more; undefined if the
 * time is over before one is taken.
 */
async function measure(
  clock: PassClock,
  now: Timing['now'],
  program: Program,
  { together, most, software }: { together: number; most: number; software?: boolean },
  step: Step,
  best: number,
  deadline: number,
): Promise<(Pick<Entry<unknown>, 'ms' | 'again'> & { used: number }) | undefined> {
  let length = Math.min(most, program.dispatches.length / together);
  const steps = [
    ...firstRows
      .filter((rows) => rows < step.rows)
      .map((rows) => ({ ...step, rows, length: rows }))
      .filter((each) => workgroups(program, each) > 0),
    step,
  ];
  let at = 0;
  let next = 0;
  const time = (count: number): Promise<number> =>
    clock.time((pass) => {
      for (let left = count; left > 0;) {
        const end = Math.min(length, next + left);
        program.encode(pass, steps[at], next * together, end * together);
        left -= end - next;
        next = end % length;
      }
    });
  const sampleMs = (await clock.sampleMs()) ?? 0;
  await time(1); // some drivers compile at the first use
  if (best === Infinity) {
    length = await useFirst(time, now, length, software);
    next = 0;
  }
  if (now() >= deadline) return undefined;
  let sample = await time(1);
  const times = (of: Step) => workgroups(program, step) / workgroups(program, of);
  while (at + 1 < steps.length && (sample * times(steps[at])) / times(steps[at + 1]) <= longestMs) {
    if (now() >= deadline) return undefined;
    at++;
    sample = await time(1);
  }
  const share = times(steps[at]); // so many times the work that is timed is a piece
  let count = 1;
  while (sample < sampleMs) {
    count *= sample ? Math.min(8, Math.ceil((1.3 * sampleMs) / sample)) : 4;
    sample = await time(count);
  }
  let spent = sample;
  for (let n = 1; n < samples && spent < mostMs && share * sample < 1.5 * best * count && now() < deadline; n++) {
    const again = await time(count);
    spent += again;
    sample = Math.min(sample, again);
  }
  return { ms: (share * sample) / count, again: async () => (share * (await time(count))) / count, used: length };
}

/** Runs the pieces of the work behind the first one for their first time, as far as that pays (`firstUseMs`); gives how many all are to be timed on. */
async function useFirst(time: (count: number) => Promise<number>, now: Timing['now'], length: number, software?: boolean): Promise<number> {
  const begun = now();
  let used = 1;
  let pieceMs = Infinity;
  for (; used < length && now() - begun < firstUseMs; used++) pieceMs = Math.min(pieceMs, await time(1));
  if (software || pieceMs > longPieceMs) return used;
  for (; used < length; used += mostShort) await time(Math.min(mostShort, length - used));
  return length;
}

/** Of all dispatches in a step. */
const workgroups = ({ dispatches }: Program, step: Step): number =>
  dispatches.reduce((sum, { grid }) => sum + grid(step).reduce<number>((a, b = 1) => a * b, 1), 0);
