// Guesses that a model writes, on Dawn: texts are those without, whoever guesses, and all of it is planned.
import { beforeAll, describe, expect, it } from 'vitest';
import { type EngineOptions } from '../../../src/engine/engine.ts';
import { type LoadedModel } from '../../../src/engine/load/load.ts';
import { type ModelOptions } from '../../../src/engine/load/options.ts';
import { sweepBudgets } from '../../../src/engine/measure/sweep.ts';
import { type GenerateRequest, type SamplingOptions, type SpeculationOptions } from '../../../src/protocol.ts';
import { adapterFile } from '../../dawn.ts';
import { answer, bytesOf, openEngine, quick, stories } from '../../engine.ts';
import { isFull } from '../../verified.ts';

const tokens = [1, ...Array.from({ length: 239 }, (_, i) => 3 + ((i * 7919) % 500))];
const requests: SamplingOptions[] = [{}, { temperature: 0.8, topK: 40, seed: 3, logprobs: 2 }];
const options: EngineOptions = { ...quick, context: 320 };

async function open(more: EngineOptions) {
  const engine = openEngine();
  await engine.load(stories(), { ...options, ...more });
  return engine;
}

type Engine = Awaited<ReturnType<typeof open>>;

/** From now on no device can allocate more than `mostBytes` in all. */
function limitMemory(mostBytes: number): { restore(): void } {
  const { createBuffer, popErrorScope } = GPUDevice.prototype;
  let live = 0;
  GPUDevice.prototype.createBuffer = function (this: GPUDevice, descriptor) {
    const buffer = createBuffer.call(this, descriptor);
    const destroy = buffer.destroy.bind(buffer);
    let bytes = descriptor.size;
    live += bytes;
    buffer.destroy = () => {
      live -= bytes;
      bytes = 0;
      return destroy();
    };
    return buffer;
  };
  GPUDevice.prototype.popErrorScope = async function (this: GPUDevice) {
    const full = live > mostBytes;
    return (await popErrorScope.call(this)) ?? (full ? ({ message: 'no memory left' } as GPUError) : null);
  };
  return { restore: () => void Object.assign(GPUDevice.prototype, { createBuffer, popErrorScope }) };
}

/** What is answered to all requests, one after the other, and how many guesses were right of how many. */
async function answers(engine: Engine) {
  const texts = [];
  let [guessed, right] = [0, 0];
  for (const sampling of requests) {
    const { ids, text, reason, stats: { guessedTokens = 0, rightTokens = 0 } } = await answer(engine, { prompt: { tokens }, sampling, maxTokens: 16 });
    texts.push({ ids, text, reason });
    guessed += guessedTokens;
    right += rightTokens;
  }
  return { texts, guessed, right };
}

describe.skipIf(!adapterFile)('an engine whose guesses a model writes', () => {
  const guessing = (speculation: SpeculationOptions, budgetBytes?: number) => open({ speculation, budgetBytes, experiment: { allGuesses: true } });

  /** Compares with `expected`, and what the ledger counted with the plan. */
  async function expectSame(engine: Engine, expected: { texts: unknown }): Promise<void> {
    const { texts, guessed, right } = await answers(engine);
    expect(texts).toEqual(expected.texts);
    expect(right).toBeGreaterThan(0);
    expect(right).toBeLessThanOrEqual(guessed);
    const { ledger, plan } = engine.loaded().model;
    expect(ledger.peakBytes).toBeLessThanOrEqual(plan.totalBytes);
    await engine.unload();
    expect(Object.values(ledger.bytes).reduce((a, b) => a + b)).toBe(0);
  }

  const shortened = { lookup: false, shortContext: 128 };
  const drafted = () => ({ lookup: false, draft: stories() });
  let expected: Awaited<ReturnType<typeof answers>>;
  let plain: LoadedModel; // which is gone: what it was planned with

  beforeAll(async () => {
    const engine = await open({});
    expected = await answers(engine);
    plain = engine.loaded().model;
    await engine.unload();
  });

  const quarter = (more: Pick<ModelOptions, 'speculation' | 'draft'>): number =>
    sweepBudgets(plain, { ...plain.sizes, kv: plain.kv, ...more }).find(({ name }) => name === '25 %')!.budgetBytes;

  it('from a shortened text gives the same answers', async () => expectSame(await guessing(shortened), expected));

  it.skipIf(!isFull)('from a shortened text gives them with a quarter of the weights there', async () => {
    const streamed = await guessing(shortened, quarter({ speculation: shortened }));
    expect(streamed.loaded().model.plan.verdict).toBe('streams');
    await expectSame(streamed, expected);
  });

  it('of another model gives the same answers', async () => {
    const engine = await guessing(drafted());
    const { plan, draft } = engine.loaded().model;
    expect(plan.bytes.draft).toBe(draft!.plan.totalBytes);
    expect(engine.stats().gpuBytes.draft).toBe(Object.values(draft!.ledger.bytes).reduce((a, b) => a + b));
    await expectSame(engine, expected);
  });

  it.skipIf(!isFull)('of another model gives them with a quarter of the weights there, after a change of the budget', async () => {
    const engine = await guessing(drafted());
    await engine.changeBudget(quarter({ draft: engine.loaded().model.planned.chosen.options.draft }));
    const { model: { plan, draft }, info } = engine.loaded();
    expect([plan.verdict, draft!.plan.verdict]).toEqual(['streams', 'fits']);
    expect(info.draft).toEqual({ name: 'stories260K', bytes: plan.bytes.draft });
    await expectSame(engine, expected);
  });

  it.skipIf(!isFull)('of another model that is always wrong gives them too', async () => {
    const wrong = await guessing({ lookup: false, draft: bytesOf('tiny/tiny-llama-k.gguf') }); // which has other weights, of other types
    const { texts, guessed, right } = await answers(wrong);
    expect([texts, guessed > 100, right < 20]).toEqual([expected.texts, true, true]);
    await wrong.unload();
  });

  it.skipIf(!isFull).each([['another model', drafted()], ['a shortened text', shortened]] as const)(
    'of several conversations, by turns and beside each other, gives the same answers: %s', async (_, speculation) => {
      const asks = [0, 1, 2].map((i): GenerateRequest => ({
        prompt: { tokens: [1, ...tokens.slice(1 + i)] }, sampling: requests[i % 2], session: `s${i}`, maxTokens: 12,
      }));
      const [alone, engine] = [await open({ sequences: 3 }), await open({ sequences: 3, speculation, experiment: { allGuesses: true } })];
      const goesOn = (request: GenerateRequest, ids: readonly number[]): GenerateRequest =>
        ({ ...request, prompt: { tokens: [...(request.prompt as { tokens: number[] }).tokens, ...ids, 7, 9] } });
      const all = async (on: Engine, together: boolean): Promise<number[][]> => {
        const made: number[][] = [];
        if (together) made.push(...(await Promise.all(asks.map((request) => answer(on, request)))).map(({ ids }) => ids));
        else for (const request of asks) made.push((await answer(on, request)).ids);
        for (const [i, request] of asks.entries()) made.push((await answer(on, goesOn(request, made[i]))).ids); // by turns
        return made;
      };
      const expected = await all(alone, false);
      expect(await all(engine, false)).toEqual(expected);
      for (const request of asks) await engine.session('close', request.session!);
      expect(await all(engine, true)).toEqual(expected);
      expect(engine.stats().gpuBytesPeak).toBeLessThanOrEqual(engine.loaded().model.plan.totalBytes);
      for (const each of [alone, engine]) await each.unload();
    });

  it('has a budget that nobody named shrink until the model and the one that drafts have room', async () => {
    const whole = await guessing(drafted());
    const { totalBytes, bytes } = whole.loaded().model.plan;
    await whole.unload();
    const memory = limitMemory(totalBytes - bytes.draft! / 2);
    try {
      const engine = await guessing(drafted());
      const { model } = engine.loaded();
      expect(model.plan.totalBytes).toBeLessThan(totalBytes);
      expect(model.draft).toBeDefined();
      await expectSame(engine, expected);
    } finally {
      memory.restore();
    }
  });

  it('goes on after the GPU was lost, with the model that drafts', async () => {
    const engine = await guessing({ draft: stories(), lookup: false });
    const whole = await answer(engine, { prompt: { tokens }, maxTokens: 16 });
    let lost = false;
    const made = await answer(engine, { prompt: { tokens }, maxTokens: 16 }, undefined, () => {
      if (!lost) engine.loaded().model.gpu.device.destroy();
      lost = true;
    });
    expect(made.ids).toEqual(whole.ids);
    expect(made.stats.notices).toHaveLength(1);
    const { ledger, plan, draft, gpu } = engine.loaded().model;
    expect([draft!.gpu === gpu, ledger.bytes.draft > 0, ledger.peakBytes <= plan.totalBytes]).toEqual([true, true, true]);
    await engine.unload();
  });

  /** stories260K whose last norm gives no numbers. */
  function broken(): { bytes: ArrayBuffer; name: string } {
    const { bytes, name } = stories();
    const file = new Uint8Array(bytes.slice(0));
    const { offset } = plain.header.tensors.get('output_norm.weight')!;
    new Float32Array(file.buffer, offset, plain.graph.config.dim).fill(NaN);
    return { bytes: file.buffer, name };
  }

  it('goes on without another model that computes no numbers, and says so once', async () => {
    const engine = await guessing({ lookup: false, draft: broken() });
    const { ids, text, reason, stats: { notices, guessedTokens } } = await answer(engine, { prompt: { tokens }, sampling: requests[0], maxTokens: 16 });
    expect([{ ids, text, reason }, guessedTokens]).toEqual([expected.texts[0], undefined]);
    expect(notices).toEqual([expect.stringMatching(/^No tokens are guessed any more by the draft model stories260K, which failed.* No token can be chosen/)]);
    const second = await answer(engine, { prompt: { tokens }, sampling: requests[1], maxTokens: 16 });
    expect([second.ids, second.stats.notices]).toEqual([expected.texts[1].ids, undefined]);
    await engine.unload();
  });

  it('goes on without another model for whose keys and values the GPU has no memory left', async () => {
    const request = { prompt: { tokens: [...tokens, ...tokens.slice(1, 12)] }, sampling: requests[0], maxTokens: 16 };
    const without = await open({});
    const { ids } = await answer(without, request);
    await without.unload();
    const engine = await guessing({ lookup: false, draft: stories() });
    await answer(engine, { prompt: { tokens: [1, 5, 9] }, maxTokens: 1 }); // its sampler is there, and its own keys and values
    await engine.loaded().model.sequence.makeRoom(320);
    const memory = limitMemory(0);
    try {
      const made = await answer(engine, request);
      expect(made.ids).toEqual(ids);
      expect(made.stats.notices).toEqual([expect.stringMatching(/by the draft model stories260K, which failed.*could not allocate/)]);
    } finally {
      memory.restore();
    }
    await engine.unload();
  });

  it('tells of another model that does not compile by its name, and leaves nothing', async () => {
    const engine = openEngine({ shaders: { 'formats/Q4_K': 'this is no WGSL;' } }); // which the model has no weights in
    const load = engine.load(stories(), { ...options, speculation: { lookup: false, draft: bytesOf('tiny/tiny-llama-k.gguf') } });
    await expect(load).rejects.toThrow(/^The draft model tiny-llama-k could not be loaded\..*The kernel .* does not compile/);
    expect(() => engine.loaded()).toThrow('No model is loaded');
    await engine.load(stories(), options);
    expect((await answer(engine, { prompt: { tokens }, sampling: requests[0], maxTokens: 16 })).ids).toEqual(expected.texts[0].ids);
    await engine.unload();
  });

  it('refuses another model that cannot be', async () => {
    await expect(open({ speculation: { draft: bytesOf('tiny/tiny-mamba2.gguf') } })).rejects.toThrow('has a recurrent state');
    const other = stories();
    const file = new Uint8Array(other.bytes);
    const at = Buffer.from(other.bytes).indexOf('\u2581ha'); // a token
    file[at + 3] = 'H'.charCodeAt(0);
    await expect(open({ speculation: { draft: other } })).rejects.toThrow('has "\u2581Ha" as token 300; the model has "\u2581ha"');
    await expect(open({ speculation: { draft: stories() }, budgetBytes: 2 ** 19 })).rejects.toThrow(/The draft model .+ to be whole on the GPU/);
  });

  it('says of a model with a recurrent state that nothing is guessed for it', async () => {
    const engine = openEngine();
    const { warnings } = await engine.load(bytesOf('tiny/tiny-mamba2.gguf'), { ...quick, speculation: {} });
    expect(warnings).toEqual([expect.stringContaining('the model has a recurrent state')]);
    await engine.unload();
  });

  it('refuses a shortened text that cannot be', async () => {
    await expect(open({ speculation: { shortContext: 100 } })).rejects.toThrow('speculation.shortContext is 100; it has to be a whole number from 128');
    await expect(open({ speculation: { shortContext: 320 } })).rejects.toThrow('less than the context of 320');
    await expect(open({ speculation: { lookup: false } })).rejects.toThrow('nothing else guesses');
  });
});
