// What layers do where files and families differ: windows, and the rotation of positions.
import { describe, expect, it } from 'vitest';
import { type TypedValue } from '../../test/models/gguf.ts';
import { fixture } from '../../test/models/fixture.ts';
import { f32, graphOf, string, u32, varied } from '../../test/models/graphs.ts';
import { type Change } from '../../test/models/vary.ts';
import { type Attend, isAttend } from './ops/attend.ts';
import { type Rope } from './ops/rope.ts';
import { factorsOf } from './rope.ts';

const llama = 'stories260K/stories260K.gguf';
const phi3 = 'tiny/tiny-phi3.gguf';
const gemma3 = 'tiny/tiny-gemma3.gguf';
const tiny = (family: string) => `tiny/tiny-${family}.gguf`;

describe('families', () => {
  const opsIn = async (family: string, op: string, metadata: Change['metadata'] = {}) => {
    const { layers } = await varied(tiny(family), { metadata });
    return layers.map((ops) => ops.find((each) => each.op === op)!);
  };
  const windowsOf = async (family: string, metadata: Change['metadata'] = {}) =>
    ((await opsIn(family, 'attend', metadata)) as Attend[]).map(({ window }) => window);
  const ropesOf = async (family: string, metadata: Change['metadata'] = {}) => ((await opsIn(family, 'rope', metadata)) as Rope[]).map(({ rope }) => rope);
  const flags = (...value: boolean[]): TypedValue => ({ type: 'bool', value });

  it('without a rotation in every fourth layer, or where a layer sees all positions', async () => {
    expect(await ropesOf('smollm3')).toEqual([0, 0, 0, undefined]);
    expect(await ropesOf('cohere2')).toEqual([0, 0, 0, undefined]);
    expect(await ropesOf('granite', { 'granite.rope.scaling.finetuned': { type: 'bool', value: false } })).toEqual([undefined, undefined]);
  });

  it('have windows by a number of layers or by a flag for each', async () => {
    expect(await windowsOf('cohere2')).toEqual([8, 8, 8, undefined]);
    expect(await windowsOf('gemma2')).toEqual([8, undefined]);
    expect(await windowsOf('gemma2', { 'gemma2.attention.sliding_window_pattern': flags(false, true) })).toEqual([undefined, 8]);
    const first = { 'olmo2.attention.sliding_window': u32(16), 'olmo2.attention.sliding_window_pattern': flags(true, false) };
    expect(await windowsOf('olmo2', first)).toEqual([16, undefined]);
    expect(await windowsOf('olmo2')).toEqual([undefined, undefined]);
    expect(await windowsOf('exaone4')).toEqual([undefined, undefined]);
  });

  it('as exaone4 rotate where they have a window, or everywhere if no layer has one', async () => {
    expect(await ropesOf('exaone4')).toEqual([0, 0]);
    const windows = { 'exaone4.attention.sliding_window': u32(16), 'exaone4.attention.sliding_window_pattern': flags(true, false) };
    expect(await ropesOf('exaone4', windows)).toEqual([0, undefined]);
  });

  it('as OLMo 3 scale positions of the layers without a window alone, and by a magnitude that is named whole once', async () => {
    const whole = 1 + 0.1 * Math.log(8);
    const yarn = { 'olmo2.rope.scaling.type': string('yarn'), 'olmo2.rope.scaling.factor': f32(8), 'olmo2.attention.sliding_window': u32(16) };
    const magnitudes = async (more: Change['metadata']) =>
      (await varied(tiny('olmo2'), { metadata: { ...yarn, ...more } })).ropes.map(({ magnitude }) => magnitude);
    expect((await magnitudes({ 'olmo2.rope.scaling.attn_factor': f32(whole) }))[0]).toBeCloseTo(whole, 6);
    expect(await magnitudes({})).toEqual([whole, 1]);
    expect((await magnitudes({ 'olmo2.rope.scaling.attn_factor': f32(0.5) }))[0]).toBeCloseTo(0.5 * whole, 6);
  });

  it('as Hunyuan have a larger base by alpha', async () => {
    const { ropes } = await varied(tiny('hunyuan-dense'), {});
    expect(ropes[0].base).toBeCloseTo(10000 * 10 ** (32 / 30), 6);
  });
});

describe('rope', () => {
  const ropeOf = async (metadata: Change['metadata']) => (await varied(llama, { metadata })).ropes[0];
  const plain = { dims: 8, layout: 'pairs', base: 10000, scale: 1, magnitude: 1 };

  it('is plain where nothing is said, with the base that the file names', async () => {
    expect(await ropeOf({})).toEqual(plain);
    expect(await ropeOf({ 'llama.rope.freq_base': f32(500000) })).toEqual({ ...plain, base: 500000 });
  });

  it('is scaled linearly by a factor, with or without the type, under its old name too', async () => {
    const scaled = { ...plain, scale: 0.25 };
    expect(await ropeOf({ 'llama.rope.scaling.type': string('linear'), 'llama.rope.scaling.factor': f32(4) })).toEqual(scaled);
    expect(await ropeOf({ 'llama.rope.scaling.factor': f32(4) })).toEqual(scaled); // as llama.cpp takes it
    expect(await ropeOf({ 'llama.rope.scale_linear': f32(4) })).toEqual(scaled);
    expect(await ropeOf({ 'llama.rope.scaling.factor': f32(0) })).toEqual(plain);
  });

  it('is not scaled where the type is none, whatever the factor', async () => {
    expect(await ropeOf({ 'llama.rope.scaling.type': string('none'), 'llama.rope.scaling.factor': f32(4) })).toEqual(plain);
  });

  it('is YaRN with its defaults, the magnitude from the factor', async () => {
    expect(await ropeOf({ 'llama.rope.scaling.type': string('yarn'), 'llama.rope.scaling.factor': f32(4) })).toEqual({
      ...plain, scale: 0.25, magnitude: 1 + 0.1 * Math.log(4), yarn: { originalContext: 512, betaFast: 32, betaSlow: 1, extFactor: 1 },
    });
  });

  it('is YaRN with what the file says', async () => {
    expect(
      await ropeOf({
        'llama.rope.scaling.type': string('yarn'),
        'llama.rope.scaling.factor': f32(8),
        'llama.rope.scaling.original_context_length': u32(128),
        'llama.rope.scaling.attn_factor': f32(0.5),
        'llama.rope.scaling.yarn_beta_fast': f32(16),
        'llama.rope.scaling.yarn_beta_slow': f32(2),
        'llama.rope.scaling.yarn_ext_factor': f32(0.5),
      }),
    ).toEqual({ ...plain, scale: 0.125, magnitude: 0.5 * (1 + 0.1 * Math.log(8)), yarn: { originalContext: 128, betaFast: 16, betaSlow: 2, extFactor: 0.5 } });
  });

  it('is YaRN whose magnitude a multiplier divides', async () => {
    const yarn = { 'llama.rope.scaling.type': string('yarn'), 'llama.rope.scaling.factor': f32(16) };
    expect((await ropeOf({ ...yarn, 'llama.rope.scaling.yarn_log_multiplier': f32(1) })).magnitude).toBe(1);
    const half = (await ropeOf({ ...yarn, 'llama.rope.scaling.yarn_log_multiplier': f32(0.5) })).magnitude;
    expect(half).toBeCloseTo((1 + 0.1 * Math.log(16)) / (1 + 0.05 * Math.log(16)), 12);
  });

  it('has the factors of Llama 3, which the CPU reads', async () => {
    const graph = await graphOf(fixture('tiny/tiny-llama3.gguf'));
    expect(graph.ropes).toEqual([{ dims: 64, layout: 'pairs', base: 500000, scale: 1, magnitude: 1, factors: 'rope_freqs.weight' }]);
    expect(graph.hostTensors).toEqual(['rope_freqs.weight']);
  });

  it('of phi3 has factors for contexts up to the first one and for longer ones, which the CPU reads, and a size that the file names', async () => {
    const tensors = { 'rope_factors_long.weight': { shape: [32] }, 'rope_factors_short.weight': { shape: [32] } };
    const metadata = { 'phi3.rope.scaling.original_context_length': u32(128), 'phi3.rope.scaling.attn_factor': f32(1.25) };
    const { ropes, hostTensors } = await varied(phi3, { tensors, metadata });
    const long = { factors: 'rope_factors_long.weight', above: 128 };
    expect(ropes).toMatchObject([{ factors: 'rope_factors_short.weight', long, magnitude: 1.25, scale: 1 }]);
    expect(hostTensors).toEqual(['rope_factors_short.weight', 'rope_factors_long.weight']);
    expect([1, 128, 129].map((positions) => factorsOf(ropes[0], positions)?.slice(13, 17))).toEqual(['shor', 'shor', 'long']);
  });

  it('of gemma3 scales the global layers alone, two of which have a window between them', async () => {
    const { ropes, layers } = await varied(gemma3, { metadata: { 'gemma3.rope.scaling.type': string('linear'), 'gemma3.rope.scaling.factor': f32(8) } });
    expect(ropes).toMatchObject([{ base: 1e6, scale: 0.125, layout: 'halves' }, { base: 1e4, scale: 1, layout: 'halves' }]);
    const used = layers.flat().flatMap((op) => (op.op === 'rope' ? [(op as Rope).rope] : []));
    const windows = layers.flat().flatMap((op) => (isAttend(op) ? [op.window] : []));
    expect(used).toEqual([1, 0, 1, 0]);
    expect(windows).toEqual([8, undefined, 8, undefined]);
  });
});
