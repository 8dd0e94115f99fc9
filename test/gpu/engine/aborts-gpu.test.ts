// Requests aborted at random, while they wait, in their prompts and in their answers: nothing of them stays on the GPU or under way, they end
// within one submit, and the next request is answered as ever.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Engine, type EngineOptions } from '../../../src/engine/engine.ts';
import { mulberry32 } from '../../../src/random.ts';
import { adapterFile } from '../../dawn.ts';
import { answer, openEngine, quick, slowClock, stories } from '../../engine.ts';

const words = (seed: number, count: number) => Array.from({ length: count }, (_, i) => 3 + ((i * 7919 + seed * 104729) % 500));
const options: EngineOptions = { ...quick, kernels: `${quick.kernels},chunk=64`, context: 512, sequences: 3 };
const aborts = process.env.WINDROW_FULL ? 200 : 30;

describe.skipIf(!adapterFile)('aborts', () => {
  let engine: Engine;
  const known = { prompt: { tokens: words(1, 20) }, maxTokens: 12 };
  beforeAll(async () => {
    engine = openEngine();
    await engine.load(stories(), options);
  });
  afterAll(() => engine.unload());

  it(`${aborts} of them at random leave the ledger where it was, and the next request right`, { timeout: 300_000 }, async () => {
    const next = mulberry32(7);
    const sampling = { temperature: 1, seed: 3, logprobs: 2, repeatPenalty: 1.1 };
    const expected = await answer(engine, known);
    await Promise.all([1, 2, 3, 4].map((i) => answer(engine, { prompt: { tokens: words(i, 100) }, maxTokens: 20, sampling }))); // all scratch is there
    const { scheduler, sequences } = engine.loaded();
    sequences.closeAll();
    const before = { ...engine.stats().gpuBytes };
    const reasons = { abort: 0, other: 0 };
    const during = { queue: 0, prefill: 0, decode: 0 };
    for (let done = 0; done < aborts; ) {
      // More than a step holds, so that some wait; of each batch some end by themselves.
      const batch = Array.from({ length: 5 }, async (_, i) => {
        const abort = new AbortController();
        const after = Math.floor(next() * 24);
        let made = 0;
        if (next() < 0.5) setTimeout(() => abort.abort(), 40 * next());
        const request = { prompt: { tokens: words(10 + i + done, 10 + Math.floor(next() * 200)) }, maxTokens: 30, sampling: next() < 0.5 ? sampling : {} };
        const { reason, stats } = await answer(engine, { ...request, ...(next() < 0.3 && { session: `s${i}` }) }, abort.signal, (count) => {
          made = count;
          if (count >= after) abort.abort();
        });
        reasons[reason === 'abort' ? 'abort' : 'other']++;
        if (reason === 'abort') during[made ? 'decode' : stats.cachedTokens ? 'prefill' : 'queue']++;
        return reason;
      });
      done += (await Promise.all(batch)).filter((reason) => reason === 'abort').length;
      if (done % 3 === 0) expect((await answer(engine, known)).ids).toEqual(expected.ids);
    }
    expect(scheduler.jobs).toBe(0);
    expect(reasons.abort).toBeGreaterThanOrEqual(aborts);
    expect(during.decode).toBeGreaterThan(0);
    expect(during.queue + during.prefill).toBeGreaterThan(0);
    expect((await answer(engine, known)).ids).toEqual(expected.ids);
    sequences.closeAll();
    expect(engine.stats().gpuBytes).toEqual(before);
  });

  it('in a prompt and in an answer end within one submit, and while waiting at once', async () => {
    slowClock();
    const { scheduler, runner } = engine.loaded();
    const submitsAfter = async (request: Parameters<typeof answer>[1], when: number): Promise<number> => {
      const abort = new AbortController();
      let at = 0;
      const watch = setInterval(() => {
        if (at || runner.submits - from < when) return;
        at = runner.submits;
        abort.abort();
      });
      const from = runner.submits;
      const { reason } = await answer(engine, request, abort.signal);
      clearInterval(watch);
      expect(reason).toBe('abort');
      return runner.submits - at;
    };
    expect(await submitsAfter({ prompt: { tokens: words(90, 500) }, maxTokens: 4 }, 3)).toBeLessThanOrEqual(1);
    expect(await submitsAfter({ prompt: { tokens: words(91, 8) }, maxTokens: 400 }, 6)).toBeLessThanOrEqual(1);
    const under = new AbortController();
    const busy = [1, 2, 3].map((i) => answer(engine, { prompt: { tokens: words(95 + i, 150) }, maxTokens: 300 }, under.signal));
    const abort = new AbortController();
    const waiting = answer(engine, { prompt: { tokens: words(99, 400) }, maxTokens: 5 }, abort.signal);
    while (scheduler.jobs < 4) await new Promise((resolve) => setTimeout(resolve));
    const submits = runner.submits;
    abort.abort();
    expect((await waiting).reason).toBe('abort');
    expect([runner.submits - submits, scheduler.jobs]).toEqual([0, 3]);
    under.abort();
    await Promise.all(busy);
    expect((await answer(engine, known)).ids).toHaveLength(12);
  });
});
