// The requests under way, in the order in which they get their next turn: who is let in, who gives way, who has ended. Runs
// nothing.
import { type Timed, type Wishes, compareDue, comparePriority, compareUrgency } from './urgency.ts';

/** A request under way: first its prompt is run, then tokens are chosen one after the other. */
export interface Job<Token> extends Wishes {
  /** Tokens of the prompt that are still to be run; none while it answers. There are some again where tokens were taken that nobody chose. */
  readonly promptLeft: number;
  /** Tokens that it may still choose. */
  readonly tokensLeft: number;
  /** Whether the CPU has a part in each of its tokens, so that none is made ahead. */
  readonly alone?: boolean;
  readonly signal?: AbortSignal;
  /** The same for those that are one request to whoever asks, as its several texts; default: it is one by itself. */
  readonly request?: unknown;
  /** Takes tokens in order; false once it has enough. */
  take(tokens: Token[]): boolean;
}

/** Where jobs are run: how many of them, and how far, is not known here. */
export interface Rooms<J> {
  /** Gives a job what it is run in; false while the others leave no room, `later` while one of them is about to run what it begins with. */
  admit(job: J): Promise<boolean | 'later'>;
  /** Whether there is room for the next tokens of a job. */
  hasRoom(job: J): boolean;
  /** Where something that is no job has what jobs wait for: resolves once it is given back. Undefined, or absent, where nothing else has. */
  whenGiven?(): Promise<void> | undefined;
  /** Takes back what a job was run in: it has ended, or it gives way, to be admitted again with all of its tokens as the prompt. */
  release(job: J, gaveWay: boolean): void;
}

export interface Entry<J> extends Timed {
  job: J;
  isAdmitted: boolean;
  /** Has asked for room in vain: it waits for another to end. */
  isRefused: boolean;
  end(error?: unknown): void;
}

export interface Jobs<J> {
  readonly rooms: Rooms<J>;
  /** In the order in which they get their next turn. */
  readonly entries: Entry<J>[];
}

function release<J>({ rooms }: Jobs<J>, entry: Entry<J>, gaveWay: boolean): void {
  if (entry.isAdmitted) rooms.release(entry.job, gaveWay);
  entry.isAdmitted = false;
}

export function finish<J extends Job<never>>(jobs: Jobs<J>, entry: Entry<J>, error?: unknown): void {
  const at = jobs.entries.indexOf(entry);
  if (at < 0) return;
  jobs.entries.splice(at, 1);
  release(jobs, entry, false);
  entry.end(entry.job.signal?.aborted ? undefined : error);
}

/** To the end of the line. */
export function wait<J>({ entries }: Jobs<J>, entry: Entry<J>): void {
  const at = entries.indexOf(entry);
  if (at >= 0) entries.push(...entries.splice(at, 1));
}

export const isUnderWay = <J extends Job<never>>({ entries }: Jobs<J>, entry: Entry<J>): boolean => entries.includes(entry) && !entry.job.signal?.aborted;

export function dropAborted<J extends Job<never>>(jobs: Jobs<J>): void {
  [...jobs.entries].filter(({ job }) => job.signal?.aborted).forEach((entry) => finish(jobs, entry));
}

/**
 * Whether a job can be run now. Those that wait for room are admitted by their priorities, and in the order in which they came; what is less
 * urgent gives way to them.
 */
export async function isReady<J extends Job<never>>(jobs: Jobs<J>, entry: Entry<J>): Promise<boolean> {
  const { rooms, entries } = jobs;
  if (entry.isAdmitted) return true;
  const isFirst = !entries.some((other) => !other.isAdmitted && compareUrgency(other, entry) < 0);
  let admitted = isFirst && (await rooms.admit(entry.job));
  for (let last; !admitted && isFirst && (last = leastUrgent(jobs, entry)); ) {
    release(jobs, last, true);
    admitted = await rooms.admit(entry.job);
  }
  entry.isAdmitted = admitted === true;
  entry.isRefused = !entry.isAdmitted;
  if (entries.includes(entry)) return entry.isAdmitted;
  release(jobs, entry, false); // aborted meanwhile
  return false;
}

/** Of those that are run in something, the last to have a turn; of those alone that are less urgent than `than`, if given. */
function leastUrgent<J extends Job<never>>({ entries }: Jobs<J>, than?: Entry<J>): Entry<J> | undefined {
  return entries
    .filter((each) => each.isAdmitted && (!than || comparePriority(each, than) > 0))
    .toSorted(compareUrgency)
    .at(-1);
}

/** Those whose prompt is to be run, the most urgent first. `byTargets`: of the same priority, those whose first token is due first; else in line. */
export const promptsInOrder = <J extends Job<never>>({ entries }: Jobs<J>, byTargets: boolean): Entry<J>[] =>
  inOrder(entries.filter(({ job }) => job.promptLeft > 0), byTargets);

/** In line, but for priorities. */
function inOrder<J extends Job<never>>(entries: readonly Entry<J>[], byTargets = false): Entry<J>[] {
  return entries.toSorted((a, b) => comparePriority(a, b) || (byTargets ? compareDue(a, b) : 0));
}

/** The jobs of the next steps: the most urgent of those that answer, who have waited longest, `most` of them. One whose tokens need the CPU is alone. */
export function nextGroup<J extends Job<never>>({ entries }: Jobs<J>, most: number): Entry<J>[] {
  const answering = inOrder(entries.filter(({ job }) => job.promptLeft === 0));
  if (answering[0]?.job.alone) return [answering[0]];
  return answering.filter(({ job }) => !job.alone).slice(0, most);
}

/** Where there is no room for a job's next tokens, the least urgent of those that have some gives way, be it the job itself. */
export function makeRoom<J extends Job<never>>(jobs: Jobs<J>, entry: Entry<J>): void {
  while (!jobs.rooms.hasRoom(entry.job)) {
    if (jobs.entries.filter(({ isAdmitted }) => isAdmitted).length < 2) return; // nobody is in its way: the step tells what is short
    const last = leastUrgent(jobs)!;
    release(jobs, last, true);
    if (last === entry) return;
  }
}

/** Whether others have a turn after the next tokens of these. */
export const othersWait = <J>({ entries }: Jobs<J>, group: readonly Entry<J>[]): boolean =>
  entries.some((entry) => !group.includes(entry) && !entry.isRefused);
