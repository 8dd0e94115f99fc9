// One prompt and the tokens after it, run twice: the first run compiles and warms up and says what the tokens should be.
import { type Loaded } from '../engine/engine.ts';
import { type Counts } from './count-calls.ts';
import { compiled } from '../model/sampling/sampler.ts';

export interface RunHooks {
  /** CPU milliseconds of this process so far, where that is known. */
  cpuMs?: () => number;
  /** Counts calls since `reset`. */
  calls?: { read(): Counts; reset(): void };
}

export interface Run {
  ids: number[];
  /** Until the first token, and for all others. */
  prefillMs: number;
  decodeMs: number;
  /** Encoding and submitting, of the decode. */
  hostMs: number;
  /** Per token; NaN if it is not known. */
  cpuPrefill: number;
  cpuDecode: number;
  /** Calls per decoded token. */
  perToken?: Counts;
}

/** Runs `prompt` and chooses `newTokens` tokens after the first. */
export async function runOnce({ runner, model }: Loaded, prompt: number[], newTokens: number, { cpuMs = () => NaN, calls }: RunHooks = {}): Promise<Run> {
  const greedy = await compiled(model.samplerFor, { seed: 0 });
  const cpu = [cpuMs()];
  const t0 = performance.now();
  await runner.feed(prompt, 0);
  const tokens = runner.tokens(greedy, prompt.length, newTokens + 1);
  const made = [...((await tokens.next()).value ?? [])];
  const t1 = performance.now();
  cpu.push(cpuMs());
  calls?.reset();
  const hostBefore = runner.hostMs;
  for await (const more of tokens) made.push(...more);
  const t2 = performance.now();
  cpu.push(cpuMs());
  const perToken = calls && (Object.fromEntries(Object.entries(calls.read()).map(([name, count]) => [name, count / newTokens])) as unknown as Counts);
  return {
    ids: made.map(({ id }) => id), prefillMs: t1 - t0, decodeMs: t2 - t1, hostMs: runner.hostMs - hostBefore, perToken,
    cpuPrefill: (cpu[1] - cpu[0]) / prompt.length, cpuDecode: (cpu[2] - cpu[1]) / newTokens,
  };
}

/** Throws if a run did not repeat an earlier one. */
export function checkRepeats(ids: readonly number[], expected: readonly number[], what = 'Two runs'): void {
  if (ids.join() !== expected.join()) throw new Error(`${what} gave different tokens: ${expected.join()} and then ${ids.join()}.`);
}

/** The shortest prompt, of powers of two, whose work on the GPU takes at least as long as encoding and submitting it; undefined if none does. */
export async function gpuBoundFrom({ runner, model }: Loaded, prompt: readonly number[]): Promise<number | undefined> {
  const { queue } = model.gpu.device;
  for (let rows = 1; rows <= prompt.length; rows *= 2) {
    const shares: number[] = [];
    for (let i = 0; i < 3; i++) {
      const host = runner.hostMs;
      const started = performance.now();
      await runner.feed(prompt.slice(0, rows), 0);
      await queue.onSubmittedWorkDone();
      shares.push((runner.hostMs - host) / (performance.now() - started));
    }
    if (Math.min(...shares) <= 0.5) return rows;
  }
  return undefined;
}
