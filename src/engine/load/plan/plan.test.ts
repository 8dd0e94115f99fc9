// The plan from headers alone. That it holds on a device is shown by the tests of the engine on Dawn.
import { kvFormat } from '../../../kv/formats/catalogue.ts';
import { describe, expect, it } from 'vitest';
import { fixture } from '../../../../test/models/fixture.ts';
import { gemma27B, llama3B, llama8B } from '../../../../test/models/large-headers.ts';
import { type Header } from '../../../gguf/header.ts';
import { readHeader } from '../../../gguf/read.ts';
import { bytesSource } from '../../../weights/source/source.ts';
import { activationStrides } from '../../../model/activations.ts';
import { opsOf } from '../../../model/operations.ts';
import { type OpenedModel, openModel } from '../opened.ts';
import { type PlanOptions, plan } from './plan.ts';
import { smallestBudget } from './refusal.ts';

const open = async (path: string): Promise<OpenedModel> => openModel(await readHeader(bytesSource(fixture(path), path)));
/** All matrices of another type, whose blocks of 32 have so many bytes. */
const ofType = (header: Header, type: string, blockBytes: number): Header => ({
  ...header,
  tensors: new Map([...header.tensors].map(([name, tensor]) =>
    [name, tensor.type === 'F32' ? tensor : { ...tensor, type, byteLength: (tensor.shape.reduce((a, b) => a * b, 1) / 32) * blockBytes }])),
});
const options: PlanOptions = { budgetBytes: 2 ** 32, context: 512, chunk: 128, logitsRows: 1, kv: kvFormat('f16') };
const models = [
  'stories260K/stories260K.gguf', 'tiny/tiny-llama-k.gguf', 'tiny/tiny-llama-low.gguf', 'tiny/tiny-mistral.gguf', 'tiny/tiny-gemma3.gguf',
  'tiny/tiny-phi3.gguf',
];

describe.each(models)('the plan of %s', (path) => {
  it('holds everything where the budget allows it, weights as large as their layout', async () => {
    const opened = await open(path);
    const planned = plan(opened, options);
    expect(planned).toMatchObject({ verdict: 'fits', context: 512, slots: 0, streamedBytes: 0 });
    expect(planned.reason).toBeUndefined();
    const grids = path.includes('low') ? 8 * (256 + 512 + 1024 + 2 * 2048) + 4 * (256 + 512) : 0; // points of the IQ types
    expect(planned.bytes.weights).toBe(opened.layout.byteLength + grids);
    expect(planned.totalBytes).toBe(Object.values(planned.bytes).reduce((a, b) => a + b, 0));
    expect(plan(opened, { ...options, budgetBytes: planned.totalBytes }).verdict).toBe('fits');
  });

  it('stays within every budget from the smallest on and refuses those below', async () => {
    const opened = await open(path);
    const least = smallestBudget(opened, { ...options, chunk: 16 });
    const most = plan(opened, options).totalBytes;
    expect(least).toBeLessThan(most);
    for (let step = 0; step <= 8; step++) {
      const budgetBytes = Math.ceil(least + ((most - least) * step) / 8);
      const planned = plan(opened, { ...options, budgetBytes });
      expect(planned.verdict, `${budgetBytes} bytes`).not.toBe('refused');
      expect(planned.totalBytes).toBeLessThanOrEqual(budgetBytes);
    }
    expect(plan(opened, { ...options, budgetBytes: least - 1 }).verdict).toBe('refused');
  });

  it('divides the weights so that every byte is in one slice at most, and all but the input embeddings in one', async () => {
    const opened = await open(path);
    const planned = plan(opened, { ...options, budgetBytes: smallestBudget(opened, { ...options, chunk: 16 }) });
    opened.layout.sections.forEach(({ byteLength }, section) => {
      const own = planned.slices.filter((slice) => slice.section === section).toSorted((a, b) => a.start - b.start);
      if (section === 0 && own.length === 0) return; // read by rows
      expect(own[0].start).toBe(0);
      expect(own.at(-1)!.end).toBe(byteLength);
      for (let i = 1; i < own.length; i++) expect(own[i].start).toBe(own[i - 1].end);
    });
    expect(planned.streamedBytes).toBeGreaterThan(0);
  });
});

const large = { 'a 27B': gemma27B, 'an 8B': llama8B };

describe.each([...models, ...Object.keys(large)])('from budget to budget, the plan of %s', (name) => {
  it('never passes the budget, and keeps no fewer bytes with more of it where steps and slices are as long', async () => {
    const opened = name in large ? await openModel(large[name as keyof typeof large]()) : await open(name);
    const most = plan(opened, { ...options, budgetBytes: 2 ** 40 }).totalBytes;
    const least = smallestBudget(opened, { ...options, chunk: 16 });
    const kept = new Map<string, number>();
    const verdicts = Array.from({ length: 33 }, (_, step) => {
      const budgetBytes = Math.ceil(0.9 * least + ((most - 0.9 * least) * step) / 32);
      const { verdict, totalBytes, chunk, slices, slots, uploadBytes, keptBytes } = plan(opened, { ...options, chunk: 512, budgetBytes });
      if (verdict === 'refused') return verdict;
      expect(totalBytes).toBeLessThanOrEqual(budgetBytes);
      const kind = [verdict, chunk, slices.length, slots, uploadBytes === 2 ** 16].join();
      expect(keptBytes, `${budgetBytes} bytes`).toBeGreaterThanOrEqual(kept.get(kind) ?? 0);
      kept.set(kind, keptBytes);
      return verdict;
    });
    expect(new Set(verdicts)).toEqual(new Set(['refused', 'streams', 'fits']));
  });
});

describe('the plan', () => {
  it('takes more for a longer context, for f32 and for the logits of every token', async () => {
    const opened = await open('tiny/tiny-mistral.gguf');
    const { bytes } = plan(opened, options);
    expect(plan(opened, { ...options, kv: kvFormat('f32') }).bytes.kv).toBe(2 * bytes.kv);
    expect(plan(opened, { ...options, context: 256 }).bytes.kv).toBe(bytes.kv / 2);
    // A byte per number and 4 per head, where f16 has 2 per number.
    expect(plan(opened, { ...options, kv: kvFormat('q8') }).bytes.kv / bytes.kv).toBe((opened.graph.config.headDim + 4) / (2 * opened.graph.config.headDim));
    const chosen = 8 * 4 + 32 + 8 * 4 * 32 * Math.ceil(opened.graph.config.dim / 32); // rows, state, activations
    expect(plan(opened, { ...options, logitsRows: 128 }).bytes.activations).toBe(bytes.activations + 127 * 4 * 512 + chosen);
    expect(plan(opened, { ...options, logitsRows: 5 }).bytes.activations).toBe(bytes.activations + 4 * 4 * 512 + chosen);
  });

  it('makes steps long where all weights stay all the same, or where they take little of the budget', async () => {
    const opened = await open('tiny/tiny-mistral.gguf');
    const long = { ...options, chunk: 512 };
    const [most, least] = [512, 128].map((chunk) => plan(opened, { ...options, chunk }).totalBytes);
    const chunkOf = (budgetBytes: number, more = {}) => {
      const { verdict, chunk } = plan(opened, { ...long, budgetBytes, ...more });
      return [verdict, chunk];
    };
    const between = Array.from({ length: 9 }, (_, i) => chunkOf(least + ((most - least) * i) / 8));
    expect(new Set(between.map(([verdict, chunk]) => `${verdict} ${chunk}`))).toEqual(new Set(['fits 128', 'fits 256', 'fits 512']));
    expect(chunkOf(smallestBudget(opened, { ...options, chunk: 128 }))).toEqual(['streams', 128]);
    const [deep, stories] = [{ ...options, context: 2 ** 18 }, await open('stories260K/stories260K.gguf')];
    const nearly = plan(stories, deep).totalBytes - 2 ** 14;
    expect(plan(stories, { ...deep, chunk: 256, stretch: 0, budgetBytes: nearly })).toMatchObject({ verdict: 'streams', chunk: 256 });
    // As much as the buffers of 256 tokens have, in one binding: those of 512 do not fit.
    expect(
      chunkOf(most, { maxBindingBytes: 4 * 256 * Math.max(...Object.values(activationStrides(opened.graph.config, opsOf(opened.graph))).slice(0, -1)) })[1],
    ).toBe(256);
  });

  it('has several steps of a prompt pass through streamed weights together, for a 32nd of the budget at most', async () => {
    const opened = await openModel(llama3B());
    const at = (budgetBytes: number, more: Partial<PlanOptions> = {}) => plan(opened, { ...options, context: 4096, budgetBytes, ...more });
    const [whole, most] = [2 ** 34, 2 ** 30].map((budgetBytes) => at(budgetBytes));
    expect(whole).toMatchObject({ verdict: 'fits', stretch: 128 });
    expect(most).toMatchObject({ verdict: 'streams', chunk: 128, stretch: 16 * 128, slots: 2 });
    const rowBytes = 4 * opened.graph.config.dim;
    expect(most.bytes.activations - at(2 ** 30, { stretch: 0 }).bytes.activations).toBe(16 * 128 * rowBytes);
    expect(16 * 128 * rowBytes).toBeLessThanOrEqual(2 ** 30 / 32);
    expect(at(2 ** 30, { context: 300 }).stretch).toBe(300);
    const shape = { bytes: { full: 2 ** 28, growing: 0, shared: 0 }, away: { gpu: 0, home: 0, whole: 0 }, dispatches: 0 } as unknown as PlanOptions['shape'];
    expect(at(2 ** 30, { shape })).toMatchObject({ verdict: 'streams', stretch: 128 }); // a policy has its say after each step
  });

  const largeLayers = [['Q4_K_M', 2 ** 30, 896], ['Q4_K_M', 2 ** 32, 2048], ['Q8_0', 2 ** 32, 1792]] as const;
  it.each(largeLayers)(
    'has them pass through the slices of layers that are larger than one, of an 8B in %s with %i bytes', async (type, budgetBytes, stretch) => {
      const isCut = type === 'Q8_0'; // its gated product
      const opened = await openModel(isCut ? ofType(llama8B(), type, 34) : llama8B());
      const given = { ...options, context: 4096, chunk: 512, budgetBytes };
      const planned = plan(opened, given);
      expect(planned).toMatchObject({ verdict: 'streams', slots: 2, stretch });
      // Of a token the residual stream and the hidden numbers; where a gated product is cut, its input and both halves of it.
      const { dim, ffn } = opened.graph.config;
      expect(planned.heldBytes).toBe(planned.chunk * 4 * (dim + (isCut ? dim + 2 * ffn : ffn)));
      const sizes = { ...given, chunk: planned.chunk };
      const without = plan(opened, { ...sizes, stretch: 0 });
      const steps = Math.ceil(stretch / planned.chunk);
      expect(planned.bytes.activations - without.bytes.activations).toBe(steps * planned.heldBytes!);
      expect(steps * planned.heldBytes!).toBeLessThanOrEqual(budgetBytes / 16);
      expect([planned.slots, planned.slices.length]).toEqual([without.slots, without.slices.length]);
    },
  );

  it('has rows of logits for several sequences, but where only without them all weights stay or the model runs at all', async () => {
    const opened = await open('tiny/tiny-mistral.gguf');
    const several = { ...options, logitsRows: 8 };
    const [one, eight] = [options, several].map((each) => plan(opened, each).totalBytes);
    const at = (budgetBytes: number) => {
      const { verdict, logitsRows } = plan(opened, { ...several, budgetBytes });
      return [verdict, logitsRows];
    };
    const least = smallestBudget(opened, { ...options, chunk: 16 });
    const found = Array.from({ length: 501 }, (_, i) => at(Math.round(eight + ((least - eight) * i) / 500)).join(' '));
    expect([...new Set(found)]).toEqual(['fits 8', 'fits 1', 'streams 8', 'streams 1']);
    expect(at(least - 1)).toEqual(['refused', 1]);
    expect(at(one)[0]).toBe('fits');
    expect(plan(opened, { ...options, logitsRows: 128, budgetBytes: least }).verdict).toBe('refused'); // those of all tokens are asked for by name
  });

  it('has rows of logits for guesses wherever bytes are taken for what makes them', async () => {
    const opened = await open('tiny/tiny-mistral.gguf');
    const draft = { plan: { totalBytes: 2 ** 16 } };
    for (const guessing of [{ draft }, { speculation: { shortContext: 128 } }]) {
      const several = { ...options, logitsRows: 8, ...guessing };
      const least = smallestBudget(opened, { ...several, chunk: 16 });
      const most = plan(opened, several).totalBytes;
      const found = Array.from({ length: 51 }, (_, i) => plan(opened, { ...several, budgetBytes: Math.round(most + ((least - most) * i) / 50) }));
      expect(new Set(found.map(({ verdict, logitsRows }) => `${verdict} ${logitsRows}`))).toEqual(new Set(['fits 8', 'streams 8']));
      expect(plan(opened, { ...several, budgetBytes: least - 1 }).verdict).toBe('refused');
    }
  });

  it('has room for as many full sequences as are asked for', async () => {
    const opened = await open('tiny/tiny-mistral.gguf');
    const [one, three] = [1, 3].map((sequences) => plan(opened, { ...options, sequences }));
    const each = three.bytes.kv - one.bytes.kv;
    expect(each).toBeGreaterThan(2 * one.bytes.kv); // and all else that a sequence has
    expect(each).toBeLessThan(2 * (one.bytes.kv + 2 ** 15));
    expect({ ...three.bytes, kv: 0, staging: 0 }).toEqual({ ...one.bytes, kv: 0, staging: 0 });
    expect(plan(opened, { ...options, sequences: 3, budgetBytes: 2 ** 20 }).reason).toMatch(/keys and values of 3 times 512 tokens/);
  });

  it('takes a length of steps that is no power of two', async () => {
    const opened = await open('tiny/tiny-mistral.gguf');
    expect(plan(opened, { ...options, chunk: 200 })).toMatchObject({ verdict: 'fits', chunk: 200 });
    expect(plan(opened, { ...options, chunk: 200, budgetBytes: 1000 })).toMatchObject({ verdict: 'refused', chunk: 128 });
  });

  it('says what is needed when it refuses, and a context that would do', async () => {
    const opened = await open('tiny/tiny-mistral.gguf');
    const long = { ...options, context: 2 ** 20 };
    const { verdict, reason, totalBytes } = plan(opened, { ...long, budgetBytes: 2 ** 26 });
    expect(verdict).toBe('refused');
    expect(reason).toMatch(/needs at least .* on the GPU .*; the budget is .*\. Choose a context of up to \d+ instead of 1048576/);
    const advised = Number(/up to (\d+)/.exec(reason!)![1]);
    expect(plan(opened, { ...long, budgetBytes: 2 ** 26, context: advised }).verdict).not.toBe('refused');
    expect(totalBytes).toBeGreaterThan(2 ** 26);
  });
});
