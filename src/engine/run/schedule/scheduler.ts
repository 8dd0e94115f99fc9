// Turns requests into steps: one chunk of the prompt that has waited longest, then tokens of all that answer, and so on, so
// that a long prompt holds nobody up and nobody of the same priority starves. Knows neither text nor buffers; what runs a step, and the clock,
// are handed in.
import { RequestError } from '../../../errors.ts';
import { everySignal } from '../../../signals.ts';
import {
  type Entry, type Job, type Jobs, type Rooms, dropAborted, finish, isReady, isUnderWay, makeRoom, nextGroup, othersWait, promptsInOrder, wait,
} from './jobs.ts';
import { isHeldBack } from './urgency.ts';

/** What runs steps. */
export interface Steps<J, Token> extends Rooms<J> {
  /** Runs a chunk of the prompt of a job, or several if it is `alone`; with its last one comes the first token, or none if it wants none. */
  prefill(job: J, alone: boolean): Promise<Token[] | undefined>;
  /** Whether the whole prompt of a job, which wants no token, may be run in one step with those of others. Absent: each is run alone. */
  joins?(job: J, others: readonly J[]): boolean;
  /** Runs whole prompts in one step; gives of how many, from the first on. */
  prefillTogether?(jobs: readonly J[]): Promise<number>;
  /** Submits steps of the jobs together, `most` at most of each; then each job's promise gives what they chose, in order. */
  decode(jobs: readonly J[], most: number, signal?: AbortSignal): Promise<{ tokens: Promise<Token[]>[]; count: number }>;
  /** The one of the jobs that an error of `decode` is of, where nothing was run yet and the others can go on. */
  failed?(error: unknown, jobs: readonly J[]): J | undefined;
  /** Whether tokens are read while the next steps run. */
  readsBehind(jobs: readonly J[]): boolean;
  /** Most jobs of a step. */
  readonly mostTogether: number;
  /** Most tokens of a chunk. Default: all that a turn runs are one. */
  readonly mostRows?: number;
}

export interface Scheduler<J> {
  /** Resolves once the job has enough or its signal is aborted, at once if it still waits; rejects with what ended it otherwise. */
  run(job: J): Promise<void>;
  /** Does `work` between two turns, while no step is under way. */
  between<T>(work: () => Promise<T>): Promise<T>;
  /** Jobs under way. */
  readonly jobs: number;
}

export interface SchedulerOptions {
  /** Milliseconds. */
  now?: () => number;
  /** Most requests under way, of one job or several; what comes then is refused. */
  most?: number;
}

interface Schedule<J, Token> extends Jobs<J> {
  readonly steps: Steps<J, Token>;
  readonly now: () => number;
  /** Work to be done between turns. */
  readonly errands: (() => Promise<void>)[];
  /** Chunks that were run; every other one goes to who is due first, so that who names no target has turns too. */
  chunks: number;
  /** Milliseconds that one chunk took lately. */
  chunkMs: number;
  /** Turns without a chunk, as tokens were due. */
  heldBack: number;
}

/** Turns that a prompt waits at most for the tokens of others that are due: where not all can be met, it goes on all the same. */
const mostHeldBack = 4;

export function createScheduler<Token, J extends Job<Token>>(
  steps: Steps<J, Token>,
  { now = () => performance.now(), most = Infinity }: SchedulerOptions = {},
): Scheduler<J> {
  const schedule: Schedule<J, Token> = { steps, now, rooms: steps, entries: [], errands: [], chunks: 0, chunkMs: 0, heldBack: 0 };
  const { entries, errands } = schedule;
  let looping = false;
  let age = 0;
  let changes = 0;
  let changed = (): void => {};
  const wake = (): void => {
    changes++;
    changed();
  };

  async function loop(): Promise<void> {
    if (looping) return;
    looping = true;
    while (entries.length || errands.length) {
      try {
        const before = changes;
        await errands.shift()?.();
        const held = entries.length ? await runTurn(schedule) : undefined;
        if (held && changes === before && !errands.length) await Promise.race([held.given, new Promise<void>((resolve) => void (changed = resolve))]);
      } catch (error) {
        [...entries].forEach((entry) => finish(schedule, entry, error));
      }
    }
    looping = false;
  }

  async function run(job: J): Promise<void> {
    const { signal } = job;
    if (signal?.aborted) return;
    if (isFull(entries, job, most))
      throw new RequestError(`${most} requests are under way or wait, as many as may (queue). Ask again when some have ended.`, {
        code: 'queue_full',
      });
    let leave!: () => void;
    try {
      await new Promise<void>((resolve, reject) => {
        const entry: Entry<J> = {
          job, age: age++, came: now(), taken: 0, isAdmitted: false, isRefused: false,
          end: (error) => (error === undefined ? resolve() : reject(error as Error)),
        };
        leave = () => {
          if (!entry.isAdmitted) finish(schedule, entry);
          wake();
        };
        signal?.addEventListener('abort', leave);
        entries.push(entry);
        wake();
        void loop();
      });
    } finally {
      signal?.removeEventListener('abort', leave);
    }
  }

  return {
    get jobs() {
      return entries.length;
    },
    run,
    between: (work) => new Promise((resolve, reject) => {
      errands.push(() => work().then(resolve, reject));
      wake();
      void loop();
    }),
  };
}

/** Whether a job would be one request too many; where others of its request are under way it is none more. */
function isFull<J extends Job<never>>(entries: readonly Entry<J>[], job: J, most: number): boolean {
  if (entries.length < most) return false;
  const requests = new Set(entries.map(({ job: each }) => each.request ?? each));
  return requests.size >= most && !requests.has(job.request ?? job);
}

/** One chunk and the tokens of one group. Where nothing could be run, as something that is no job has what all wait for: until when. */
async function runTurn<Token, J extends Job<Token>>(schedule: Schedule<J, Token>): Promise<{ given: Promise<void> } | undefined> {
  const { entries, steps } = schedule;
  dropAborted(schedule);
  const before = entries.length;
  const ranChunk = await runChunk(schedule);
  dropAborted(schedule);
  const ranTokens = await runTokens(schedule);
  if (before === 0 || ranChunk || ranTokens || entries.length !== before) return undefined;
  const given = steps.whenGiven?.();
  if (!given) throw new Error('Nothing can be run of the requests under way, and none waits for another.');
  return { given };
}

/** A chunk of the most urgent prompt of those that can be run, of these the one that has waited longest, unless tokens are due. False if there is none. */
async function runChunk<Token, J extends Job<Token>>(schedule: Schedule<J, Token>): Promise<boolean> {
  const { entries, now } = schedule;
  const order = promptsInOrder(schedule, schedule.chunks % 2 === 0);
  for (const [i, entry] of order.entries()) {
    let group = [entry];
    try {
      if (!(await isReady(schedule, entry))) continue;
      const answering = entries.filter(({ job }) => job.promptLeft === 0);
      if (schedule.heldBack < mostHeldBack && isHeldBack(entry, answering, now(), schedule.chunkMs)) {
        schedule.heldBack++;
        return true;
      }
      group = await joined(schedule, entry, order.slice(i + 1));
      const begun = now();
      const left = entry.job.promptLeft;
      const { first, ran } = await prefill(schedule, group);
      const chunks = Math.max(1, Math.ceil((left - entry.job.promptLeft) / (schedule.steps.mostRows ?? Infinity)));
      Object.assign(schedule, { chunks: schedule.chunks + 1, chunkMs: (now() - begun) / chunks, heldBack: 0 });
      for (const each of group) wait(schedule, each);
      if (first !== undefined) for (const each of group.slice(0, ran)) await deliver(schedule, each, Promise.resolve(first));
    } catch (error) {
      for (const each of group) finish(schedule, each, error);
    }
    return true;
  }
  return false;
}

/** A prompt with those behind it that are run in the same step. */
async function joined<Token, J extends Job<Token>>(schedule: Schedule<J, Token>, first: Entry<J>, others: readonly Entry<J>[]): Promise<Entry<J>[]> {
  const group = [first];
  for (const other of others)
    if (schedule.steps.joins?.(other.job, group.map(({ job }) => job)) && (await isReady(schedule, other))) group.push(other);
  return group;
}

/** A chunk of one prompt, with whose last one its first token comes, or several whole ones that want none: of so many, from the first on. */
async function prefill<Token, J extends Job<Token>>(
  { steps, entries }: Schedule<J, Token>, group: readonly Entry<J>[],
): Promise<{ first?: Token[]; ran: number }> {
  if (group.length === 1) return { first: await steps.prefill(group[0].job, entries.length === 1), ran: 1 };
  return { first: [], ran: await steps.prefillTogether!(group.map(({ job }) => job)) };
}

/** Tokens of one group: until somebody else has a turn, or one of them ends. False if none answers. */
async function runTokens<Token, J extends Job<Token>>(schedule: Schedule<J, Token>): Promise<boolean> {
  const { steps } = schedule;
  nextGroup(schedule, steps.mostTogether).forEach((entry) => makeRoom(schedule, entry));
  const group = nextGroup(schedule, steps.mostTogether);
  if (!group.length) return false;
  const jobs = group.map(({ job }) => job);
  const signal = everySignal(jobs.map((job) => job.signal));
  const pending: Promise<Token[]>[][] = [];
  const left = jobs.map((job) => job.tokensLeft);
  const othersAreNext = () => schedule.errands.length > 0 || othersWait(schedule, group);
  const answers = (entry: Entry<J>) => isUnderWay(schedule, entry) && entry.job.promptLeft === 0;
  const goesOn = () => group.every(answers) && Math.min(...left) > 0 && jobs.every((job) => steps.hasRoom(job));
  /** Whether the tokens that were made last are read while the next ones are made. */
  const staysBehind = () => pending.length === 1 && group.every(answers) && !othersAreNext() && steps.readsBehind(jobs);
  const take = async (): Promise<void> => {
    const made = pending.shift()!;
    for (const [i, entry] of group.entries()) await deliver(schedule, entry, made[i]);
  };
  try {
    do {
      const { tokens, count } = await steps.decode(jobs, Math.min(...left), signal);
      for (const each of tokens) each.catch(() => {}); // awaited below, maybe after the next submit
      pending.push(tokens);
      left.forEach((_, i) => (left[i] -= count));
      while (pending.length && !staysBehind()) await take();
    } while (!othersAreNext() && goesOn());
    while (pending.length) await take();
  } catch (error) {
    await Promise.allSettled(pending.flat()); // a buffer that is mapped takes no copy
    const failed = steps.failed?.(error, jobs);
    group.filter(({ job }) => !failed || job === failed).forEach((entry) => finish(schedule, entry, error));
    while (failed && pending.length) await take(); // what the others were made before
  }
  group.forEach((entry) => wait(schedule, entry));
  return true;
}

/** Gives a job its tokens; if it has ended, they were made in vain. */
async function deliver<Token, J extends Job<Token>>(schedule: Schedule<J, Token>, entry: Entry<J>, made: Promise<Token[]>): Promise<void> {
  try {
    const tokens = await made;
    if (tokens.length) entry.firstAt ??= schedule.now();
    entry.taken += tokens.length;
    if (isUnderWay(schedule, entry) && (!entry.job.take(tokens) || entry.job.tokensLeft < 1)) finish(schedule, entry);
  } catch (error) {
    finish(schedule, entry, error);
  }
}
