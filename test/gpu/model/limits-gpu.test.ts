// The engine under other limits and shapes, on Dawn: the tiny models keep their golden logits with the specification's
// default limits, with small bindings that cut matrices by rows, and with every choice of kernels.
import { describe, expect, it } from 'vitest';
import { createRunner } from '../../../src/engine/run/runner.ts';
import { type DeviceOptions } from '../../../src/gpu/device.ts';
import { runsIn } from '../../../src/gpu/program.ts';
import { kvFormat } from '../../../src/kv/formats/catalogue.ts';
import { missing } from '../../../src/model/choices/possible-choices.ts';
import { type KernelChoice, attentions, chunks } from '../../../src/model/choices/kernel-choice.ts';
import { matricesOf } from '../../../src/weights/layout.ts';
import { adapterFile } from '../../dawn.ts';
import { type Errors, errorsOf, goldenLogits } from '../../models/golden.ts';
import { openDawn, openFixture, sharedGpu, testChoice } from '../../models/model.ts';
import { divergence } from '../../../src/bench/fidelity.ts';
import { jsonFixture } from '../../models/fixture.ts';
import { isFull, record } from '../../verified.ts';

const show = (errors: Record<string, Errors>) =>
  Object.entries(errors)
    .map(([name, { prefill, decode }]) => `${name} ${prefill.toExponential(1)} prefill, ${decode.toExponential(1)} decode`)
    .join('; ');
const worst = (errors: Record<string, Errors>) => Math.max(...Object.values(errors).flatMap(({ prefill, decode }) => [prefill, decode]));

/** Those of several types of weights; the short run takes one that has heads of 256. */
const names = isFull ? ['tiny-llama-f16', 'tiny-llama-k', 'tiny-qwen2', 'tiny-gemma3', 'tiny-phi3'] : ['tiny-gemma3'];

const limits: Record<string, DeviceOptions> = {
  ...(isFull ? { 'the default limits': { limits: 'default' } } : {}), // as below, with the optional features
  ...(isFull ? { 'bindings of at most 1 MiB': { maxBindingBytes: 2 ** 20 } } : {}), // cuts nothing of models so small
  'bindings of at most 64 KiB': { maxBindingBytes: 2 ** 16 },
  'the default limits, and neither subgroups nor shader-f16': { limits: 'default', without: ['subgroups', 'shader-f16'] },
};

describe.skipIf(!adapterFile).each(Object.entries(limits))('with %s', (title, options) => {
  it('the tiny models give the logits of the float64 reference', async () => {
    const gpu = await openDawn(options);
    const errors: Record<string, Errors> = {};
    let cut = 0;
    for (const name of names) {
      const model = await openFixture(gpu, `tiny/${name}.gguf`, {});
      cut += model.layout.sections.flatMap(matricesOf).filter(({ panels }) => panels.panels * panels.panelBytes > gpu.maxBindingBytes).length;
      errors[name] = await errorsOf(model, name);
      model.destroy();
    }
    if (options.maxBindingBytes === 2 ** 16) expect(cut).toBeGreaterThan(0); // else this tests nothing
    console.log(`${title}, ${cut} matrices cut: ${show(errors)}`);
    expect(worst(errors)).toBeLessThan(1e-3);
    record({
      point: `Logits of tiny models with ${title}`,
      command: 'npx vitest run --project gpu test/gpu/model/limits-gpu.test.ts',
      value: { 'largest error': worst(errors).toPrecision(2), 'matrices cut': cut },
    });
  });
});

/** Of tiles, of experts and of neurons by columns, whose kernels have a form for few registers. */
const ofManyValues = ['llama-k', 'mixtral', 'gpt-oss', 'gemma4-moe', 'arcee'].map((family) => `tiny-${family}`);

/** Splits and panels, of which the short run takes some: each is checked against the reference too (test/gpu/kernels). */
const grids = (all: number[][], some: number[][], dot: KernelChoice['dot'] = 'f32') =>
  (isFull ? all : some).map(([splits, panels]) => ({ choice: { splits, panels, dot }, tolerance: 1e-3 }));

/**
 * Tolerances: f32 throughout as everywhere, and two bytes for an activation are nearly as good; a cache or tiles in f16 round every key, value
 * or weight by up to 2^-11, a cache in 8 bits by up to 2^-8. As compiling takes long in software, each is run with one of two
 * models in turn, unless all is run.
 */
const choices: { choice: Partial<KernelChoice>; kv?: string; tolerance: number; steps?: number[]; models?: string[] }[] = [
  ...grids([[1, 1], [1, 4], [2, 3], [8, 2], [2, 2], [8, 1], [4, 1], [4, 2], [16, 1], [32, 1], [32, 0.25], [16, 0.5]], []),
  ...(isFull ? (['rows', 'broadcast4', 'broadcast8', 'wide4', 'wide8'] as const) : (['rows', 'wide4'] as const)).map((prefill) =>
    ({ choice: { prefill }, tolerance: 1e-3 })),
  ...(isFull ? (['shared4', 'shared8'] as const) : (['shared4'] as const)).map((dot) => ({ choice: { dot }, tolerance: 1e-3 })),
  ...(isFull ? [1, 2, 4, 8, 16, 32].map((few) => ({ few })) : [{ few: 8, joined: 1 as const }]).map((choice) =>
    ({ choice, tolerance: 1e-3, steps: [2, 3, 4, 7, 8], ...(isFull ? {} : { models: ['tiny-llama-k'] }) })), // whose products share bind groups
  { choice: { reduce: 'subgroup' }, tolerance: 1e-3 },
  ...(isFull ? [{ choice: { part: 32 as const }, tolerance: 1e-3 }] : []),
  ...(isFull ? [{ choice: { registers: 64 as const, prefill: 'tile' as const, dot: 'staged' as const }, tolerance: 1e-3, models: ofManyValues }] : []),
  ...(isFull ? [{ choice: { registers: 64 as const, joined: 1 as const, dot: 'i8' as const }, tolerance: 1e-3 }] : []),
  { choice: { turned: 1 }, tolerance: 1e-3 },
  ...(isFull ? [{ choice: { joined: 1 as const }, tolerance: 1e-3 }, { choice: { joined: 1 as const, dot: 'i8' as const }, tolerance: 1e-3 }] : []),
  ...(isFull ? [{ choice: { turned: 1 as const, threads: 32 }, kv: 'q8', tolerance: 0.1 }] : []),
  { choice: { part: 32, uniform: 64, lanes: 4 }, tolerance: 1e-3 },
  ...grids([[1, 4], [4, 1]], [], 'i8'),
  ...grids([[1, 4], [8, 1], [4, 2], [16, 1], [32, 1], [32, 0.25]], [[32, 0.25]], 'staged'),
  ...(isFull ? [{ choice: {}, kv: 'f16', tolerance: 0.01 }, { choice: {}, kv: 'q8', tolerance: 0.1 }] : []), // kv-cache-gpu has them
  // SmolLM2 is run with tiles in f16.
  ...(isFull ? [{ choice: { tile: 'f16' as const }, tolerance: 0.01 }, { choice: { prefill: 'tile' as const, tile: 'i16' as const }, tolerance: 1e-3 }] : []),
];

/** Heads of the former have two parts of 32. */
const both = ['tiny-llama-k', 'tiny-gemma3'];

describe.skipIf(!adapterFile)('kernel choices', () => {
  it('shapes of attention, splits joined by the output projection, and lengths of steps give the same logits, those of the reference', async () => {
    const gpu = await sharedGpu();
    const some = isFull ? attentions : [attentions[0], attentions.at(-1)!];
    const logits: Float32Array[] = [];
    const golden: Record<string, Errors> = {};
    for (const [i, attention] of some.entries()) {
      const chunk = chunks[i % chunks.length];
      const joins = attention === attentions.at(-1) ? { turned: 1, joined: 1 } as const : {};
      const model = await openFixture(gpu, 'tiny/tiny-gemma3.gguf', { choice: { ...testChoice, ...attention, ...joins, chunk }, chunk, context: 1088 });
      expect(model.sizes.chunk).toBe(chunk);
      const joining = model.programs.decode.flatMap(({ program }) => program.dispatches.filter(({ kernel: { files } }) => files?.includes('from/splits')));
      expect(joining.filter((each) => runsIn(each, { rows: 1, length: 1081 })).length > 0).toBe(attention === attentions.at(-1));
      golden[`span ${attention.span} in ${attention.threads}, steps of ${chunk}`] = await errorsOf(model, 'tiny-gemma3');
      const runner = createRunner(model);
      const ids = Array.from({ length: 1081 }, (_, i) => (1 + i * 7919) % model.graph.config.vocab);
      await runner.feed(ids.slice(0, -1), 0);
      await runner.feed(ids.slice(-1), ids.length - 1);
      logits.push(await runner.readLogits());
      await model.destroy();
    }
    const errors = logits.map((each) => each.reduce((worst, value, i) => Math.max(worst, Math.abs(value - logits[0][i])), 0));
    console.log(`${show(golden)}; after 1081 tokens apart by ${errors.map((error) => error.toExponential(1)).join(', ')}`);
    expect(worst(golden)).toBeLessThan(1e-3);
    expect(new Set(logits.map((each) => each.join())).size).toBeGreaterThan(1); // else they are one and the same kernel
    expect(Math.max(...errors)).toBeLessThan(1e-4);
  });

  it.for(choices)('$choice $kv give the logits within $tolerance', async ({ choice, kv = 'f32', tolerance, steps, models }, { skip }) => {
    const gpu = await sharedGpu();
    const lack = missing(gpu, choice);
    if (lack) skip(lack);
    const errors: Record<string, Errors> = {};
    for (const name of models ?? (isFull ? both : [choice.part ? both[0] : both[choices.findIndex((each) => each.choice === choice) % 2]])) {
      const model = await openFixture(gpu, `tiny/${name}.gguf`, { choice: { ...testChoice, ...choice }, kv: kvFormat(kv) });
      errors[name] = await errorsOf(model, name, steps);
      model.destroy();
    }
    console.log(`${JSON.stringify({ ...choice, kv })}: ${show(errors)}`);
    expect(worst(errors)).toBeLessThan(tolerance);
  });
});

/** Models without experts, whose weights are of types that prefill multiplies as codes. */
const dense = ['llama-k', 'llama-legacy', 'llama-f16', 'llama3', 'mistral', 'qwen2', 'qwen3', 'gemma3', 'phi3'].map((name) => `tiny-${name}`);

// Two bytes for an activation are a candidate like others; one is for those who ask for it by name.
describe.skipIf(!isFull || !adapterFile)('activations in bytes in prefill', () => {
  it.each([['i16', 1e-3], ['i8', 2e-2]] as const)('by tiles of %s stay within a KL divergence of %f on dense models', async (tile, most) => {
    const gpu = await sharedGpu();
    const found: Record<string, number> = {};
    for (const name of dense) {
      const model = await openFixture(gpu, `tiny/${name}.gguf`, { choice: { ...testChoice, prefill: 'tile', tile } });
      const { vocab } = model.graph.config;
      const wanted = goldenLogits(name);
      let worstHere = 0;
      await createRunner(model).feedAll(jsonFixture<{ tokens24: number[] }>(`tiny/${name}.json`).tokens24, 0, (logits, rows) => {
        for (let row = 0; row < rows; row++) {
          const at = (of: Float32Array): Float32Array => of.subarray(row * vocab, (row + 1) * vocab);
          worstHere = Math.max(worstHere, divergence(at(wanted), at(logits)));
        }
      });
      found[name] = worstHere;
      model.destroy();
    }
    console.log(`${tile}: ${Object.entries(found).map(([name, value]) => `${name} ${value.toExponential(1)}`).join(', ')}`);
    expect(Math.max(...Object.values(found))).toBeLessThan(most);
    expect(Math.max(...Object.values(found))).toBeGreaterThan(1e-12); // else something else has run
    record({
      point: `Dense tiny models with tiles of ${tile}: largest KL divergence after 24 tokens`,
      command: 'WINDROW_FULL=1 npx vitest run --project gpu test/gpu/model/limits-gpu.test.ts -t "in bytes"', value: found,
    });
  });
});
