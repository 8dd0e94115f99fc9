// What becomes of an answer whose GPU is lost under it: on Dawn, whose devices are destroyed at chosen moments. The model is
// placed and recorded again, and the text is that of an answer that nothing disturbed.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Engine, type EngineOptions } from '../../../src/engine/engine.ts';
import { sweepBudgets } from '../../../src/engine/measure/sweep.ts';
import { DeviceError } from '../../../src/errors.ts';
import { type GenerateRequest, type SamplingOptions } from '../../../src/protocol.ts';
import { adapterFile, dawn } from '../../dawn.ts';
import { type Answer, answer, golden, openEngine, quick, slowClock, stories } from '../../engine.ts';
import { isFull, record } from '../../verified.ts';

const options: EngineOptions = { ...quick, kernels: `${quick.kernels},chunk=64`, context: 512 };
/** Of four steps of prefill. */
const prompt = { tokens: [...golden.prompt_ids, ...Array.from({ length: 240 }, (_, i) => 3 + ((i * 37) % 500))] };
const maxTokens = 40;
/** Before which submit of prefill, or after which token, the device is destroyed. */
interface Moment {
  submit?: number;
  token?: number;
}

const ten: Moment[] = [...[1, 2, 3, 4].map((submit) => ({ submit })), ...[1, 2, 5, 11, 23, 36].map((token) => ({ token }))];
const three: Moment[] = [{ submit: 2 }, { token: 1 }, { token: 23 }];
/** Where weights are streamed, which places them again by the same line: in the short run as many of the ten. */
const streamed = isFull ? ten : three;

const deviceOf = (engine: Engine): GPUDevice => engine.loaded().model.gpu.device;

/** Calls `before` before each submit of work, with how many there were. */
function watchSubmits(before: (count: number) => void): { mockRestore(): void } {
  const { submit } = GPUQueue.prototype;
  let count = 0;
  return vi.spyOn(GPUQueue.prototype, 'submit').mockImplementation(function (this: GPUQueue, buffers) {
    if ([...buffers].length) before(++count);
    return submit.call(this, buffers);
  });
}

async function disturbed(engine: Engine, request: GenerateRequest, at: Moment): Promise<Answer & { atDestroy: number }> {
  let made = 0;
  let atDestroy = -1;
  const destroy = () => {
    atDestroy = made;
    deviceOf(engine).destroy();
  };
  const watch = watchSubmits((count) => void (count === at.submit && destroy()));
  const found = await answer(engine, request, undefined, (count) => {
    made = count;
    if (count === at.token) destroy();
  });
  watch.mockRestore();
  return { ...found, atDestroy };
}

describe.skipIf(!adapterFile)('an answer whose GPU is lost', () => {
  beforeEach(slowClock);
  afterEach(() => void vi.restoreAllMocks());

  it.each<[string, boolean, SamplingOptions, Moment[]]>([
    ['greedy, all weights on the GPU', false, {}, ten],
    ['greedy, weights streamed', true, {}, streamed],
    ['drawn, weights streamed', true, { temperature: 1, seed: 5 }, isFull ? three : three.slice(2)],
  ])('goes on from its tokens with the same text: %s', async (name, streams, sampling, moments) => {
    dawn();
    const engine = openEngine();
    await engine.load(stories(), options);
    if (streams) {
      const { model } = engine.loaded();
      const { budgetBytes } = sweepBudgets(model, { ...model.sizes, kv: model.kv }).find((budget) => budget.name === '25 %')!;
      await engine.load(stories(), { ...options, budgetBytes });
      expect(engine.loaded().model.plan.verdict).toBe('streams');
    }
    const request = { prompt, maxTokens, sampling };
    const whole = await answer(engine, request);
    expect(whole).toMatchObject({ ids: { length: maxTokens }, stats: { cachedTokens: 0 } });
    let recovered = 0;
    for (const at of moments) {
      const { opened, text, model: before } = engine.loaded();
      await answer(engine, { prompt: { tokens: [1] }, maxTokens: 1 }); // forgets the prompt
      const { ids, text: shown, reason, stats, atDestroy } = await disturbed(engine, request, at);
      const what = JSON.stringify(at);
      expect(atDestroy, what).toBe(at.token ?? 0);
      expect({ ids, shown, reason }, what).toEqual({ ids: whole.ids, shown: whole.text, reason: 'length' });
      expect(stats.notices, what).toEqual([expect.stringMatching(/^The GPU was lost; the model was back after/)]);
      const { model } = engine.loaded();
      expect(model.gpu.device).not.toBe(before.gpu.device);
      expect(model.plan).toBe(before.plan);
      expect(engine.loaded()).toMatchObject({ opened, text });
      expect(Object.values(before.ledger.bytes).filter(Boolean)).toEqual([]);
      recovered++;
    }
    await engine.unload();
    record({
      point: `The device destroyed during an answer (${name}): moments at which the text was the same, of ${moments.length}`,
      command: 'npx vitest run --project gpu test/gpu/engine/recovery-gpu.test.ts',
      value: recovered,
    });
  });

  it.skipIf(!isFull)('goes on from latents of keys and values, whose basis is brought to another GPU, and to another budget, as it was', async () => {
    dawn();
    const engine = openEngine();
    await engine.load(stories(), { ...options, kv: 'xquant4' });
    const { model: { plan, sizes, kv } } = engine.loaded();
    expect(plan.bytes.kv).toBeGreaterThan(engine.loaded().model.home.shape!.bytes.shared);
    const request = { prompt, maxTokens };
    const whole = await answer(engine, request);
    for (const at of [{ submit: 2 }, { token: 11 }]) {
      await answer(engine, { prompt: { tokens: [1] }, maxTokens: 1 }); // forgets the prompt
      const { ids, stats } = await disturbed(engine, request, at);
      expect(ids, JSON.stringify(at)).toEqual(whole.ids);
      expect(stats.notices).toHaveLength(1);
    }
    const { budgetBytes } = sweepBudgets(engine.loaded().model, { ...sizes, kv }).find((budget) => budget.name === '25 %')!;
    for (const bytes of [budgetBytes + plan.bytes.kv, undefined]) {
      await engine.changeBudget(bytes);
      const { model } = engine.loaded();
      expect(model.plan.verdict).toBe(bytes ? 'streams' : 'fits');
      expect((await answer(engine, request)).ids).toEqual(whole.ids);
      expect(model.ledger.bytes.kv).toBeLessThanOrEqual(model.plan.bytes.kv);
    }
    await engine.unload();
  });

  it('goes on after many losses with tokens between them, and after one between two answers', async () => {
    dawn();
    const engine = openEngine();
    await engine.load(stories(), options);
    const request = { prompt: { tokens: golden.prompt_ids }, maxTokens: 20 };
    const { ids, stats } = await answer(engine, request, undefined, (count) => {
      if (count <= 5) deviceOf(engine).destroy();
    });
    expect(ids).toEqual(golden.ids.slice(0, 20));
    expect(stats.notices).toHaveLength(5);
    deviceOf(engine).destroy();
    expect((await answer(engine, request)).ids).toEqual(ids);
    const { stats: quiet } = await answer(engine, request);
    expect({ cachedTokens: quiet.cachedTokens, notices: quiet.notices }).toEqual({ cachedTokens: golden.prompt_ids.length - 1, notices: undefined });
    await engine.unload();
  });

  it('goes on where the device that came for the lost one is lost while the model is placed on it', async () => {
    dawn();
    const engine = openEngine();
    await engine.load(stories(), options);
    const { requestDevice } = GPUAdapter.prototype;
    let asked = 0;
    vi.spyOn(GPUAdapter.prototype, 'requestDevice').mockImplementation(async function (this: GPUAdapter, ...args) {
      const device = await requestDevice.apply(this, args);
      if (++asked === 1) device.destroy();
      return device;
    });
    const { ids } = await answer(
      engine,
      { prompt: { tokens: golden.prompt_ids }, maxTokens: 20 },
      undefined,
      (count) => void (count === 5 && deviceOf(engine).destroy()),
    );
    expect({ ids, asked }).toEqual({ ids: golden.ids.slice(0, 20), asked: 2 });
    await engine.unload();
  });

  it('ends with the loss where GPUs are lost again and again with no token between, or no other comes for a while; the next answer tries anew', async () => {
    dawn();
    let there = true;
    const gpu = { requestAdapter: async () => (there ? dawn().requestAdapter() : null), wgslLanguageFeatures: dawn().wgslLanguageFeatures } as unknown as GPU;
    const waits: number[] = [];
    let comesAfter = Infinity;
    const wait = async (ms: number) => void (there ||= waits.push(ms) >= comesAfter);
    const engine = openEngine({ gpu, wait });
    await engine.load(stories(), options);
    const request = { prompt: { tokens: golden.prompt_ids }, maxTokens: 8 };
    let lost = 0;
    watchSubmits(() => {
      lost++;
      deviceOf(engine).destroy();
    });
    const error = await answer(engine, request).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DeviceError);
    expect(error).toMatchObject({ code: 'gpu_lost', message: expect.stringMatching(/^The GPU was lost: .* Load the model again\.$/) as string });
    expect(lost).toBe(3);
    vi.restoreAllMocks();
    expect(waits).toEqual([]);
    there = false;
    await expect(answer(engine, request)).rejects.toMatchObject({ code: 'gpu_lost' });
    expect(waits).toEqual([250, 500, 1000, 2000, 4000]);
    comesAfter = waits.length + 2; // while it is waited for
    expect((await answer(engine, request)).ids).toEqual(golden.ids.slice(0, 8));
    expect(waits).toHaveLength(7);
    await engine.unload();
  });

  it('goes on with kernels chosen and a plan made anew where the new device is of another adapter', async () => {
    dawn();
    let description = 'the first';
    const requestAdapter = async () => {
      const adapter = (await dawn().requestAdapter())!;
      const { vendor, architecture, isFallbackAdapter, device } = adapter.info;
      const info = { vendor, architecture, isFallbackAdapter, device, description };
      return {
        info,
        features: adapter.features,
        limits: adapter.limits,
        requestDevice: (descriptor: GPUDeviceDescriptor) => adapter.requestDevice(descriptor),
      } as unknown as GPUAdapter;
    };
    const engine = openEngine({ gpu: { requestAdapter, wgslLanguageFeatures: dawn().wgslLanguageFeatures } as unknown as GPU });
    await engine.load(stories(), options);
    const before = engine.loaded();
    const { ids } = await answer(engine, { prompt: { tokens: golden.prompt_ids }, maxTokens: 20 }, undefined, (count) => {
      if (count !== 5) return;
      description = 'the second';
      deviceOf(engine).destroy();
    });
    expect(ids).toEqual(golden.ids.slice(0, 20));
    const { info, model, opened } = engine.loaded();
    expect(info.adapter).toContain('the second');
    expect(model.plan).not.toBe(before.model.plan);
    expect(opened).toBe(before.opened);
    await engine.unload();
  });
});
