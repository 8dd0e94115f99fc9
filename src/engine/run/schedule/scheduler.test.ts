import { expect, it } from 'vitest';
import { failedOf, noteFailed } from './failed.ts';
import { type Job } from './jobs.ts';
import { type Steps, createScheduler } from './scheduler.ts';

interface Fake extends Job<string> {
  name: string;
  promptLeft: number;
  tokensLeft: number;
  got: string[];
}

/** A job of `chunks` chunks and `tokens` tokens, which ends early at `stop`. */
function fake(name: string, chunks: number, tokens: number, more: { stop?: number; signal?: AbortSignal; alone?: boolean } = {}): Fake {
  const job: Fake = {
    name, promptLeft: chunks, tokensLeft: tokens, got: [], alone: more.alone, signal: more.signal,
    take(made) {
      for (const token of made) {
        job.got.push(token);
        job.tokensLeft--;
        if (job.got.length === more.stop) return false;
      }
      return true;
    },
  };
  return job;
}

/** Notes each step; every job's tokens are its name and a count. */
function fakeSteps({
  perSubmit = 1,
  behind = false,
  fail,
  rooms = Infinity,
  room = Infinity,
}: {
  perSubmit?: number;
  behind?: boolean;
  fail?: (step: string) => boolean;
  /** Jobs, and their tokens, that there is room for. */ rooms?: number;
  room?: number;
} = {}) {
  const admitted = new Set<Fake>();
  const isRoomFor = (jobs: Fake[]) => jobs.reduce((sum, { got }) => sum + got.length, 0) < room;
  const log: string[] = [];
  const made = new Map<Fake, number>();
  const next = (job: Fake) => {
    made.set(job, (made.get(job) ?? 0) + 1);
    return `${job.name}${made.get(job)}`;
  };
  const step = (text: string) => {
    log.push(text);
    if (fail?.(text)) throw new Error(`${text} failed`);
  };
  const steps: Steps<Fake, string> = {
    mostTogether: 3,
    readsBehind: () => behind,
    async admit(job) {
      if (admitted.size >= rooms || !isRoomFor([...admitted, job])) return false;
      admitted.add(job);
      return true;
    },
    hasRoom: () => isRoomFor([...admitted]),
    release(job, gaveWay) {
      if (!admitted.delete(job)) throw new Error(`${job.name} has nothing to release.`);
      if (!gaveWay) return;
      log.push(`${job.name} gives way`);
      job.promptLeft = 1;
    },
    async prefill(job) {
      step(`chunk ${job.name}`);
      return --job.promptLeft ? undefined : [next(job)];
    },
    async decode(jobs, most) {
      const count = Math.min(perSubmit, most);
      step(`decode ${jobs.map(({ name }) => name).join('')} ${count}`);
      return {
        count,
        tokens: jobs.map((job) =>
          fail?.(`token ${job.name}`) ? Promise.reject(new Error(`token ${job.name} failed`)) : Promise.resolve(Array.from({ length: count }, () => next(job))),
        ),
      };
    },
  };
  return { log, steps, admitted };
}

it('runs a prompt in chunks, then its tokens, as many per submit as it may still choose', async () => {
  const { log, steps } = fakeSteps({ perSubmit: 2 });
  const job = fake('a', 3, 4);
  await createScheduler(steps).run(job);
  expect(log).toEqual(['chunk a', 'chunk a', 'chunk a', 'decode a 2', 'decode a 1']);
  expect(job.got).toEqual(['a1', 'a2', 'a3', 'a4']);
});

it('takes tokens of all that answer together, and one chunk of a prompt in between', async () => {
  const { log, steps } = fakeSteps();
  const scheduler = createScheduler(steps);
  const [a, b, c] = [fake('a', 1, 5), fake('b', 1, 3), fake('c', 3, 2)];
  await Promise.all([a, b, c].map((job) => scheduler.run(job)));
  expect([a, b, c].map(({ got }) => got.length)).toEqual([5, 3, 2]);
  expect(log.filter((step) => step.startsWith('chunk'))).toHaveLength(5);
  for (let i = 1; i < log.length; i++) expect(log[i].startsWith('chunk') && log[i - 1].startsWith('chunk'), log.join()).toBe(false);
  expect(log.some((step) => /decode (ab|ba)/.test(step))).toBe(true);
  expect(scheduler.jobs).toBe(0);
});

it('lets nobody starve where more answer than a step holds', async () => {
  const { log, steps } = fakeSteps();
  const scheduler = createScheduler(steps);
  const jobs = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => fake(name, 1, 6));
  await Promise.all(jobs.map((job) => scheduler.run(job)));
  expect(jobs.every(({ got }) => got.length === 6)).toBe(true);
  const rounds = log.filter((step) => step.startsWith('decode')).map((step) => step.split(' ')[1]);
  for (const { name } of jobs) {
    const turns = rounds.flatMap((names, i) => (names.includes(name) ? [i] : []));
    expect(Math.max(...turns.slice(1).map((turn, i) => turn - turns[i])), `rounds between turns of ${name}`).toBeLessThanOrEqual(4);
  }
});

it('ends of a group only the job that a failed step is of, and the others go on', async () => {
  let isOver = false;
  const { log, steps } = fakeSteps({ fail: (step) => !isOver && /decode .*b.* 1/.test(step) && (isOver = true) });
  const failed = (error: unknown, jobs: readonly Fake[]) => jobs.find(({ name }) => name === 'b' && (error as Error).message.includes('b'));
  const scheduler = createScheduler<string, Fake>({ ...steps, failed });
  const [a, b, c] = [fake('a', 1, 4), fake('b', 1, 4), fake('c', 1, 4)];
  const ended = await Promise.allSettled([a, b, c].map((job) => scheduler.run(job)));
  expect(ended.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect([a.got, c.got]).toEqual([['a1', 'a2', 'a3', 'a4'], ['c1', 'c2', 'c3', 'c4']]);
  expect(b.got.length).toBeLessThan(4);
  expect(log.some((step) => /decode .*b/.test(step) && /decode .*[ac]/.test(step)), log.join()).toBe(true);
  expect(scheduler.jobs).toBe(0);
});

it('an error that is of one sequence says of which', () => {
  const [one, other] = [{}, {}];
  const error = new Error('unread');
  noteFailed(error, one);
  noteFailed('no object', one);
  expect([failedOf(error) === one, failedOf(error) === other, failedOf(new Error('unread')), failedOf('no object')])
    .toEqual([true, false, undefined, undefined]);
});

it('drops what was made after a job had enough, and goes on with the others', async () => {
  const { steps } = fakeSteps({ perSubmit: 4, behind: true });
  const scheduler = createScheduler(steps);
  const [a, b] = [fake('a', 1, 100, { stop: 3 }), fake('b', 1, 9)];
  await Promise.all([scheduler.run(a), scheduler.run(b)]);
  expect(a.got).toEqual(['a1', 'a2', 'a3']);
  expect(b.got).toEqual(Array.from({ length: 9 }, (_, i) => `b${i + 1}`));
});

it('ends a job whose signal is aborted without an error, waiting or under way', async () => {
  const { steps } = fakeSteps();
  const scheduler = createScheduler(steps);
  const stop = new AbortController();
  const a = fake('a', 1, 1000, { signal: stop.signal });
  const b = fake('b', 1, 1000);
  const take = b.take;
  b.take = (tokens) => {
    if (b.got.length === 5) stop.abort();
    return take(tokens);
  };
  await Promise.all([scheduler.run(a), scheduler.run(b)]);
  expect(b.got).toHaveLength(1000);
  expect(a.got.length).toBeLessThan(20);
});

it('tells an error in a chunk to its job alone, and one in tokens to all of the step', async () => {
  const { steps } = fakeSteps({ fail: (step) => step === 'chunk b' || step.startsWith('decode c') });
  const scheduler = createScheduler(steps);
  const [a, b] = [fake('a', 1, 3), fake('b', 2, 3)];
  const ends = await Promise.allSettled([scheduler.run(a), scheduler.run(b)]);
  expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  await expect(scheduler.run(fake('c', 1, 3))).rejects.toThrow('decode c 1 failed');
  const after = fake('d', 1, 2);
  await scheduler.run(after);
  expect(after.got).toEqual(['d1', 'd2']);
});

it('runs a job whose tokens need the CPU by itself', async () => {
  const { log, steps } = fakeSteps();
  const scheduler = createScheduler(steps);
  await Promise.all([scheduler.run(fake('a', 1, 4)), scheduler.run(fake('b', 1, 4, { alone: true })), scheduler.run(fake('c', 1, 4))]);
  expect(log.filter((step) => step.startsWith('decode')).every((step) => !step.split(' ')[1].includes('b') || step.split(' ')[1] === 'b')).toBe(true);
});

it('tells an error in the tokens of one job to that job alone', async () => {
  const { steps, admitted } = fakeSteps({ fail: (step) => step === 'token b' });
  const scheduler = createScheduler(steps);
  const jobs = [fake('a', 1, 4), fake('b', 1, 4), fake('c', 1, 4)];
  const ends = await Promise.allSettled(jobs.map((job) => scheduler.run(job)));
  expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(jobs.map(({ got }) => got.length)).toEqual([4, 1, 4]);
  expect(admitted.size).toBe(0);
});

it('has those wait that there is no room for, in the order in which they came', async () => {
  const { log, steps } = fakeSteps({ rooms: 2 });
  const scheduler = createScheduler(steps);
  await Promise.all(['a', 'b', 'c', 'd'].map((name, i) => scheduler.run(fake(name, 1, 3 + i))));
  expect(log.filter((step) => step.startsWith('chunk'))).toEqual(['chunk a', 'chunk b', 'chunk c', 'chunk d']);
  expect(log.indexOf('chunk c')).toBeGreaterThan(log.lastIndexOf('decode ab 1'));
});

it('has the youngest give way where their tokens have no room together, and go on from them later', async () => {
  const { log, steps } = fakeSteps({ room: 9 });
  const scheduler = createScheduler(steps);
  const [a, b] = [fake('a', 1, 7), fake('b', 1, 7)];
  await Promise.all([scheduler.run(a), scheduler.run(b)]);
  expect(log.filter((step) => step.endsWith('gives way'))).toContain('b gives way');
  expect(log).not.toContain('a gives way');
  expect([a, b].map(({ got }) => got)).toEqual(['a', 'b'].map((name) => Array.from({ length: 7 }, (_, i) => `${name}${i + 1}`)));
});

it('lets go of one that waits for room as soon as it is aborted', async () => {
  const { log, steps } = fakeSteps({ rooms: 1 });
  const scheduler = createScheduler(steps);
  const stop = new AbortController();
  const all = [scheduler.run(fake('a', 1, 3)), scheduler.run(fake('b', 1, 3, { signal: stop.signal })), scheduler.run(fake('c', 1, 2))];
  stop.abort();
  await Promise.all(all);
  expect(log).toEqual(['chunk a', 'decode a 1', 'decode a 1', 'chunk c', 'decode c 1']);
});

/** A clock that steps move: each chunk takes `chunk` and each decode `step` milliseconds. */
function timed(fakes: ReturnType<typeof fakeSteps>, { chunk = 10, step = 1 } = {}) {
  let time = 0;
  const { prefill, decode } = fakes.steps;
  const steps: typeof fakes.steps = {
    ...fakes.steps,
    prefill: (job, alone) => ((time += chunk), prefill(job, alone)),
    decode: (...args) => ((time += step), decode(...args)),
  };
  return { steps, now: () => time };
}

const withWishes = (job: Fake, wishes: Pick<Fake, 'priority' | 'targets'>): Fake => Object.assign(job, wishes);

it('runs prompts of a lower priority first, and has what is less urgent give way to them', async () => {
  const { log, steps } = fakeSteps({ rooms: 1 });
  const scheduler = createScheduler(steps);
  const [late, soon] = [withWishes(fake('late', 1, 6), { priority: 1 }), fake('soon', 1, 2)];
  const first = scheduler.run(late);
  await Promise.resolve();
  await Promise.all([first, scheduler.run(soon)]);
  expect(log).toContain('late gives way');
  expect(log.indexOf('chunk soon')).toBeLessThan(log.lastIndexOf('chunk late'));
  expect([late.got.length, soon.got.length]).toEqual([6, 2]);
});

it('gives every other chunk to who is due first, and the rest in line, so that nobody starves', async () => {
  const fakes = fakeSteps();
  const scheduler = createScheduler<string, Fake>(fakes.steps, timed(fakes));
  const jobs = [
    fake('a', 4, 1), withWishes(fake('b', 4, 1), { targets: { firstTokenMs: 500 } }), withWishes(fake('c', 4, 1), { targets: { firstTokenMs: 50 } }),
  ];
  await Promise.all(jobs.map((job) => scheduler.run(job)));
  const chunks = fakes.log.filter((entry) => entry.startsWith('chunk')).map((entry) => entry.slice(6));
  const last = (name: string) => chunks.lastIndexOf(name);
  expect(last('c')).toBeLessThan(Math.min(last('a'), last('b')));
  expect(chunks.slice(0, 6)).toContain('a');
});

it('holds a prompt back while a token of another is due, for a few turns at most', async () => {
  const turnsBetween = async (tokenMs: number) => {
    const fakes = fakeSteps();
    const clock = timed(fakes);
    const scheduler = createScheduler<string, Fake>(clock.steps, clock);
    await Promise.all([scheduler.run(withWishes(fake('a', 1, 40), { targets: { tokenMs } })), scheduler.run(fake('b', 5, 1))]);
    const between = fakes.log.slice(fakes.log.indexOf('chunk b') + 1, fakes.log.lastIndexOf('chunk b'));
    return between.filter((entry) => entry.startsWith('decode')).length / 4;
  };
  expect(await turnsBetween(1000)).toBe(1); // its tokens are far ahead of what it wants
  expect(await turnsBetween(3)).toBeGreaterThan(2);
  expect(await turnsBetween(0.01)).toBe(5); // what cannot be met holds nobody up for ever
});

it('refuses what comes when as many wait as may, and lets go of what is aborted while it waits at once', async () => {
  const { log, steps } = fakeSteps({ rooms: 1 });
  const scheduler = createScheduler<string, Fake>(steps, { most: 2 });
  const abort = new AbortController();
  const first = scheduler.run(fake('a', 3, 3));
  let left = 0;
  const second = scheduler.run(fake('b', 1, 1, { signal: abort.signal })).then(() => (left = log.length));
  await expect(scheduler.run(fake('c', 1, 1))).rejects.toMatchObject({ code: 'queue_full' });
  const before = log.length;
  abort.abort();
  await second;
  expect([left - before <= 1, scheduler.jobs]).toEqual([true, 1]);
  await first;
  expect(log.join()).not.toContain(' b');
  await scheduler.run(fake('d', 1, 1, { signal: abort.signal }));
  expect(log.join()).not.toContain(' d');
});

it('counts jobs of one request as one, and refuses others as before', async () => {
  const { steps } = fakeSteps();
  const scheduler = createScheduler<string, Fake>(steps, { most: 2 });
  const of = (name: string, request?: string) => scheduler.run(Object.assign(fake(name, 1, 2), { request }));
  const texts = ['a', 'b', 'c', 'd'].map((name) => of(name, 'one'));
  const other = of('e', 'two');
  await expect(of('f', 'three')).rejects.toMatchObject({ code: 'queue_full', message: expect.stringContaining('2 requests are under way') });
  await expect(of('g')).rejects.toMatchObject({ code: 'queue_full' });
  await Promise.all([...texts, other, of('h', 'two')]);
  await of('g');
});

it('runs whole prompts that want no token in one step, as many as join and as there is room for, while others have their turns', async () => {
  const { log, steps } = fakeSteps({ rooms: 4 });
  const isText = ({ name }: Fake) => name === name.toUpperCase();
  const texts: Steps<Fake, string> = {
    ...steps,
    joins: (job, others) => [job, ...others].every(isText) && others.length < 3,
    async prefillTogether(jobs) {
      const ran = jobs.slice(0, log.some((step) => step.startsWith('together')) ? 3 : 2); // the first time there is room for two
      log.push(`together ${ran.map(({ name }) => name).join('')}`);
      for (const job of ran) job.promptLeft = 0;
      return ran.length;
    },
  };
  const scheduler = createScheduler<string, Fake>(texts);
  const stop = new AbortController();
  const jobs = ['A', 'B', 'C', 'D', 'E', 'F'].map((name) => fake(name, 1, 0, name === 'E' ? { signal: stop.signal } : {}));
  const all = [...jobs.slice(0, 2), fake('x', 2, 3), ...jobs.slice(2)].map((job) => scheduler.run(job));
  stop.abort();
  await Promise.all(all);
  expect(log.filter((step) => step.startsWith('together'))).toEqual(['together AB', expect.stringMatching(/^together [CDF]{2,3}$/)]);
  expect(log.filter((step) => /[ABE]/.test(step))).toEqual(['together AB']);
  expect(log.filter((step) => step === 'chunk x')).toHaveLength(2);
  expect([jobs.map(({ got }) => got.length), scheduler.jobs]).toEqual([[0, 0, 0, 0, 0, 0], 0]);
});

it('tells all of a step what ended it, and goes on with the others', async () => {
  const { steps } = fakeSteps();
  const failing = { ...steps, joins: (_: Fake, others: readonly Fake[]) => others.length < 2, prefillTogether: () => Promise.reject(new Error('no step')) };
  const scheduler = createScheduler<string, Fake>(failing);
  const ended = await Promise.allSettled([fake('a', 1, 0), fake('b', 1, 0), fake('c', 1, 1)].map((job) => scheduler.run(job)));
  expect(ended.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
});

it('does work between two turns, also where nothing is to be run', async () => {
  const { log, steps } = fakeSteps();
  const scheduler = createScheduler<string, Fake>(steps);
  const running = scheduler.run(fake('a', 2, 20));
  await scheduler.between(async () => {
    const before = log.length;
    await new Promise((resolve) => setTimeout(resolve));
    expect(log.length).toBe(before);
    log.push('work');
  });
  await running;
  expect(log.indexOf('work')).toBeLessThan(6);
  expect(await scheduler.between(async () => 7)).toBe(7);
  await expect(scheduler.between(() => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
});

it('has jobs wait for what is no job to give back their room, doing what comes between, and ends those that are aborted meanwhile', async () => {
  const { log, steps } = fakeSteps();
  let isHeld = true;
  let give = (): void => {};
  const given = new Promise<void>((resolve) => (give = resolve));
  const stop = new AbortController();
  const admit: typeof steps.admit = async (job) => !isHeld && steps.admit(job);
  const scheduler = createScheduler<string, Fake>({ ...steps, admit, whenGiven: () => (isHeld ? given : undefined) });
  const first = scheduler.run(fake('a', 1, 1));
  const second = scheduler.run(fake('b', 1, 1, { signal: stop.signal }));
  await scheduler.between(async () => void log.push('between'));
  stop.abort();
  await second;
  await scheduler.between(async () => void log.push('again'));
  expect([log, scheduler.jobs]).toEqual([['between', 'again'], 1]);
  isHeld = false;
  give();
  await first;
  expect(log).toEqual(['between', 'again', 'chunk a']);
});
