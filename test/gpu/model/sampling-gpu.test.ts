// What requests ask of sampling, through the runner on Dawn: which kernels run, what is made and written per token, masks.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countCalls } from '../../../src/bench/count-calls.ts';
import { type LoadedModel } from '../../../src/engine/load/load.ts';
import { type Runner, createRunner } from '../../../src/engine/run/runner.ts';
import { RequestError } from '../../../src/errors.ts';
import { type SamplerOptions } from '../../../src/model/sampling/stage.ts';
import { type Token } from '../../../src/protocol.ts';
import { greedy } from '../../../src/reference/sampling/sampler.ts';
import { dry } from '../../../src/reference/sampling/dry.ts';
import { adapterFile } from '../../dawn.ts';
import { golden } from '../../engine.ts';
import { sharedGpu, openFixture } from '../../models/model.ts';
import { compiled } from '../../../src/model/sampling/sampler.ts';

describe.skipIf(!adapterFile)('sampling', () => {
  let model: LoadedModel;
  let runner: Runner;
  const prompt = golden.prompt_ids;
  const everything = { seed: 1, temperature: 0.9, topK: 40, repeatPenalty: 1.2, logitBias: { 5: 1 }, logprobs: 5 };

  beforeAll(async () => {
    model = await openFixture(await sharedGpu(), 'stories260K/stories260K.gguf', { logitsRows: 1 });
    runner = createRunner(model);
  });
  afterAll(() => model?.destroy());

  async function tokens(options: Partial<SamplerOptions>, most: number): Promise<Token[]> {
    const made: Token[] = [];
    const sampler = await model.samplerFor({ seed: 0, ...options });
    await runner.feed(prompt, 0);
    for await (const more of runner.tokens(sampler, prompt.length, most)) made.push(...more);
    return made;
  }
  const ids = async (options: Partial<SamplerOptions>, most: number): Promise<number[]> => (await tokens(options, most)).map(({ id }) => id);
  const words = 512 / 32;
  /** Allows only these tokens. */
  const only = (...allowed: number[]): Uint32Array<ArrayBuffer> => {
    const mask = new Uint32Array(words);
    for (const id of allowed) mask[id >> 5] |= 2 ** (id & 31);
    return mask;
  };

  it.each<[string, Partial<SamplerOptions>, string[]]>([
    ['greedy', {}, ['argmax', 'argmax-finish']],
    ['greedy, penalties that change nothing', { repeatPenalty: 1, penaltyLast: 10 }, ['argmax', 'argmax-finish']],
    ['drawn', { temperature: 1, topK: 5, topP: 0.9, minP: 0.1 }, ['argmax', 'sample-histogram', 'sample-narrow', 'sample']],
    ['drawn from typical tokens', { temperature: 1, typicalP: 0.5 }, ['typical', 'argmax', 'sample-histogram', 'sample-narrow', 'sample']],
    [
      'all',
      { ...everything, mask: new Uint32Array(16).fill(1) },
      ['logprobs', 'bias', 'penalties', 'mask', 'argmax', 'sample-histogram', 'sample-narrow', 'sample', 'logprobs-finish'],
    ],
  ])('dispatches for a request that is %s what it asks for and no more', async (_, options, kernels) => {
    const { program } = await compiled(model.samplerFor, { seed: 0, ...options });
    expect(program.dispatches.map(({ kernel }) => kernel.kernel)).toEqual(kernels);
  });

  it.each<[string, Partial<SamplerOptions>, number]>([
    ['greedy', {}, 2],
    ['drawn', { temperature: 1 }, 4],
    ['with everything', everything, 8],
    ['with DRY', { dry: { multiplier: 1 } }, 3],
  ])('makes and writes nothing for a token, %s', async (_, options, kernels) => {
    await tokens(options, 40); // compiles and binds
    const sampler = await model.samplerFor({ seed: 0, ...options });
    await runner.feed(prompt, 0);
    const made = runner.tokens(sampler, prompt.length, 33);
    await made.next();
    const calls = countCalls();
    let count = 0;
    for await (const more of made) count += more.length;
    const { creations, writeBuffers, dispatches } = calls.read();
    const body = [...model.programs.decode, ...model.heads.last].reduce((sum, { program }) => sum + program.dispatches.length, 0);
    expect({ count, creations, writeBuffers, dispatches }).toEqual({ count: 32, creations: 0, writeBuffers: 0, dispatches: 32 * (body + kernels) });
  });

  it('a mask that the CPU makes for each token sees those before it, and lets no token be made ahead', async () => {
    const seen: number[][] = [];
    const made = await ids({ mask: (chosen) => {
      seen.push([...chosen]);
      return only(100 + chosen.length);
    } }, 5);
    expect(made).toEqual([100, 101, 102, 103, 104]);
    expect(seen).toEqual(made.map((_, i) => made.slice(0, i)));
    expect((await model.samplerFor({ seed: 0, mask: only(1) })).ahead).toBe(true);
    expect((await model.samplerFor({ seed: 0, mask: () => only(1) })).ahead).toBe(false);
  });

  it('a mask of all tokens of an answer keeps to them, greedy and drawn, and is gone with its request', async () => {
    const even = new Uint32Array(words).fill(0x55555555);
    for (const temperature of [0, 1.5]) expect((await ids({ mask: even, temperature, seed: 4 }, 30)).filter((id) => id % 2)).toEqual([]);
    expect(await ids({}, 30)).toEqual(golden.ids.slice(0, 30));
  });

  it('a mask that allows nothing is an error of the request, and of a mask', async () => {
    await expect(ids({ mask: only() }, 3)).rejects.toThrow('The mask allows none of the 512 tokens');
    await expect(ids({ mask: (chosen) => only(...(chosen.length < 2 ? [7] : [])) }, 5)).rejects.toThrow(
      'The mask of token 3 of the answer allows none of the 512 tokens',
    );
    await expect(ids({ mask: only() }, 3)).rejects.toThrow(RequestError);
    expect(await ids({}, 10)).toEqual(golden.ids.slice(0, 10));
  });

  it('a token that ends an answer keeps its record, whatever was queued behind it', async () => {
    const plain = await tokens({ logprobs: 3 }, 12);
    const ended = await tokens({ logprobs: 3, ends: [plain[4].id] }, 12);
    expect(plain.findIndex(({ id }) => id === plain[4].id)).toBe(4);
    expect(ended[4]).toEqual(plain[4]);
    expect(ended.slice(0, 5)).toEqual(plain.slice(0, 5));
  });

  it('DRY takes the most likely token of what the reference leaves, and so says no phrase again', async () => {
    const options = { dry: { multiplier: 2, base: 2, allowedLength: 1 }, dryBreakers: [{ tail: [], heads: [13] }] };
    const made = await tokens({ logprobs: 20, ...options }, 120);
    const all = [...prompt, ...made.map(({ id }) => id)];
    let changed = 0;
    made.forEach(({ id, top }, i) => {
      const logits = new Float32Array(512).fill(-1e30); // what is not listed is less likely, and nothing becomes more so
      for (const each of top!) logits[each.id] = each.logprob;
      const left = dry(logits, all.slice(0, prompt.length + i), options.dry, options.dryBreakers);
      expect(id).toBe(greedy(left));
      if (id !== top![0].id) changed++;
    });
    expect(changed).toBeGreaterThan(1);
  });

  it('gives the same tokens with penalties however an answer was come by', async () => {
    const options = { temperature: 1, seed: 9, repeatPenalty: 1.3, presencePenalty: 0.5, penaltyLast: 32, dry: { multiplier: 1, allowedLength: 1 } };
    const whole = await ids(options, 24);
    const sampler = await model.samplerFor(options);
    await runner.feed([...prompt, ...whole.slice(0, 10)], 0);
    const rest: number[] = [];
    for await (const more of runner.tokens(sampler, prompt.length + 10, 14)) rest.push(...more.map(({ id }) => id));
    expect(rest).toEqual(whole.slice(10));
  });
});
