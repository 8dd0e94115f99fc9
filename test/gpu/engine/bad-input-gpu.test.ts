// The engine with bad files, bad requests and bad devices: each is a clear error of the right class before anything large
// is allocated, and the same engine answers properly afterwards.
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type EngineOptions } from '../../../src/engine/engine.ts';
import { BudgetError, DeviceError, InvalidFileError, RequestError, UnsupportedModelError } from '../../../src/errors.ts';
import { readHeader } from '../../../src/gguf/read.ts';
import { type GenerateRequest } from '../../../src/protocol.ts';
import { bytesSource } from '../../../src/weights/source/source.ts';
import { adapterFile, dawn } from '../../dawn.ts';
import { answer, bytesOf, golden, openEngine, quick, stories } from '../../engine.ts';
import { fixture } from '../../models/fixture.ts';
import { type GgufParts, number, writeGguf } from '../../models/gguf.ts';
import { type Change, vary } from '../../models/vary.ts';

const path = 'stories260K/stories260K.gguf';
const u32 = (value: number) => ({ type: 'u32', value }) as const;
const engine = openEngine();

const load = (bytes: Uint8Array<ArrayBuffer>, options: EngineOptions = {}) =>
  engine.load({ bytes: bytes.buffer, name: 'model.gguf' }, { ...quick, ...options });

async function errorOf(work: Promise<unknown>): Promise<Error> {
  const caught: unknown = await work.then(() => undefined, (error: unknown) => error);
  if (!(caught instanceof Error)) throw new Error('There was no error.');
  return caught;
}

/** The engine has to answer as if nothing had happened. */
async function answersProperly(): Promise<void> {
  const { ids, stats } = await answer(engine, { prompt: { tokens: golden.prompt_ids }, maxTokens: 8 });
  expect(ids).toEqual(golden.ids.slice(0, 8));
  expect(stats.newTokens).toBe(8);
}

describe.skipIf(!adapterFile)('the engine', () => {
  beforeAll(() => void dawn()); // puts the WebGPU classes in place
  afterEach(() => void vi.restoreAllMocks());

  /** Runs `work`, which has to fail before any buffer is made. */
  async function failsEarly(work: () => Promise<unknown>): Promise<Error> {
    const created = vi.spyOn(GPUDevice.prototype, 'createBuffer');
    const error = await errorOf(work());
    expect(created).not.toHaveBeenCalled();
    return error;
  }

  describe('refuses a file before any GPU buffer is made:', () => {
    const parts = (more: GgufParts): Promise<Uint8Array> => Promise.resolve(writeGguf(more));
    const varied = (change: Change): Promise<Uint8Array> => vary(path, change);
    const cut = (share: number) => Promise.resolve(fixture(path).slice(0, Math.floor(fixture(path).length * share)));
    const files: [title: string, bytes: () => Promise<Uint8Array>, Class: new (message: string) => Error, message: RegExp][] = [
      ['an empty file', () => Promise.resolve(new Uint8Array(0)), InvalidFileError, /ends after 0 bytes/],
      ['a picture', () => parts({ magic: '\x89PNG' }), InvalidFileError, /not a GGUF/],
      ['a web page', () => parts({ magic: '<!DO' }), InvalidFileError, /web page/],
      ['half a header', () => cut(0.005), InvalidFileError, /incomplete/],
      ['a header without weights', () => cut(0.02), InvalidFileError, /incomplete|ends at byte/],
      ['half the weights', () => cut(0.5), InvalidFileError, /ends at byte \d+, but the file has \d+ bytes/],
      ['all but the last byte', () => Promise.resolve(fixture(path).slice(0, -1)), InvalidFileError, /ends at byte/],
      ['an absurd number of tensors', () => parts({ claimedTensors: 2n ** 60n }), InvalidFileError, /tensors; at most 65536/],
      [
        'an absurd length of a text',
        () => parts({ metadata: [['a', { type: 'raw', number: 8, bytes: number('u64', 2n ** 62n) }]] }),
        InvalidFileError,
        /bytes of text/,
      ],
      ['an absurd width', () => varied({ metadata: { 'llama.embedding_length': u32(2 ** 31) } }), InvalidFileError, /embedding_length is 2147483648/],
      ['an absurd number of layers', () => varied({ metadata: { 'llama.block_count': u32(2 ** 31) } }), InvalidFileError, /block_count is 2147483648/],
      [
        'a tensor out of range',
        () => varied({ tensors: { 'output_norm.weight': { offset: 2 ** 40 } } }),
        InvalidFileError,
        /output_norm\.weight" ends at byte \d+, but the file has/,
      ],
      ['overlapping tensors', () => varied({ tensors: { 'output_norm.weight': { offset: 32 } } }), InvalidFileError, /inside tensor/],
      ['an unknown type', () => varied({ tensors: { 'output_norm.weight': { type: 77 } } }), UnsupportedModelError, /output_norm\.weight" has type number 77/],
      [
        'a type that is not supported',
        () => varied({ tensors: { 'blk.0.attn_q.weight': { type: 26 } } }),
        UnsupportedModelError,
        /blk\.0\.attn_q\.weight has the type I32/,
      ],
      [
        'an architecture that is not supported',
        () => varied({ metadata: { 'general.architecture': { type: 'string', value: 'gpt-next' } } }),
        UnsupportedModelError,
        /"gpt-next" is not supported/,
      ],
      ['a missing tensor', () => varied({ tensors: { 'blk.4.ffn_down.weight': undefined } }), InvalidFileError, /blk\.4\.ffn_down\.weight is missing/],
      [
        'a tokenizer of an unknown kind',
        () => varied({ metadata: { 'tokenizer.ggml.model': { type: 'string', value: 'runes' } } }),
        UnsupportedModelError,
        /runes/,
      ],
      ['a tokenizer without tokens', () => varied({ metadata: { 'tokenizer.ggml.tokens': undefined } }), InvalidFileError, /tokenizer\.ggml\.tokens/],
    ];
    it.each(files)('%s', async (_, bytes, Class, message) => {
      const file = Uint8Array.from(await bytes());
      const error = await failsEarly(() => load(file));
      expect(error.message).toMatch(message);
      expect(error).toBeInstanceOf(Class);
      expect(() => engine.loaded()).toThrow(RequestError);
    });

    it('a file cut anywhere', async () => {
      const whole = fixture(path);
      for (let length = 1; length < whole.length; length = Math.ceil(length * 1.6)) {
        expect(await failsEarly(() => load(whole.slice(0, length))), `cut to ${length}`).toBeInstanceOf(InvalidFileError);
      }
    });

    it('and answers afterwards', async () => {
      await engine.load(stories(), quick);
      await answersProperly();
    });
  });

  describe('refuses options before any GPU buffer is made:', () => {
    const options: [title: string, options: EngineOptions, Class: new (message: string) => Error, message: RegExp][] = [
      ['a context longer than the model was trained for', { context: 1024 }, RequestError, /context of 1024 was asked for; the model was trained for 512/],
      ['half a context', { context: 0.5 }, RequestError, /context is 0\.5/],
      ['a context that is no number', { context: NaN }, RequestError, /context is NaN/],
      ['a budget below the least that runs', { budgetBytes: 2 ** 18 }, BudgetError, /needs .* on the GPU .* budget/],
      ['a budget of 0', { budgetBytes: 0 }, BudgetError, /budget/],
      ['a budget that is no number', { budgetBytes: NaN }, RequestError, /budget is NaN/],
      ['a shape that does not exist', { kernels: 'splits=3' }, RequestError, /splits is 3; it can be 1, 2, 4/],
      ['a shape of nothing', { kernels: 'speed=high' }, RequestError, /"speed=high" is not a kernel choice/],
    ];
    it.each(options)('%s', async (_, options, Class, message) => {
      const error = await failsEarly(() => load(fixture(path), options));
      expect(error.message).toMatch(message);
      expect(error).toBeInstanceOf(Class);
    });
  });

  describe('refuses a device that will not do:', () => {
    const real = () => dawn().requestAdapter();
    const fake = (requestAdapter: () => Promise<GPUAdapter | null>) => ({ requestAdapter }) as unknown as GPU;
    const hosts: [title: string, gpu: () => GPU | undefined, message: RegExp][] = [
      ['no WebGPU', () => undefined, /no WebGPU\. Use a current/],
      ['no adapter', () => fake(() => Promise.resolve(null)), /no GPU adapter/],
      ['an adapter that gives no device', () => fake(async () => {
        const { features, limits, info } = (await real())!;
        return { features, limits, info, requestDevice: () => Promise.reject(new Error('out of handles')) } as unknown as GPUAdapter;
      }), /gave no device: out of handles/],
    ];
    it.each(hosts)('%s', async (_, gpu, message) => {
      const other = openEngine({ gpu: gpu() });
      const error = await failsEarly(() => other.load(stories(), quick));
      expect(error).toBeInstanceOf(DeviceError);
      expect(error.message).toMatch(message);
      expect(await errorOf(answer(other, { prompt: { text: 'Once' } }))).toBeInstanceOf(RequestError);
    });

    it('bindings smaller than a panel', async () => {
      const other = openEngine({ deviceOptions: { maxBindingBytes: 4096 } });
      const error = await failsEarly(() => other.load(stories(), quick));
      expect(error).toBeInstanceOf(BudgetError);
      expect(error.message).toMatch(/32 rows of token_embd\.weight need a binding of .*; this device allows at most/);
    });

    it('an adapter too small for the keys of the context', async () => {
      const other = openEngine({ deviceOptions: { limits: 'default' } });
      const long = await vary(path, { metadata: { 'llama.context_length': u32(2 ** 24) } });
      const error = await failsEarly(() => other.load({ bytes: long.buffer }, { ...quick, context: 2 ** 22, budgetBytes: 2 ** 40 }));
      expect(error).toBeInstanceOf(BudgetError);
      expect(error.message).toContain(
        'keys and values of one layer for a context of 4194304 need a buffer of 1024.0 MiB; this device allows at most 128.0 MiB. ' +
          'Choose a context of up to 524288',
      );
    });

    it('but works on bindings of one panel and the default limits', async () => {
      const other = openEngine({ deviceOptions: { maxBindingBytes: 32 * 192 * 4, limits: 'default' } });
      await other.load(stories(), quick);
      expect((await answer(other, { prompt: { tokens: golden.prompt_ids }, maxTokens: 8 })).ids).toEqual(golden.ids.slice(0, 8));
      await other.unload();
    });
  });

  describe('refuses a request and answers the next one:', () => {
    beforeAll(async () => void (await engine.load(stories(), { ...quick, context: 64 })));
    const ids = (length: number, id = 400) => ({ tokens: new Array<number>(length).fill(id) });
    const requests: [title: string, request: GenerateRequest, message: RegExp][] = [
      ['an empty list of tokens', { prompt: { tokens: [] } }, /prompt is empty/],
      ['no messages', { prompt: { messages: [] } }, /no messages/],
      ['a prompt as long as the context', { prompt: ids(64) }, /64 tokens; the context of 64 has room for 63 and an answer/],
      ['a prompt longer than the context', { prompt: { text: 'Once upon a time '.repeat(100) } }, /the context of 64/],
      ['a token past the vocabulary', { prompt: ids(3, 512) }, /token 512 is not in the vocabulary of 512/],
      ['a token below 0', { prompt: ids(3, -1) }, /token -1/],
      ['half a token', { prompt: ids(3, 1.5) }, /token 1\.5/],
      ['no tokens to make', { prompt: ids(3), maxTokens: 0 }, /maxTokens is 0/],
      ['half a token to make', { prompt: ids(3), maxTokens: 1.5 }, /maxTokens is 1\.5/],
      ['an empty stop string', { prompt: ids(3), stop: ['x', ''] }, /stop string is empty/],
      ['a temperature below 0', { prompt: ids(3), sampling: { temperature: -1 } }, /temperature is -1/],
      ['a temperature that is no number', { prompt: ids(3), sampling: { temperature: NaN } }, /temperature is NaN/],
      ['half a top-k', { prompt: ids(3), sampling: { topK: 0.5 } }, /topK is 0\.5/],
      ['a top-p above 1', { prompt: ids(3), sampling: { topP: 1.5 } }, /topP is 1\.5/],
      ['a min-p below 0', { prompt: ids(3), sampling: { minP: -0.5 } }, /minP is -0\.5/],
      ['a seed of 33 bits', { prompt: ids(3), sampling: { seed: 2 ** 32 } }, /seed is 4294967296/],
    ];
    it.each(requests)('%s', async (_, request, message) => {
      const error = await errorOf(answer(engine, request));
      expect(error).toBeInstanceOf(RequestError);
      expect(error.message).toMatch(message);
      await answersProperly();
    });

    it('text where the file has no tokenizer, but runs tokens', async () => {
      const bare = await vary(path, {
        metadata: Object.fromEntries(
          ['model', 'tokens', 'scores', 'token_type', 'bos_token_id', 'eos_token_id', 'unknown_token_id'].map((key) => [`tokenizer.ggml.${key}`, undefined]),
        ),
      });
      await engine.load({ bytes: bare.buffer }, quick);
      for (const prompt of [{ text: 'Once' }, { messages: [{ role: 'user' as const, content: 'Once' }] }]) {
        const error = await errorOf(answer(engine, { prompt }));
        expect(error).toBeInstanceOf(RequestError);
        expect(error.message).toMatch(/no tokenizer; give the prompt as tokens/);
      }
      await answersProperly();
    });
  });

  it.each([0, 1])('where no logit is a finite number, says so in place of a token (temperature %d), and answers with sound weights', async (temperature) => {
    const damaged = fixture(path);
    const { tensors } = await readHeader(bytesSource(damaged, path));
    const norm = tensors.get('output_norm.weight')!;
    damaged.fill(0xff, norm.offset, norm.offset + 4 * norm.shape[0]); // NaN in f32
    await load(damaged);
    const error = await errorOf(answer(engine, { prompt: { tokens: golden.prompt_ids }, sampling: { temperature } }));
    expect(error).toMatchObject({ name: 'DeviceError', code: 'kernel_failed' });
    expect(error.message).toMatch(
      new RegExp(`^No token can be chosen for position ${golden.prompt_ids.length}: none of its 512 logits is a finite number\\. .*check the file's hash`),
    );
    await engine.load(stories(), quick);
    await answersProperly();
  });

  it('where an answer broke off without a token, does not take what it left for a fault of a later answer, which reads past its own end', async () => {
    const damaged = fixture(path);
    const table = (await readHeader(bytesSource(damaged, path))).tensors.get('token_embd.weight')!;
    const rowBytes = table.byteLength / table.shape[1];
    const unused = [...Array(table.shape[1]).keys()].find((id) => ![...golden.prompt_ids, ...golden.ids].includes(id))!;
    damaged.fill(0xff, table.offset + unused * rowBytes, table.offset + (unused + 1) * rowBytes); // NaN, whatever the type
    await engine.load({ bytes: damaged.buffer, name: 'damaged.gguf' }, { ...quick, experiment: { tokensPerSubmit: 8 } });
    const { model, runner } = engine.loaded();
    const sampler = await model.samplerFor({ seed: 1, ends: [golden.ids[1]] });
    const length = golden.prompt_ids.length;
    // Both on one sequence: a session might give each a sequence of its own.
    await runner.feed([...golden.prompt_ids, ...golden.ids.slice(0, 3), unused], 0);
    const error = await errorOf(runner.sample(sampler, length + 4));
    expect(error.message).toContain(`No token can be chosen for position ${length + 4}`);

    await runner.feed(golden.prompt_ids, 0);
    const found: number[] = [];
    for await (const tokens of runner.tokens(sampler, length, 8)) found.push(...tokens.map(({ id }) => id));
    expect(found.slice(0, 2)).toEqual(golden.ids.slice(0, 2));
    expect(found).toHaveLength(8);
  });

  it('on a device that refuses work, says so at every call, as work may be left out without a word; works again after a load', async () => {
    await engine.load(stories(), quick);
    const { device } = engine.loaded().model.gpu;
    const refused = new Promise((resolve) => device.addEventListener('uncapturederror', resolve));
    device.createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.MAP_WRITE });
    await refused;
    const error = await errorOf(answer(engine, { prompt: { tokens: golden.prompt_ids } }));
    expect(error).toBeInstanceOf(DeviceError);
    expect(error.message).toMatch(/The GPU refused work: .*Load the model again/);
    await engine.load(stories(), quick);
    await answersProperly();
  });

  describe('on a device that is lost', () => {
    it('in the middle of a load, ends it with a DeviceError, and works again after a load', async () => {
      const opened: GPUDevice[] = [];
      const requestDevice = GPUAdapter.prototype.requestDevice;
      vi.spyOn(GPUAdapter.prototype, 'requestDevice').mockImplementation(async function (this: GPUAdapter, ...args) {
        const device = await requestDevice.apply(this, args);
        opened.push(device);
        return device;
      });
      const error = await errorOf(engine.load(bytesOf('tiny/tiny-llama-k.gguf'), quick, ({ phase }) => {
        if (phase === 'weights') opened[0].destroy();
      }));
      expect(error).toBeInstanceOf(DeviceError);
      await engine.load(stories(), quick);
      await answersProperly();
    });
  });
});
