// Turns requests into steps: one chunk of the prompt that has waited longest, then tokens of all that answer, and so on, so
// that a long prompt holds nobody up and nobody starves. Knows neither text nor buffers; what runs a step is handed in.

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
  /** Runs a chunk of the prompt of a job; with its last one comes the first token. */
  prefill(job: J): Promise<Token | undefined>;
  /** Submits steps of the jobs together, `most` at most; the inner promise gives what each job's steps chose, in order. */
  decode(jobs: readonly J[], most: number): Promise<{ tokens: Promise<Token[][]>; count: number }>;
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
  end(error?: unknown): void;
}

export function createScheduler<Token, J extends Job<Token>>(steps: Steps<J, Token>): Scheduler<J> {
  const entries: Entry<J>[] = []; // in the order in which they get their next turn
  let looping = false;

  function finish(entry: Entry<J>, error?: unknown): void {
    const at = entries.indexOf(entry);
    if (at < 0) return;
    entries.splice(at, 1);
    entry.end(error);
  }

  /** To the end of the line. */
  function wait(entry: Entry<J>): void {
    const at = entries.indexOf(entry);
    if (at >= 0) entries.push(...entries.splice(at, 1));
  }

  const dropAborted = (): void => [...entries].filter(({ job }) => job.signal?.aborted).forEach((entry) => finish(entry));

  function deliver(entry: Entry<J>, tokens: Token[]): void {
    if (!entries.includes(entry)) return; // it has ended: these were made in vain
    try {
      if (!entry.job.take(tokens) || entry.job.tokensLeft < 1) finish(entry);
    } catch (error) {
      finish(entry, error);
    }
  }

  async function runChunk(): Promise<void> {
    const entry = entries.find(({ job }) => job.promptLeft > 0);
    if (!entry) return;
    try {
      const first = await steps.prefill(entry.job);
      wait(entry);
      if (first !== undefined) deliver(entry, [first]);
    } catch (error) {
      finish(entry, entry.job.signal?.aborted ? undefined : error);
    }
  }

  /** The jobs of the next steps: those that answer and have waited longest. One whose tokens need the CPU is alone. */
  function nextGroup(): Entry<J>[] {
    const answering = entries.filter(({ job }) => job.promptLeft === 0);
    if (answering[0]?.job.alone) return [answering[0]];
    return answering.filter(({ job }) => !job.alone).slice(0, steps.mostTogether);
  }

  const isWanted = (group: Entry<J>[]): boolean => group.every((entry) => entries.includes(entry) && !entry.job.signal?.aborted);
  /** Whether others have a turn after the next tokens of these. */
  const othersWait = (group: Entry<J>[]): boolean => entries.some((entry) => !group.includes(entry));

  /** Tokens of one group: until somebody else has a turn, or one of them ends. */
  async function runTokens(): Promise<void> {
    const group = nextGroup();
    if (!group.length) return;
    const jobs = group.map(({ job }) => job);
    const pending: Promise<Token[][]>[] = [];
    const left = jobs.map((job) => job.tokensLeft);
    const take = async (): Promise<void> => {
      const made = await pending.shift()!;
      group.forEach((entry, i) => deliver(entry, made[i]));
    };
    try {
      do {
        const { tokens, count } = await steps.decode(jobs, Math.min(...left));
        tokens.catch(() => {}); // awaited below, maybe after the next submit
        pending.push(tokens);
        left.forEach((_, i) => (left[i] -= count));
        while (pending.length > (steps.readsBehind(jobs) && !othersWait(group) ? 1 : 0)) await take();
      } while (!othersWait(group) && isWanted(group) && Math.min(...left) > 0);
      while (pending.length) await take();
    } catch (error) {
      await Promise.allSettled(pending); // a buffer that is mapped takes no copy
      group.forEach((entry) => finish(entry, entry.job.signal?.aborted ? undefined : error));
    }
    group.forEach(wait);
  }

  async function loop(): Promise<void> {
    looping = true;
    try {
      while (entries.length) {
        dropAborted();
        await runChunk();
        dropAborted();
        await runTokens();
      }
    } finally {
      looping = false;
    }
  }

  return {
    get jobs() {
      return entries.length;
    },
    run: (job) => new Promise((resolve, reject) => {
      entries.push({ job, end: (error) => (error === undefined ? resolve() : reject(error as Error)) });
      if (!looping) void loop();
    }),
  };
}
