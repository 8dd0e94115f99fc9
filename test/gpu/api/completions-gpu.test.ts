// The page's API over a real engine on Dawn, in place of a worker's: raw completions against llama.cpp's golden tokens.
import { beforeAll, describe, expect, it } from 'vitest';
import { type CompletionChunk, type CompletionParams } from '../../../src/api/completions/completions.ts';
import { createEngine, type Engine } from '../../../src/api/engine.ts';
import { FakeWorker } from '../../doubles/fake-worker.ts';
import { type GenerateEvent, type Token } from '../../../src/protocol.ts';
import { greedy } from '../../../src/reference/sampling/sampler.ts';
import { logSoftmax } from '../../../src/reference/sampling/logprobs.ts';
import { penalise } from '../../../src/reference/sampling/penalties.ts';
import { floatsFixture } from '../../models/fixture.ts';
import { record } from '../../verified.ts';
import { adapterFile, dawn } from '../../dawn.ts';
import { golden, openEngine, quick, stories } from '../../engine.ts';

describe.skipIf(!adapterFile)('raw completions', () => {
  const maxTokens = 24;
  let engine: Engine;
  let ids: number[] = []; // of the last request
  let tokens: Token[] = [];
  const inner = openEngine();

  beforeAll(async () => {
    dawn();
    const worker = new FakeWorker({
      load: () => inner.load(stories(), quick),
      async generate(request, port) {
        ids = [];
        tokens = [];
        const send = (event: GenerateEvent): void => port.postMessage(event);
        const { reason, stats } = await inner.generate(request, (more, text) => {
          ids.push(...more.map(({ id }) => id));
          tokens.push(...more);
          send({ type: 'tokens', tokens: more, text });
        });
        send({ type: 'done', reason, stats });
      },
      unload: () => inner.unload(),
    });
    engine = await createEngine({ model: stories().bytes, worker: worker as unknown as Worker });
    return () => engine.unload();
  });

  it.each([
    ['a text', golden.prompt],
    ['token ids', golden.prompt_ids],
  ])('go on from %s with the golden tokens, whole and streamed alike', async (_, prompt) => {
    const {
      choices: [{ text, finish_reason }],
      usage,
    } = await engine.completions.create({ prompt, max_tokens: maxTokens });
    expect(ids).toEqual(golden.ids.slice(0, maxTokens));
    expect(golden.text.startsWith(text.trimStart())).toBe(true);
    expect(finish_reason).toBe('length');
    expect(usage).toMatchObject({ prompt_tokens: golden.prompt_ids.length, completion_tokens: maxTokens });

    const chunks: CompletionChunk[] = [];
    for await (const chunk of await engine.completions.create({ prompt, max_tokens: maxTokens, stream: true })) chunks.push(chunk);
    expect(ids).toEqual(golden.ids.slice(0, maxTokens));
    expect(chunks.map(({ choices }) => choices[0].text).join('')).toBe(text);
    expect(chunks.reduce((sum, { tokens = 0 }) => sum + tokens, 0)).toBe(maxTokens);
  });

  it('tell log-probabilities within 1e-3 of those of the golden logits, after each token of the prompt', async () => {
    const { vocab } = inner.loaded().model.graph.config;
    const rows = floatsFixture('stories260K/prompt.f32');
    let worst = 0;
    for (let length = 1; length <= golden.prompt_ids.length; length++) {
      const {
        choices: [{ logprobs }],
      } = await engine.completions.create({ prompt: golden.prompt_ids.slice(0, length), max_tokens: 1, logprobs: 20, temperature: 1.5, seed: length });
      const expected = logSoftmax(rows.subarray((length - 1) * vocab, length * vocab));
      const chosen = expected.find(({ id }) => id === ids[0])!;
      expect(tokens[0].top!.map(({ id }) => id)).toEqual(expected.slice(0, 20).map(({ id }) => id));
      const errors = [logprobs!.token_logprobs[0] - chosen.logprob, ...tokens[0].top!.map(({ logprob }, i) => logprob - expected[i].logprob)];
      worst = Math.max(worst, ...errors.map(Math.abs));
      expect(Object.values(logprobs!.top_logprobs![0])).toContain(logprobs!.token_logprobs[0]);
    }
    record({
      point: 'Log-probabilities of the chosen token and of 20 others against the golden logits (limit 1e-3)',
      command: 'npx vitest run --project gpu test/gpu/api/completions-gpu.test.ts',
      value: worst,
    });
    expect(worst).toBeLessThan(1e-3);
  });

  it('tell of tokens made several per submit what they tell of each alone, whatever was made of the logits', async () => {
    const asked = { max_tokens: 40, logprobs: 3, repeat_penalty: 1.3, frequency_penalty: 0.2, temperature: 0.8, seed: 3 };
    const { choices: [{ text, logprobs }] } = await engine.completions.create({ prompt: golden.prompt_ids, ...asked });
    const made = [...ids];
    expect(logprobs!.tokens.join('')).toBe(text);
    expect(logprobs!.text_offset.map((offset, i) => text.slice(offset, offset + logprobs!.tokens[i].length))).toEqual(logprobs!.tokens);
    const chunks: CompletionChunk[] = [];
    for await (const chunk of await engine.completions.create({ prompt: golden.prompt_ids, ...asked, stream: true })) chunks.push(chunk);
    const streamed = chunks.flatMap(({ choices }) => choices[0].logprobs ?? []);
    expect({
      tokens: streamed.flatMap((each) => each.tokens),
      token_logprobs: streamed.flatMap((each) => each.token_logprobs),
      text_offset: streamed.flatMap((each) => each.text_offset),
      top_logprobs: streamed.flatMap((each) => each.top_logprobs!),
    }).toEqual(logprobs);
    for (let i = 0; i < made.length; i++) {
      await engine.completions.create({ prompt: [...golden.prompt_ids, ...made.slice(0, i)], max_tokens: 1, logprobs: 20 });
      const alone = tokens[0].top!.find(({ id }) => id === made[i]);
      if (alone) expect(Math.abs(alone.logprob - logprobs!.token_logprobs[i])).toBeLessThan(1e-4);
      tokens[0]
        .top!.slice(0, 3)
        .forEach(({ logprob }, place) =>
          expect(Math.abs(logprob - Object.values(logprobs!.top_logprobs![i]).toSorted((a, b) => b - a)[place])).toBeLessThan(1e-4),
        );
    }
  });

  it('give the prompt back, with what the golden logits say of each of its tokens, and with nothing made of it', async () => {
    const { vocab } = inner.loaded().model.graph.config;
    const rows = floatsFixture('stories260K/prompt.f32');
    const [bos, ...prompt] = golden.prompt_ids;
    const expected = prompt.map((id, i) => logSoftmax(rows.subarray(i * vocab, (i + 1) * vocab)).find((each) => each.id === id)!.logprob);
    const echoed = async (params: Partial<CompletionParams>) =>
      (await engine.completions.create({ prompt: golden.prompt, echo: true, ...params, stream: false })).choices[0];
    const { text, logprobs, finish_reason } = await echoed({ max_tokens: 0, logprobs: 2 });
    expect([text, finish_reason, logprobs!.tokens.join('')]).toEqual([golden.prompt, 'length', golden.prompt]);
    expect(Math.max(...logprobs!.token_logprobs.map((value, i) => Math.abs(value - expected[i])))).toBeLessThan(1e-3);
    expect(logprobs!.text_offset.map((offset, i) => text.slice(offset, offset + logprobs!.tokens[i].length))).toEqual(logprobs!.tokens);
    expect(await echoed({ max_tokens: 0 })).toMatchObject({ text: golden.prompt, logprobs: null });
    const alone = await engine.completions.create({ prompt: golden.prompt, max_tokens: 12, logprobs: 1 });
    const both = await echoed({ max_tokens: 12, logprobs: 1 });
    expect(both.text).toBe(golden.prompt + alone.choices[0].text);
    // Of many tokens, over several steps: the golden text, each of whose tokens was the most likely one.
    const { logprobs: long } = await echoed({ prompt: [bos, ...prompt, ...golden.ids.slice(0, 150)], max_tokens: 1, logprobs: 1 });
    expect(long!.token_logprobs).toHaveLength(prompt.length + 151);
    for (const [i, value] of long!.token_logprobs.entries()) {
      const best = Math.max(...Object.values(long!.top_logprobs![i]));
      if (i >= prompt.length) expect(Math.abs(value - best)).toBeLessThan(1e-4);
      const made = alone.choices[0].logprobs!.token_logprobs[i - prompt.length];
      if (made !== undefined) expect(Math.abs(value - made)).toBeLessThan(1e-4);
    }
    const { logprobs: bare } = await echoed({ prompt: prompt.slice(0, 2), max_tokens: 0, logprobs: 0 });
    expect([bare!.token_logprobs[0], bare!.token_logprobs.length]).toEqual([null, 2]);
    await expect(engine.completions.create({ prompt: golden.prompt, max_tokens: 0 })).rejects.toThrow('max_tokens is 0; it must be a whole number from 1');
  });

  it('follow penalties and biases as the reference chooses, from the tokens of the prompt on', async () => {
    const { vocab } = inner.loaded().model.graph.config;
    const prompt = golden.prompt_ids;
    const last = floatsFixture('stories260K/prompt.f32').subarray((prompt.length - 1) * vocab, prompt.length * vocab);
    const [first, second] = logSoftmax(last);
    await engine.completions.create({ prompt, max_tokens: 1, logit_bias: { [first.id]: -100 } });
    expect(ids).toEqual([second.id]);
    for (const presence_penalty of [0, 2]) {
      await engine.completions.create({ prompt, max_tokens: 1, repeat_penalty: 2, frequency_penalty: 1, presence_penalty, penalty_last_n: -1 });
      expect(ids).toEqual([greedy(penalise(last, prompt, { repeatPenalty: 2, frequencyPenalty: 1, presencePenalty: presence_penalty }))]);
    }
    await expect(engine.completions.create({ prompt, max_tokens: 1, logit_bias: { [vocab]: 1 } })).rejects.toThrow(
      `logitBias names the token ${vocab}; the vocabulary has ${vocab}.`,
    );
  });

  it('repeat fewer words with a penalty', async () => {
    const distinct = async (frequency_penalty: number): Promise<number> => {
      await engine.completions.create({ prompt: golden.prompt_ids, max_tokens: 120, frequency_penalty });
      return new Set(ids).size;
    };
    expect(await distinct(0.5)).toBeGreaterThan(await distinct(0));
  });

  it('end before a text of stop', async () => {
    const { choices: [{ text }] } = await engine.completions.create({ prompt: golden.prompt, max_tokens: maxTokens });
    const stop = text.trim().split(' ')[3];
    const { choices: [stopped] } = await engine.completions.create({ prompt: golden.prompt, max_tokens: maxTokens, stop });
    expect(stopped).toMatchObject({ text: text.slice(0, text.indexOf(stop)), finish_reason: 'stop' });
  });
});
