// Turns requests into steps: one chunk of the prompt that has waited longest, then tokens of all that answer, and so on, so
// that a long prompt holds nobody up and nobody starves. Knows neither text nor buffers; what runs a step is handed in.
import { everySignal } from '../../signals.ts';

/** A request under way: first its prompt is run, then tokens are chosen one after the other. */
export interface Job<Token> {
  /** Tokens of the prompt that are still to be run; none once it answers. */
  readonly promptLeft: number;
  /** Tokens that it may still choose. */
  readonly tokensLeft: number;
  /** Whether the CPU has a part in each of its tokens, so that none is made ahead. */
  readonly alone?: boolean;
  readonly signal?: AbortSignal;
  /** Takes tokens in order; false once it has enough. */
  take(tokens: Token[]): boolean;
}

/** What runs steps. */
export interface Steps<J, Token> {
  /** Gives a job what it is run in; false while the others leave no room, or are about to run what it begins with. */
  admit(job: J): Promise<boolean>;
  /** Whether there is room for the next tokens of a job. */
  hasRoom(job: J): boolean;
  /** Takes back what a job was run in: it has ended, or it gives way, to be admitted again with all of its tokens as the prompt. */
  release(job: J, gaveWay: boolean): void;
  /** Runs a chunk of the prompt of a job; with its last one comes the first token. */
  prefill(job: J): Promise<Token | undefined>;
  /** Submits steps of the jobs together, `most` at most of each; then each job's promise gives what they chose, in order. */
  decode(jobs: readonly J[], most: number, signal?: AbortSignal): Promise<{ tokens: Promise<Token[]>[]; count: number }>;
  /** Whether tokens are read while the next steps run. */
  readsBehind(jobs: readonly J[]): boolean;
  /** Most jobs of a step. */
  readonly mostTogether: number;
}

export interface Scheduler<J> {
  /** Resolves once the job has enough or its signal is aborted; rejects with what ended it otherwise. */
  run(job: J): Promise<void>;
  /** Jobs under way. */
  readonly jobs: number;
}

interface Entry<J> {
  job: J;
  /** In the order in which jobs came: the youngest gives way where room is short. */
  age: number;
  isAdmitted: boolean;
  /** Has asked for room in vain: it waits for another to end. */
  isRefused: boolean;
  end(error?: unknown): void;
}

export function createScheduler<Token, J extends Job<Token>>(steps: Steps<J, Token>): Scheduler<J> {
  const entries: Entry<J>[] = []; // in the order in which they get their next turn
  let looping = false;
  let came = 0;

  function release(entry: Entry<J>, gaveWay: boolean): void {
    if (entry.isAdmitted) steps.release(entry.job, gaveWay);
    entry.isAdmitted = false;
  }

  function finish(entry: Entry<J>, error?: unknown): void {
    const at = entries.indexOf(entry);
    if (at < 0) return;
    entries.splice(at, 1);
    release(entry, false);
    entry.end(entry.job.signal?.aborted ? undefined : error);
  }

  /** To the end of the line. */
  function wait(entry: Entry<J>): void {
    const at = entries.indexOf(entry);
    if (at >= 0) entries.push(...entries.splice(at, 1));
  }

  const isUnderWay = (entry: Entry<J>): boolean => entries.includes(entry) && !entry.job.signal?.aborted;
  const dropAborted = (): void => [...entries].filter(({ job }) => job.signal?.aborted).forEach((entry) => finish(entry));

  /** Gives a job its tokens; if it has ended, they were made in vain. */
  async function deliver(entry: Entry<J>, made: Promise<Token[]>): Promise<void> {
    try {
      const tokens = await made;
      if (isUnderWay(entry) && (!entry.job.take(tokens) || entry.job.tokensLeft < 1)) finish(entry);
    } catch (error) {
      finish(entry, error);
    }
  }

  /** Whether a job can be run now. Those that wait for room are admitted in the order in which they came. */
  async function isReady(entry: Entry<J>): Promise<boolean> {
    if (entry.isAdmitted) return true;
    const isFirst = !entries.some((other) => !other.isAdmitted && other.age < entry.age);
    entry.isAdmitted = isFirst && (await steps.admit(entry.job));
    entry.isRefused = !entry.isAdmitted;
    return entry.isAdmitted;
  }

  /** A chunk of the prompt that has waited longest of those that can be run. False if there is none. */
  async function runChunk(): Promise<boolean> {
    for (const entry of entries.filter(({ job }) => job.promptLeft > 0)) {
      try {
        if (!(await isReady(entry))) continue;
        const first = await steps.prefill(entry.job);
        wait(entry);
        if (first !== undefined) await deliver(entry, Promise.resolve([first]));
      } catch (error) {
        finish(entry, error);
      }
      return true;
    }
    return false;
  }

  /** The jobs of the next steps: those that answer and have waited longest. One whose tokens need the CPU is alone. */
  function nextGroup(): Entry<J>[] {
    const answering = entries.filter(({ job }) => job.promptLeft === 0);
    if (answering[0]?.job.alone) return [answering[0]];
    return answering.filter(({ job }) => !job.alone).slice(0, steps.mostTogether);
  }

  /** Where there is no room for a job's next tokens, the youngest of those that have some gives way, be it the job itself. */
  function makeRoom(entry: Entry<J>): void {
    while (!steps.hasRoom(entry.job)) {
      const youngest = entries.filter(({ isAdmitted }) => isAdmitted).toSorted((a, b) => b.age - a.age);
      if (youngest.length < 2) return; // nobody is in its way: the step tells what is short
      release(youngest[0], true);
      if (youngest[0] === entry) return;
    }
  }

  /** Whether others have a turn after the next tokens of these. */
  const othersWait = (group: Entry<J>[]): boolean => entries.some((entry) => !group.includes(entry) && !entry.isRefused);

  /** Tokens of one group: until somebody else has a turn, or one of them ends. False if none answers. */
  async function runTokens(): Promise<boolean> {
    nextGroup().forEach(makeRoom);
    const group = nextGroup();
    if (!group.length) return false;
    const jobs = group.map(({ job }) => job);
    const signal = everySignal(jobs.map((job) => job.signal));
    const pending: Promise<Token[]>[][] = [];
    const left = jobs.map((job) => job.tokensLeft);
    const take = async (): Promise<void> => {
      const made = pending.shift()!;
      for (const [i, entry] of group.entries()) await deliver(entry, made[i]);
    };
    try {
      do {
        const { tokens, count } = await steps.decode(jobs, Math.min(...left), signal);
        for (const each of tokens) each.catch(() => {}); // awaited below, maybe after the next submit
        pending.push(tokens);
        left.forEach((_, i) => (left[i] -= count));
        while (pending.length > (steps.readsBehind(jobs) && !othersWait(group) ? 1 : 0)) await take();
      } while (!othersWait(group) && group.every(isUnderWay) && Math.min(...left) > 0 && jobs.every((job) => steps.hasRoom(job)));
      while (pending.length) await take();
    } catch (error) {
      await Promise.allSettled(pending.flat()); // a buffer that is mapped takes no copy
      group.forEach((entry) => finish(entry, error));
    }
    group.forEach(wait);
    return true;
  }

  /** One chunk and the tokens of one group. */
  async function runTurn(): Promise<void> {
    dropAborted();
    const before = entries.length;
    const ranChunk = await runChunk();
    dropAborted();
    const ranTokens = await runTokens();
    if (before > 0 && !ranChunk && !ranTokens && entries.length === before)
      throw new Error('Nothing can be run of the requests under way, and none waits for another.');
  }

  async function loop(): Promise<void> {
    looping = true;
    while (entries.length) {
      try {
        await runTurn();
      } catch (error) {
        [...entries].forEach((entry) => finish(entry, error));
      }
    }
    looping = false;
  }

  return {
    get jobs() {
      return entries.length;
    },
    run: (job) => new Promise((resolve, reject) => {
      entries.push({ job, age: came++, isAdmitted: false, isRefused: false, end: (error) => (error === undefined ? resolve() : reject(error as Error)) });
      if (!looping) void loop();
    }),
  };
}
