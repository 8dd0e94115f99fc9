// The engine from request to answer on Dawn: order, abort, conversations that go on, where answers end, what is freed.
import { vary } from '../../models/vary.ts';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { RequestError } from '../../../src/errors.ts';
import { type LoadProgress } from '../../../src/protocol.ts';
import { adapterFile, dawn } from '../../dawn.ts';
import { type Answer, answer, golden, openEngine, quick, stories } from '../../engine.ts';

const engine = openEngine();
const prompt = { tokens: golden.prompt_ids };
const greedy = (maxTokens: number) => answer(engine, { prompt, maxTokens });
const firstIds = (count: number) => golden.ids.slice(0, count);
const sum = (bytes: Record<string, number>) => Object.values(bytes).reduce((a, b) => a + b, 0);

describe.skipIf(!adapterFile)('the engine', () => {
  beforeAll(async () => {
    dawn();
    await engine.load(stories(), quick);
  });
  afterEach(() => void vi.restoreAllMocks());

  it('continues text as llama.cpp does, with the statistics of the request', async () => {
    const { ids, text, reason, stats } = await answer(engine, { prompt: { text: golden.prompt }, maxTokens: 40 });
    expect(ids).toEqual(firstIds(40));
    expect(golden.text.startsWith(text.trimStart())).toBe(true);
    expect(text.length).toBeGreaterThan(50);
    expect(reason).toBe('length');
    expect(stats).toMatchObject({ promptTokens: golden.prompt_ids.length, newTokens: 40 });
    expect(stats.prefillMs).toBeGreaterThan(0);
    expect(stats.decodeMs).toBeGreaterThan(0);
  });

  it('tells the phases of a load, the bytes rising to their total', async () => {
    const progress: LoadProgress[] = [];
    const info = await engine.load(stories(), quick, (each) => progress.push(each));
    expect(progress[0].phase).toBe('header');
    expect(progress.at(-1)).toMatchObject({ phase: 'ready', fromStore: false });
    const loaded = progress.slice(1).map(({ loadedBytes }) => loadedBytes);
    expect(loaded).toEqual(loaded.toSorted((a, b) => a - b));
    expect(loaded.at(-1)).toBe(progress.at(-1)!.totalBytes);
    expect(info).toMatchObject({ name: 'stories260K', architecture: 'llama', context: 512, parameters: 260_032, kernels: { splits: '1', prefill: 'rows' } });
  });

  it('stays within what the plan says', async () => {
    await greedy(200);
    const { model } = engine.loaded();
    expect(engine.stats().gpuBytesPeak).toBeLessThanOrEqual(model.plan.totalBytes);
    expect(engine.stats().gpuBytesPeak).toBeGreaterThan(0.5 * model.plan.totalBytes);
  });

  describe('with several requests at once', () => {
    it('lets what measures wait for the answer under way, and the next answer for what measures', async () => {
      const order: string[] = [];
      const ask = (name: string) => answer(engine, { prompt, maxTokens: 3 }, undefined, () => order.push(name));
      const measure = () => engine.inTurn(async () => {
        order.push('begins');
        await new Promise((resolve) => setTimeout(resolve));
        order.push('ends');
      });
      await Promise.all([ask('a'), measure(), ask('b')]);
      expect(order).toEqual(['a', 'a', 'a', 'begins', 'ends', 'b', 'b', 'b']);
    });

    it('answers them one after the other, each as if alone', async () => {
      const order: string[] = [];
      const ask = (name: string, tokens: number[]) => answer(engine, { prompt: { tokens }, maxTokens: 6 }, undefined, () => order.push(name));
      const other = [1, 300, 301, 302];
      const answers = await Promise.all([ask('a', golden.prompt_ids), ask('b', other), ask('c', golden.prompt_ids)]);
      expect(order.join('')).toBe('aaaaaabbbbbbcccccc');
      expect(answers[0].ids).toEqual(firstIds(6));
      expect(answers[2].ids).toEqual(firstIds(6));
      expect(answers[1].ids).toEqual((await ask('d', other)).ids);
    });

    it('goes on after one that is refused and one that is aborted', async () => {
      const abort = new AbortController();
      const [refused, aborted, good] = await Promise.allSettled([
        answer(engine, { prompt: { tokens: [] } }),
        answer(engine, { prompt }, abort.signal, () => abort.abort()),
        greedy(5),
      ]);
      expect(refused).toMatchObject({ status: 'rejected', reason: expect.any(RequestError) });
      expect(aborted).toMatchObject({ value: { reason: 'abort', ids: firstIds(1) } });
      expect(good).toMatchObject({ value: { ids: firstIds(5) } });
    });

    it('lets a load and an unload wait for the answer before them', async () => {
      const [before, , during, , after] = await Promise.allSettled([greedy(5), engine.load(stories(), quick), greedy(5), engine.unload(), greedy(5)]);
      expect(before).toMatchObject({ value: { ids: firstIds(5) } });
      expect(during).toMatchObject({ value: { ids: firstIds(5) } });
      expect(after).toMatchObject({ status: 'rejected', reason: expect.any(RequestError) });
      await engine.load(stories(), quick);
    });
  });

  describe('when aborted', () => {
    const long = { tokens: Array.from({ length: 250 }, (_, i) => 3 + ((i * 37) % 500)) };
    const submits = () => engine.stats().submits;

    it('before it began, submits nothing', async () => {
      const before = submits();
      const { ids, reason, stats } = await answer(engine, { prompt }, AbortSignal.abort());
      expect({ ids, reason, newTokens: stats.newTokens }).toEqual({ ids: [], reason: 'abort', newTokens: 0 });
      expect(submits()).toBe(before);
    });

    it('while it waits for its turn, submits nothing', async () => {
      const abort = new AbortController();
      const first = answer(engine, { prompt, maxTokens: 5 }, undefined, (count) => count === 2 && abort.abort());
      const second = answer(engine, { prompt: long }, abort.signal);
      await first;
      const after = submits();
      expect(await second).toMatchObject({ ids: [], reason: 'abort' });
      expect(submits()).toBe(after);
    });

    it('during the prompt, submits nothing more and answers the same prompt properly afterwards', async () => {
      const whole = await answer(engine, { prompt: long, maxTokens: 4 });
      await engine.load(stories(), quick); // forgets the prompt
      const abort = new AbortController();
      const submit = GPUQueue.prototype.submit;
      let count = 0;
      vi.spyOn(GPUQueue.prototype, 'submit').mockImplementation(function (this: GPUQueue, buffers) {
        if (++count === 2) abort.abort();
        return submit.call(this, buffers);
      });
      const { ids, reason } = await answer(engine, { prompt: long, maxTokens: 4 }, abort.signal);
      expect({ ids, reason, count }).toEqual({ ids: [], reason: 'abort', count: 2 });
      const again = await answer(engine, { prompt: long, maxTokens: 4 });
      expect(again.ids).toEqual(whole.ids);
      expect(again.stats.cachedTokens).toBe(0);
    });

    it('during the answer, hands over no further token, submits nothing more and answers properly afterwards', async () => {
      const abort = new AbortController();
      let atAbort = 0;
      const { ids, reason } = await answer(engine, { prompt }, abort.signal, (count) => {
        if (count !== 7) return;
        abort.abort();
        atAbort = submits();
      });
      expect({ ids, reason }).toEqual({ ids: firstIds(7), reason: 'abort' });
      expect(submits()).toBe(atAbort);
      const again = await greedy(12);
      expect(again.ids).toEqual(firstIds(12));
      expect(again.stats.cachedTokens).toBe(golden.prompt_ids.length - 1);
    });
  });

  describe('in a conversation that goes on', () => {
    const fresh = async (tokens: number[], maxTokens: number): Promise<Answer> => {
      const other = openEngine();
      await other.load(stories(), quick);
      const result = await answer(other, { prompt: { tokens }, maxTokens });
      await other.unload();
      return result;
    };

    it('pays only for what is new, and gives the tokens of a fresh run', async () => {
      const first = await greedy(20);
      const next = [...golden.prompt_ids, ...first.ids, 330, 331, 332];
      const went = await answer(engine, { prompt: { tokens: next }, maxTokens: 16 });
      expect(went.stats).toMatchObject({ promptTokens: next.length, cachedTokens: golden.prompt_ids.length + 19 });
      const alone = await fresh(next, 16);
      expect(alone.stats.cachedTokens).toBe(0);
      expect(went.ids).toEqual(alone.ids);
    });

    it('keeps what two conversations said that alternate, each with the tokens of a fresh run', async () => {
      const texts = [
        [...golden.prompt_ids, 411, 412],
        [1, 330, 331, 332, 333, 334],
      ];
      const cached: number[][] = [[], []];
      const roomy = openEngine();
      await roomy.load(
        { bytes: (await vary('stories260K/stories260K.gguf', { metadata: { 'llama.context_length': { type: 'u32', value: 1024 } } })).buffer },
        { ...quick, context: 1024 },
      ); // keys and values of one grow in steps of 256
      for (let turn = 0; turn < 3; turn++) {
        for (const [i, text] of texts.entries()) {
          const went = await answer(roomy, { prompt: { tokens: text }, maxTokens: 6 });
          expect(went.ids).toEqual((await fresh(text, 6)).ids);
          cached[i].push(text.length - went.stats.cachedTokens);
          text.push(...went.ids, 400 + turn);
        }
      }
      await roomy.unload();
      expect(cached.map(([, ...later]) => later)).toEqual([
        [2, 2],
        [2, 2],
      ]); // the last token of an answer was not run, and one is new
    });

    it('uses what two prompts begin with, and nothing of what came after', async () => {
      await greedy(20);
      const other = [...golden.prompt_ids, ...firstIds(6), 440, 441];
      const went = await answer(engine, { prompt: { tokens: other }, maxTokens: 16 });
      expect(went.stats.cachedTokens).toBe(golden.prompt_ids.length + 6);
      expect(went.ids).toEqual((await fresh(other, 16)).ids);
    });

    it('runs the last token again when all of the prompt is known', async () => {
      await greedy(10);
      const { ids, stats } = await greedy(10);
      expect(stats.cachedTokens).toBe(golden.prompt_ids.length - 1);
      expect(ids).toEqual(firstIds(10));
    });

    it('grows its cache past the first 256 positions without a change of the answer', async () => {
      await engine.load(stories(), quick);
      const kv = engine.stats().gpuBytes.kv;
      const { ids } = await greedy(200);
      expect(ids).toEqual(firstIds(200));
      const next = [...golden.prompt_ids, ...ids];
      const more = await answer(engine, { prompt: { tokens: next }, maxTokens: 100 });
      expect(engine.stats().gpuBytes.kv).toBe(2 * kv);
      expect(more.ids).toEqual((await fresh(next, 100)).ids);
    });
  });

  describe('ends an answer', () => {
    it('before a stop string that several tokens make, and shows no part of it', async () => {
      const whole = (await greedy(60)).text;
      for (const stop of ['ttle g', 'ily', 'e w', '. ', whole.slice(30, 50)]) {
        const at = whole.indexOf(stop);
        expect(at).toBeGreaterThan(0);
        const { text, reason, ids } = await answer(engine, { prompt, maxTokens: 60, stop: [stop] });
        expect({ text, reason }).toEqual({ text: whole.slice(0, at), reason: 'stop' });
        expect(ids.length).toBeLessThan(60);
      }
    });

    it('at the first of several stop strings, and shows what only looked like one', async () => {
      const whole = (await greedy(30)).text;
      const { text } = await answer(engine, { prompt, maxTokens: 30, stop: ['never said', whole.slice(20, 26), whole.slice(10, 14)] });
      expect(text).toBe(whole.slice(0, 10));
      const held = `${whole.slice(-4)}and no more`;
      expect((await answer(engine, { prompt, maxTokens: 30, stop: [held] })).text).toBe(whole);
    });

    it('after the tokens asked for', async () => {
      for (const maxTokens of [1, 2, 9])
        expect(await greedy(maxTokens)).toMatchObject({ ids: firstIds(maxTokens), reason: 'length', stats: { newTokens: maxTokens } });
    });

    it('at the end token of the file, which is neither counted nor shown', async () => {
      const last = golden.ids.findIndex((id, i) => i >= 4 && !golden.ids.slice(0, i).includes(id)); // the first that had not come before
      for (const tokensPerSubmit of [1, 3, 16]) {
        await engine.load(stories(), { ...quick, experiment: { tokensPerSubmit } });
        (engine.loaded().text!.template.endOfTurn as Set<number>).add(golden.ids[last]);
        expect(await greedy(50)).toMatchObject({ ids: firstIds(last), reason: 'stop', stats: { newTokens: last } });
        // The conversation goes on from what was said, without being run again.
        const asked = { tokens: [...golden.prompt_ids, ...firstIds(last), golden.prompt_ids.at(-1)!] };
        const next = await answer(engine, { prompt: asked, maxTokens: 2 });
        expect(next.stats.cachedTokens).toBe(asked.tokens.length - 1);
      }
      await engine.load(stories(), quick);
    });

    it('with the same tokens however many are made per submit, greedy or drawn, across a growth of the cache', async () => {
      const drawn: number[][] = [];
      for (const tokensPerSubmit of [1, 5, 16]) {
        await engine.load(stories(), { ...quick, experiment: { tokensPerSubmit } });
        const { runner } = engine.loaded();
        const before = runner.submits;
        expect(await greedy(100)).toMatchObject({ ids: firstIds(100) });
        if (tokensPerSubmit === 16) expect(runner.submits - before).toBeLessThan(100);
        drawn.push((await answer(engine, { prompt, maxTokens: 300, sampling: { temperature: 1, seed: 11 } })).ids);
      }
      await engine.load(stories(), quick);
      expect(drawn[0].length).toBeGreaterThan(100);
      expect(drawn[1]).toEqual(drawn[0]);
      expect(drawn[2]).toEqual(drawn[0]);
    });

    it('which stops the submits when it is aborted', async () => {
      const { runner } = engine.loaded();
      const abort = new AbortController();
      let shown = 0;
      await engine.generate({ prompt, maxTokens: 200 }, (ids) => {
        shown += ids.length;
        if (shown === 5) abort.abort();
      }, abort.signal);
      const { submits } = runner;
      expect(shown).toBe(5);
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(runner.submits).toBe(submits);
    });

    it('where the context is full', async () => {
      await engine.load(stories(), { ...quick, context: 33 });
      expect(engine.loaded().info.context).toBe(33);
      const room = 33 - golden.prompt_ids.length;
      expect(await answer(engine, { prompt })).toMatchObject({ ids: firstIds(room), reason: 'length', stats: { newTokens: room } });
      expect(await greedy(room)).toMatchObject({ ids: firstIds(room), reason: 'length' });
      const longest = { tokens: [...golden.prompt_ids, ...firstIds(room - 1)] };
      expect(await answer(engine, { prompt: longest })).toMatchObject({ ids: [golden.ids[room - 1]], reason: 'length' });
      await engine.load(stories(), quick);
    });
  });

  it('draws the same text from the same seed, another from another, and the likeliest at temperature 0', async () => {
    const draw = async (seed?: number, temperature = 1) => (await answer(engine, { prompt, maxTokens: 24, sampling: { temperature, seed } })).ids;
    const first = await draw(7);
    await greedy(3);
    expect(await draw(7)).toEqual(first);
    expect(await draw(8)).not.toEqual(first);
    expect(await draw()).not.toEqual(await draw());
    expect(await draw(7, 0)).toEqual(firstIds(24));
    expect((await answer(engine, { prompt, maxTokens: 24, sampling: { temperature: 1, topK: 1, seed: 7 } })).ids).toEqual(firstIds(24));
  });

  it('keeps to a budget that is just the plan', async () => {
    const { totalBytes } = engine.loaded().model.plan;
    await engine.load(stories(), { ...quick, budgetBytes: totalBytes });
    expect((await greedy(200)).ids).toEqual(firstIds(200));
    expect((await answer(engine, { prompt: { tokens: [...golden.prompt_ids, ...golden.ids] }, maxTokens: 200 })).stats.newTokens).toBe(200);
    expect(engine.stats().gpuBytesPeak).toBeLessThanOrEqual(totalBytes);
  });

  it('frees everything on unload; calls after it say that nothing is loaded', async () => {
    const { ledger } = engine.loaded().model;
    expect(sum(ledger.bytes)).toBeGreaterThan(1e6);
    await engine.unload();
    expect(sum(ledger.bytes)).toBe(0);
    expect(Object.values(ledger.bytes)).toEqual(Object.values(ledger.bytes).map(() => 0));
    await expect(greedy(1)).rejects.toBeInstanceOf(RequestError);
    await expect(greedy(1)).rejects.toThrow(/No model is loaded/);
    expect(() => engine.stats()).toThrow(RequestError);
    await engine.unload();
    expect(await engine.models()).toEqual([]);
    await engine.load(stories(), quick);
    expect((await greedy(5)).ids).toEqual(firstIds(5));
  });
});
