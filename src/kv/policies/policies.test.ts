// What policies plan, from headers alone: names, bytes, budgets that are kept, and refusals.
import { expect, it } from 'vitest';
import { fixture } from '../../../test/models/fixture.ts';
import { optionsFor } from '../../engine/load/options.ts';
import { openModel } from '../../engine/load/opened.ts';
import { keysValuesOf } from '../../engine/load/plan/keys-values.ts';
import { checkLimits } from '../../engine/load/plan/limits.ts';
import { plan } from '../../engine/load/plan/plan.ts';
import { BudgetError, RequestError } from '../../errors.ts';
import { readHeader } from '../../gguf/read.ts';
import { plainChoice } from '../../model/choices/kernel-choice.ts';
import { type LoadOptions } from '../../protocol.ts';
import { bytesSource } from '../../weights/source/source.ts';
import { kvFormat } from '../formats/catalogue.ts';
import { type KvPlan, type PolicyModel } from '../policy.ts';
import { framesOfSet } from '../set-bytes.ts';
import { shapedBytes } from '../shaped-bytes.ts';
import { policies } from './catalogue.ts';
import { policyNames } from './names.ts';

const device = { device: { limits: {} }, software: false } as unknown as Parameters<typeof optionsFor>[1];

const tiny = readHeader(bytesSource(fixture('tiny/tiny-llama-f16.gguf'), 'tiny')).then(openModel);

/** What a tiny llama (2 layers of 2 kv heads of 64) takes. */
async function planned(options: LoadOptions, trained?: number) {
  const found = await tiny;
  const { graph } = found;
  const opened = trained ? { ...found, graph: { ...graph, config: { ...graph.config, context: trained } } } : found;
  const asked = await optionsFor(opened, device, { budgetBytes: 2 ** 32, context: 512, ...options }, { ...plainChoice, chunk: 64 });
  const result = plan(opened, asked);
  return { ...keysValuesOf(opened, asked, result), config: opened.graph.config, context: result.context, totalBytes: result.totalBytes, asked };
}

it('are listed by name, each with words of its own', () => {
  expect(policyNames.map(({ name }) => name).sort()).toEqual([...policies.keys()].sort());
  expect(new Set(policyNames.map(({ label }) => label)).size).toBe(policyNames.length);
});

it('take for a token what their formats take', async () => {
  const { config, bytesPerToken: f16 } = await planned({});
  const { layers, kvHeads, headDim } = config;
  expect(f16).toBe(layers * kvHeads * headDim * 4);
  const groups = Math.ceil(headDim / 32);
  const listed = (layers * kvHeads * 4) / 32; // the number of each page
  const token = (bits: number) => layers * kvHeads * (2 * groups * 4 * bits + 8 * groups) + listed;
  const channel = (bits: number) => layers * kvHeads * (2 * groups * 4 * bits + 4 * groups + (4 * headDim) / 32) + listed;
  const restored = f16 / layers; // one layer, made again of latents
  const channels = [['kivi4', channel(4)], ['kivi3', channel(3)], ['kivi2', channel(2)], ['xquant4', channel(4) + restored]] as const;
  const bounds = (layers * kvHeads * 4 * headDim) / 16; // of runs of 16 tokens
  const of = async (kv: string, kvOptions?: Record<string, number>) => (await planned({ kv, kvOptions, kernels: 'chunk=64' })).bytesPerToken;
  for (const [kv, bytes] of [['q4', token(4)], ['q2', token(2)], ...channels] as const) expect(await of(kv), kv).toBeCloseTo(bytes, 1);
  expect(await of('quest')).toBeGreaterThan(f16 + bounds);
  expect(await of('h2o')).toBeGreaterThan(f16 / 4);
  expect(await of('snapkv', { share: 0.5 })).toBeGreaterThan(1.5 * f16); // all of a prompt, and what stays of it
  expect(await of('streaming', { slots: 64 })).toBe(0);
});

it.each(policyNames.map(({ name }) => name))('as many tokens as a plan of %s tells have room, and not a page more', async (kv) => {
  const kvHeads = [[1, 0], [0, 1]];
  const { readsHeads, endless } = policies.get(kv)!;
  const own = { kv, kernels: 'chunk=64', ...(readsHeads && { kvHeads }) };
  const { bytes, asked } = await planned({ ...own, context: 256 });
  const kvBudgetBytes = Math.ceil((bytes + asked.shape!.bytes.growing) / 16) * 16 + 16;
  const { fits, config } = await planned({ ...own, context: 256, kvBudgetBytes });
  expect(fits).toBeGreaterThanOrEqual(256);
  expect((await planned({ ...own, context: fits, kvBudgetBytes })).bytes).toBeLessThanOrEqual(kvBudgetBytes);
  if (fits === config.context) return void expect(endless ?? fits - 256, 'what has room for any length').toBeTruthy();
  await expect(planned({ ...own, context: fits + 32, kvBudgetBytes })).rejects.toThrow(BudgetError);
});

it('a budget of keys and values shortens the context of a format, and decides how much streaming keeps', async () => {
  const plain = await planned({});
  const unasked = (options: LoadOptions) => planned({ context: undefined, ...options });
  const half = await unasked({ kvBudgetBytes: plain.bytes / 2 });
  expect(half.context).toBe(256);
  expect(half.bytes).toBeLessThanOrEqual(plain.bytes / 2);
  const four = await unasked({ kvBudgetBytes: plain.bytes / 2, sequences: 4 }); // of all four together
  expect(four.context).toBe(64);
  const codes = await unasked({ kv: 'kivi4', kvBudgetBytes: plain.bytes / 2, kernels: 'chunk=64' });
  expect(codes.context).toBeGreaterThan(64); // a window and a step stand beside codes
  expect(codes.bytes).toBeLessThanOrEqual(plain.bytes / 2);
  await expect(unasked({ kv: 'kivi4', kvBudgetBytes: plain.bytes / 2, kernels: 'chunk=64', context: codes.context + 32 })).rejects.toThrow(BudgetError);
  for (const share of [0.5, 0.7]) {
    const streaming = await planned({ kv: 'streaming', kvBudgetBytes: share * plain.bytes, kernels: 'chunk=64' });
    expect(streaming.context).toBe(512);
    expect(streaming.bytes).toBeLessThanOrEqual(share * plain.bytes);
    expect(streaming.bytes).toBeGreaterThan(0.8 * share * plain.bytes);
  }
});

it('what latents are made by is counted once for all conversations, and within their budget', async () => {
  const of = (sequences: number, options: LoadOptions = {}) => planned({ kv: 'xquant4', sequences, ...options });
  const [one, four] = [await of(1), await of(4)];
  const { shared, full, growing } = one.asked.shape!.bytes;
  const channels = 2 * 64; // of each of 2 layers
  const { sharedBytes, scratchBytes } = one.asked.shape!.plan;
  expect(sharedBytes).toBe(2 * (8 * channels ** 2 + 16 * channels));
  expect([one.homeBytes, four.homeBytes]).toEqual([sharedBytes, sharedBytes]); // worker memory keeps as many
  expect(shared).toBe(sharedBytes! + scratchBytes!);
  expect(four.bytes).toBeLessThan(4 * one.bytes - 2 * shared); // 3, but for what else a conversation has
  expect(four.bytes).toBeGreaterThanOrEqual(shared + 4 * full);
  expect((await of(4, { kvBudgetBytes: shared + growing + 4 * full })).asked.shape!.bytes).toEqual(one.asked.shape!.bytes);
  await expect(of(4, { kvBudgetBytes: shared + growing + 4 * full - 4 })).rejects
    .toThrow(/beside 0\.8 MiB that all share and [\d.]+ MiB that are there twice while they grow; xquant4 needs/);
  await expect(of(4, { kvBudgetBytes: 1000 })).rejects.toThrow('leaves 0.0 MiB for a conversation, beside 0.8 MiB');
});

it('a budget that is too small is refused with both numbers', async () => {
  await expect(planned({ kvBudgetBytes: 1000 })).rejects.toThrow(BudgetError);
  const { bytes } = await planned({});
  await expect(planned({ kvBudgetBytes: bytes / 2 })).rejects
    .toThrow(`kvBudgetBytes is ${bytes / 2}; a context of 512 tokens was asked for, and 256 of f16 fit. Raise it`);
  await expect(planned({ kv: 'kivi4', kvBudgetBytes: 2 ** 17 })).rejects
    .toThrow(/leaves 0\.\d MiB for a conversation, beside .* while they grow; kivi4 needs [\d.]+ MiB for 512 tokens/);
  await expect(planned({ kv: 'streaming', kvBudgetBytes: 2 ** 14 })).rejects
    .toThrow(/Keys and values have 16384 bytes; streaming, which keeps its first tokens and one more, takes \d+ at least, in steps of \d+ tokens\. Raise/);
});

it('without a context there are 4096 tokens, with a budget of keys and values as many as it has room for, in half of what the GPU has', async () => {
  const of = async (options: LoadOptions) => (await planned({ context: undefined, kernels: 'chunk=64', ...options }, 32768)).context;
  const token = 2 * 2 * 64 * 4;
  const bytes = (tokens: number) => tokens * token + (Math.ceil(tokens / 256) * 256 - 256) * (token / 2); // and one of two layers as it is replaced
  expect(await of({})).toBe(4096);
  expect(await of({ kvBudgetBytes: bytes(8192) })).toBe(8192);
  expect(await of({ kvBudgetBytes: bytes(8192) - 1 })).toBe(8160);
  expect(await of({ kvBudgetBytes: 2 ** 30 })).toBe(32768);
  expect(await of({ kvBudgetBytes: bytes(8192), budgetBytes: 2 * bytes(6016) })).toBe(6016);
  expect(await of({ kvBudgetBytes: bytes(8192), budgetBytes: 2 * bytes(1024) })).toBe(4096); // weights are streamed then
  const codes = await of({ kv: 'kivi4', kvBudgetBytes: bytes(8192) });
  expect(codes).toBeGreaterThan(2 * 8192);
  expect(codes).toBeLessThan(32768);
  expect(await of({ kv: 'h2o', kvBudgetBytes: 1024 * token })).toBe(32768);
});

it('with a budget and no context a policy keeps what it does without one: its share of the longest context that leaves room for that', async () => {
  const of = (options: LoadOptions) => planned({ context: undefined, kernels: 'chunk=64', kvBudgetBytes: 2 ** 23, ...options }, 32768);
  for (const kv of ['snapkv', 'windowkv', 'adakv', 'd2o', 'mikv', 'heavy-prompt']) {
    const { context, asked: { shape }, bytes, fits } = await of({ kv });
    expect(context, kv).toBeGreaterThan(2048);
    expect(bytes, kv).toBeLessThanOrEqual(2 ** 23);
    expect(fits, kv).toBeGreaterThanOrEqual(context - 32);
    const share = kv === 'mikv' ? 0.09 : 0.24;
    for (const [{ mostSlots }] of shape!.plan.layers) expect(Math.min(...mostSlots), kv).toBeGreaterThan(share * context);
  }
  const away = (kvBudgetBytes?: number) => of({ kv: 'quest', kvOptions: { away: 1 }, kvBudgetBytes });
  const [whole, within] = [await away(), await away(2 ** 23)];
  const rows = ({ asked: { shape }, context }: typeof whole) => shape!.plan.layers[0][0].frames! / context;
  expect(rows(within)).toBeGreaterThan(0.9 * rows(whole));
  const { context, asked: { shape } } = await of({ kv: 'snapkv', kvBudgetBytes: 2 ** 33, budgetBytes: 2 ** 25 }); // in half of what the GPU has
  expect(shape!.bytes.full).toBeLessThanOrEqual(2 ** 24);
  expect(context).toBeGreaterThan(4096);
  const chat = await of({ kv: 'streaming', kvBudgetBytes: 2 ** 33, budgetBytes: 2 ** 25 });
  expect(chat.context).toBe(32768);
  expect(chat.bytes).toBeLessThanOrEqual(2 ** 24);
  expect((await planned({ context: undefined, kv: 'kivi4', kvBudgetBytes: 2 ** 30, kernels: 'chunk=64' }, 1000)).context).toBe(1000);
});

it.each(['f16', 'kivi4', 'snapkv', 'streaming', 'quest', 'quest away'])('what a plan of %s tells to fit is within the budget of the GPU', async (named) => {
  const [kv, away] = named.split(' ');
  const at = (options: LoadOptions) => planned({ kv, ...(away && { kvOptions: { away: 1 } }), kernels: 'chunk=64', ...options }, 32768);
  const { asked: { budgetBytes }, totalBytes } = await at({ context: 2048 });
  expect(totalBytes).toBeLessThan(budgetBytes);
  const tight = totalBytes + 2 ** 22;
  const { fits } = await at({ context: 2048, budgetBytes: tight });
  expect(fits).toBeGreaterThanOrEqual(2048);
  expect((await at({ context: fits, budgetBytes: tight })).totalBytes).toBeLessThanOrEqual(tight);
});

it('what recurrent states and further conversations take beside keys and values is no part of their budget', async () => {
  const falcon = await openModel(await readHeader(bytesSource(fixture('tiny/tiny-falcon-h1.gguf'), 'tiny')));
  const asked = await optionsFor(falcon, device, { budgetBytes: 2 ** 32, kvBudgetBytes: 65_536 }, { ...plainChoice, chunk: 64 });
  const { fits } = keysValuesOf(falcon, asked, plan(falcon, asked));
  expect(fits).toBe(asked.context);
  const four = await planned({ context: undefined, sequences: 4, kvBudgetBytes: 2 ** 22 }, 32768);
  expect(four.fits).toBe(four.context);
});

it('options that cannot be are refused by name', async () => {
  await expect(planned({ kv: 'q5' })).rejects.toThrow(RequestError);
  await expect(planned({ kv: 'q4', kvOptions: { windows: 3 } })).rejects.toThrow('kvOptions has windows; the options of q4 are: window, interval.');
  await expect(planned({ kvOptions: { window: 3 } })).rejects.toThrow('kvOptions are those of a policy; kv is f16, a format.');
  const kvHeads = [[1, 0], [0, 1]];
  for (const kv of ['f16', 'kivi4', 'h2o'])
    await expect(planned({ kv, kvHeads }))
      .rejects.toThrow(`kvHeads are for policies that tell heads apart (duo, razor, duo-kivi, duo-kivi3, duo-kivi2, spans, lserve); kv is ${kv}.`);
  expect((await planned({ kv: 'duo', kvHeads })).asked.shape?.policy.name).toBe('duo');
  await expect(planned({ kv: 'streaming', kvOptions: { sinks: 40 } })).rejects.toThrow('sinks is 40; it has to be a whole number from 1 to 32.');
});

it('minicache has room for the slots that a pair keeps together, whichever heads they are of', () => {
  const heads = new Array(4).fill({ heads: 32, kvHeads: 32, headDim: 64 });
  const model = { config: {}, heads, queryHeads: [32, 32, 32, 32], windows: [0, 0, 0, 0] } as unknown as PolicyModel;
  const minicache = policies.get('minicache')!;
  const room = { context: 4096, chunk: 64, budgetBytes: Infinity, format: kvFormat('f16') };
  const [own] = minicache.plan(model, room, { ...minicache.options, start: 0 }).layers[0];
  expect(own.mostSlots[0]).toBe(4096); // of one head alone, all
  expect(framesOfSet(own)).toBe(Math.ceil((0.05 * 32 * 4096) / 32) + 32);
});

it('pages at home in worker memory take on the GPU what is known of them, and a context is as long as there is room for that', async () => {
  const away = (options: LoadOptions = {}) => planned({ kv: 'quest', kvOptions: { away: 1 }, kernels: 'chunk=64', context: 288, ...options });
  const { bytesPerToken: f16, config: { layers, kvHeads, headDim } } = await planned({});
  const kvBudgetBytes = 780_000;
  const tight = await away({ kvBudgetBytes });
  // One layer as a prompt reads it; of all layers bounds of runs of 16 tokens, and lists of pages and runs.
  expect(tight.bytesPerToken).toBe(f16 / layers + layers * kvHeads * 4 * (headDim / 16 + 1 / 32 + 3 / 16));
  const fits = Math.floor(tight.fits / 32) * 32;
  expect(fits).toBeGreaterThan(288);
  expect((await away({ kvBudgetBytes, context: fits })).bytes).toBeLessThanOrEqual(kvBudgetBytes);
  await expect(away({ kvBudgetBytes, context: fits + 32 })).rejects.toThrow(BudgetError);
  const two = await away({ kvBudgetBytes: 2 * kvBudgetBytes, sequences: 2 });
  expect(two.homeBytes).toBe(2 * tight.homeBytes!);
});

it('keys in low rank are planned with their directions, means and outliers, and worker memory with what finds those', async () => {
  const { bytesPerToken: f16, homeBytes: none, config: { layers, kvHeads, headDim } } = await planned({});
  const shadow = (kvOptions: Record<string, number> = {}, options: LoadOptions = {}) => planned({ kv: 'shadowkv', kvOptions, kernels: 'chunk=64', ...options });
  const channels = kvHeads * headDim;
  const all = await shadow();
  const half = await shadow({ rank: 64 });
  expect(all.bytes - half.bytes).toBe(2 * 64 * layers * (channels + 512)); // in 16 bits, of each channel and each token
  const found = 36 * channels ** 2;
  expect([none, all.homeBytes, half.homeBytes]).toEqual([undefined, found, found]);
  expect((await shadow({}, { sequences: 3 })).homeBytes).toBe(found);
  const away = await shadow({ away: 1 });
  expect(away.homeBytes).toBe(512 * f16 + found);
  for (const [at, words] of [[0, 'shadowkv needs'], [1, 'all pages, and directions and outliers of keys they take']] as const) {
    const { bytes, asked } = await shadow({ away: at, rank: 64 }, { context: 256 });
    const kvBudgetBytes = bytes + asked.shape!.bytes.growing;
    expect((await shadow({ away: at, rank: 64 }, { context: 256, kvBudgetBytes })).bytes).toBeLessThanOrEqual(bytes);
    await expect(shadow({ away: at, ...(at && { slots: 64 }) }, { context: 256, kvBudgetBytes: 0.6 * bytes })).rejects.toThrow(words);
  }
});

it('keys of the widest layers are planned with all of their directions, also where pages are away', () => {
  const heads = new Array(2).fill({ heads: 32, kvHeads: 8, headDim: 128 });
  const model = { config: {}, heads, queryHeads: [32, 32], windows: [0, 0] } as unknown as PolicyModel;
  const { options, plan: planOf } = policies.get('shadowkv')!;
  const room = { context: 4096, chunk: 64, budgetBytes: Infinity, format: kvFormat('f16') };
  for (const away of [0, 1]) {
    const [half, all] = [512, 1024].map((rank) => planOf(model, room, { ...options, rank, away }));
    const bytes = (own: KvPlan) => shapedBytes(own, model, room).full;
    expect(bytes(all) - bytes(half)).toBe(2 * 512 * 2 * (1024 + 4096)); // of 2 layers, in 16 bits: of each channel and each token
    expect([half.workerBytes, all.workerBytes]).toEqual([36 * 1024 ** 2, 36 * 1024 ** 2]);
    const few = { ...room, budgetBytes: bytes(all) - bytes(half) };
    if (away) expect(() => planOf(model, few, { ...options, rank: 1024, away })).toThrow(/directions and outliers of keys they take \d+\.\d MiB/);
  }
});

it('pages that worker memory is to have no room for are planned in storage', async () => {
  const away = (memory: number, sequences = 1) => planned({ kv: 'quest', kvOptions: { away: 1, memory }, kernels: 'chunk=64', context: 288, sequences });
  const whole = await away(0);
  const { homeBytes } = whole;
  expect(whole.storedBytes).toBeUndefined();
  const enough = await away(homeBytes! / 2 ** 20);
  expect([enough.homeBytes, enough.storedBytes]).toEqual([homeBytes, undefined]);
  const row = homeBytes! / 9;
  const passing = 9 * (row / whole.config.layers); // all that may be read of a layer
  const sealed = row + 28 * whole.config.layers * whole.config.kvHeads;
  const part = await away((2.5 * row + passing) / 2 ** 20);
  expect(part).toMatchObject({ homeBytes: 2 * row + passing, storedBytes: 7 * sealed, bytes: whole.bytes });
  expect(await away((2.5 * row + passing) / 2 ** 20, 2)).toMatchObject({ homeBytes: 2 * part.homeBytes!, storedBytes: 14 * sealed });
  await expect(away((row + passing - 1) / 2 ** 20)).rejects
    .toThrow(/kvOptions\.memory is [\d.]+ MiB; 32 tokens of every layer, .* take [\d.]+ MiB\. Choose at least/);
});

it('pages that the processor attends to take on the GPU one layer as a prompt reads it, and hardly more for a token', async () => {
  const { bytesPerToken: f16, config: { layers, kvHeads, headDim } } = await planned({});
  const scout = (options: LoadOptions = {}) => planned({ kv: 'scout', kernels: 'chunk=64', ...options });
  const [short, long] = [await scout({ context: 256 }), await scout()];
  const lists = (context: number) => 4 * layers * kvHeads * (1 / 32 + 3 / context);
  expect(short.bytesPerToken).toBeCloseTo(f16 / layers + lists(256), 6);
  expect([short.homeBytes, long.homeBytes]).toEqual([256 * f16, 512 * f16]);
  const page = 4 * 32 * headDim;
  expect(long.bytes - short.bytes).toBe(256 * (f16 / layers) + (256 / 32) * 4 * kvHeads * (layers + 1)); // lists of each layer, and of that one
  expect(short.asked.shape!.away.answers).toBe(layers * 256 * Math.ceil((4 * 4 * (headDim + 4)) / 256)); // of 4 query heads
  const least = short.bytes;
  expect((await scout({ context: 256, kvBudgetBytes: least })).bytes).toBe(least);
  await expect(scout({ context: 256, kvBudgetBytes: least - page })).rejects.toThrow(`they take ${(least / 2 ** 20).toFixed(1)} MiB (${least} bytes)`);
  const two = scout({ context: 256, kvBudgetBytes: 2 * least - page, sequences: 2 });
  await expect(two).rejects.toThrow(new RegExp(`first ones there, answers and a layer .* Raise kvBudgetBytes to ${2 * least}, of 2 conversations together`));
  expect((await scout({ context: 256, kvBudgetBytes: 2 * least, sequences: 2 })).asked.shape!.bytes.full).toBe(least);
  await expect(scout({ kvOptions: { memory: 1 } })).rejects.toThrow('kvOptions has memory; the options of scout are: sinks, window, interval, lag, ahead.');
});

it('a query a layer ahead takes a second way to the processor, and weights that stay; it is refused with a lag, and where more makes queries', async () => {
  const scout = (kvOptions: Record<string, number> = {}, options: LoadOptions = {}) => planned({ kv: 'scout', kernels: 'chunk=64', kvOptions, ...options });
  const [own, ahead] = [await scout(), await scout({ ahead: 1 })];
  const { config: { layers, heads, headDim } } = own;
  expect(ahead.bytes - own.bytes).toBe(layers * heads * headDim * 4);
  expect(ahead.homeBytes).toBe(own.homeBytes);
  await expect(scout({ lag: 1, ahead: 1 })).rejects.toThrow('kvOptions has lag and ahead');
  const opened = await openModel(await readHeader(bytesSource(fixture('tiny/tiny-llama-f16.gguf'), 'tiny')));
  const small = plan(opened, { ...ahead.asked, budgetBytes: 2.5 * 2 ** 20 });
  expect(small.reason).toMatch(/^With kvOptions\.ahead all weights have to stay on the GPU: that takes [\d.]+ MiB, and the budget is 2\.5 MiB/);
  expect(plan(opened, { ...own.asked, budgetBytes: 2.5 * 2 ** 20 }).verdict).toBe('streams');
  const other = await openModel(await readHeader(bytesSource(fixture('tiny/tiny-falcon-h1.gguf'), 'tiny')));
  const asked = (kvOptions: Record<string, number>) => optionsFor(other, device, { budgetBytes: 2 ** 32, context: 512, kv: 'scout', kvOptions }, plainChoice);
  await expect(asked({})).resolves.toBeDefined();
  await expect(asked({ ahead: 1 })).rejects.toThrow(/makes a layer's queries of the input of the layer before; in layer 1 of this model .* Leave out ahead/);
});

it('indexes over keys in worker memory are planned with what they are made by and searched by, where a text may be long enough', async () => {
  const retrieval = (kvOptions: Record<string, number> = {}) => planned({ kv: 'retrieval', kvOptions, kernels: 'chunk=64' });
  const { homeBytes: pages, config: { layers, heads, kvHeads, headDim } } = await planned({ kv: 'scout', kernels: 'chunk=64' });
  // Of each key 12 links of 2 bytes and a number; one list of 16 keys with their products; two matrices of coordinates and one of moments.
  const numbers = 16 * headDim ** 2 + 4 * 2 * headDim;
  const index = layers * kvHeads * (512 * (12 * 2 + 4) + 16 * (2 + 4) + 4 * (3 * headDim + 2) + numbers);
  const noted = layers * 512 * heads * headDim * 4;
  const searched = 512 * (28 + 24);
  const making = 512 * (8 * headDim + 32);
  expect((await retrieval()).homeBytes).toBe(pages); // fewer slots than an index is for
  expect((await retrieval({ least: 509 })).homeBytes).toBe(pages); // but for the first ones
  const least = await retrieval({ least: 508 });
  expect(least.homeBytes).toBe(pages! + index + noted + searched + making);
  expect((await retrieval({ least: 508, observed: 256 })).homeBytes, 'however many queries of a step').toBe(least.homeBytes);
  await expect(retrieval({ observed: 0 })).rejects.toThrow('observed is 0; it must be a whole number from 1 to 512');
});

it('pages at home in worker memory: a plan without a share, bytes for a token below a page, a layer that no buffer has room for', async () => {
  const away = (kvOptions: Record<string, number>) => planned({ kv: 'quest', kvOptions: { away: 1, ...kvOptions }, kernels: 'chunk=64' });
  const { asked } = await away({ share: 0 });
  expect(asked.shape!.bytes.full).toBeLessThan(Infinity);
  await expect(away({ fetch: 7 })).rejects.toThrow('kvOptions.fetch is 7 KiB; a page of this model (32 tokens of a head) has 8 KiB');
  await expect(away({ fetch: 8 })).resolves.toBeDefined();
  const opened = await openModel(await readHeader(bytesSource(fixture('tiny/tiny-llama-f16.gguf'), 'tiny')));
  const most = asked.shape!.away.whole - 16;
  expect(asked.shape!.bytes.growing).toBeLessThan(most);
  const limits = { maxStorageBufferBindingSize: most, maxBufferSize: most };
  const gpu = { device: { limits }, maxBindingBytes: Infinity } as unknown as Parameters<typeof checkLimits>[1];
  expect(() => checkLimits(opened, gpu, asked)).toThrow('keys and values of one layer for a context of 512 need a buffer of 0.3 MiB');
});
