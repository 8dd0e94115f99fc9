// Every family beyond the first ten, a tiny model each, against golden logits: 24 tokens in one go and one by one, and 100 in one go, on Dawn; and the
// greedy tokens that follow.
import { describe, expect, it } from 'vitest';
import { createRunner } from '../../../src/engine/run/runner.ts';
import { readHeader } from '../../../src/gguf/read.ts';
import { createKernelCache } from '../../../src/gpu/kernels.ts';
import { bytesSource } from '../../../src/weights/source/source.ts';
import { adapterFile, isSwiftShader } from '../../dawn.ts';
import { floatsFixture, jsonFixture } from '../../models/fixture.ts';
import { forward } from '../../models/forward.ts';
import { families, goldenLogits, greedyTokens } from '../../models/golden.ts';
import { errorInHalf, f16Bounds } from '../../models/half.ts';
import { openBytes, openDawn, openFixture } from '../../models/model.ts';
import { vary } from '../../models/vary.ts';
import { isFull, record } from '../../verified.ts';

/** Greedy tokens that are compared. */
const followed = isFull ? 32 : 4;
const command = 'npx vitest run --project gpu test/gpu/model/families-gpu.test.ts';

/** SwiftShader compiles slowly what lavapipe has run. */
const isLeftOut = isSwiftShader && !isFull;

interface Golden {
  tokens24: number[];
  tokens100: number[];
  /** Greedy tokens behind `tokens24`, and by how much each led. */
  greedy32: number[];
  margins: number[];
}

describe.skipIf(!adapterFile || isLeftOut)('families', async () => {
  // One device, so that what two families run alike is compiled once.
  const gpu = adapterFile ? await openDawn() : undefined;
  const kernels = gpu && createKernelCache(gpu.device);

  it.each(families)('$name gives the golden logits, however its tokens are fed', async ({ name, family }) => {
    const { tokens24, tokens100, greedy32, margins } = jsonFixture<Golden>(`tiny/${name}.json`);
    const golden = goldenLogits(name);
    const model = await openFixture(gpu!, `tiny/${name}.gguf`, {}, kernels);
    const { vocab } = model.graph.config;
    const runner = createRunner(model);
    const worst = { prefill: 0, decode: 0, tokens100: 0 };
    const compare = (part: keyof typeof worst, found: Float32Array, wanted: Float32Array) => {
      expect(found.length).toBe(wanted.length);
      found.forEach((value, i) => (worst[part] = Math.max(worst[part], Number.isNaN(value) ? Infinity : Math.abs(value - wanted[i]))));
    };
    await runner.feedAll(tokens24, 0, (logits) => compare('prefill', logits, golden));
    for (const [position, token] of tokens24.entries()) {
      await runner.feed([token], position);
      compare('decode', await runner.readLogits(), golden.subarray(position * vocab, (position + 1) * vocab));
    }
    const made = await greedyTokens(name, model, runner, 24, { tokens: greedy32, margins }, followed);
    await runner.feed(tokens100, 0);
    compare('tokens100', await runner.readLogits(), floatsFixture(`tiny/${name}.L100.f32`));
    model.destroy();
    record({
      point: `${name}: largest error of the logits in f32 (24 tokens in one go and one by one, 100 tokens), equal greedy tokens`, command,
      value: { ...worst, tokens: made.found.length },
    });
    expect(made.golden.length).toBeGreaterThan(3);
    expect(made.found).toEqual(made.golden);
    expect(Math.max(worst.prefill, worst.decode)).toBeLessThan(1e-3);
    // llama.cpp computes Gemma's GELU through a table of f16.
    expect(worst.tokens100).toBeLessThan({ gemma2: 5e-3, gemma4: 1e-2 }[family] ?? 1e-3);
    console.log(name, worst, `${made.found.length} greedy tokens`);
  });

  const inHalf = gpu?.device.features.has('shader-f16') && isFull ? families.map(({ name }) => name) : [];
  it.each(inHalf)('%s in f16 stays within its bound', async (name) => {
    const worst = await errorInHalf(gpu!, name, kernels);
    record({ point: `${name}: largest error of the logits in f16 (bound ${f16Bounds.get(name)})`, command, value: worst });
    console.log(name, 'f16', worst);
    expect(worst).toBeLessThan(f16Bounds.get(name)!);
  });

  const contexts = [['short', 128], ['long', 512]] as const;
  it.each(contexts)('phi3 with the %s factors of LongRoPE, for a context of %i, gives the logits of the reference', async (which, context) => {
    const { tokens24 } = jsonFixture<{ tokens24: number[] }>('tiny/tiny-phi3.json');
    const growth = { 'rope_factors_short.weight': 0.1, 'rope_factors_long.weight': 0.5 };
    const bytes = await vary('tiny/tiny-phi3.gguf', {
      metadata: { 'phi3.rope.scaling.original_context_length': { type: 'u32', value: 128 }, 'phi3.rope.scaling.attn_factor': { type: 'f32', value: 1.1 } },
      tensors: { 'rope_factors_short.weight': { shape: [32] }, 'rope_factors_long.weight': { shape: [32] } },
    });
    const { tensors } = await readHeader(bytesSource(bytes, 'phi3.gguf'));
    for (const [tensor, each] of Object.entries(growth)) {
      const view = new DataView(bytes.buffer, tensors.get(tensor)!.offset);
      for (let pair = 0; pair < 32; pair++) view.setFloat32(4 * pair, 1 + each * pair, true);
    }
    const model = await openBytes(gpu!, bytes, { context }, kernels);
    const wanted = await forward(bytes, tokens24, context);
    let worst = 0;
    await createRunner(model).feedAll(tokens24, 0, (logits) => logits.forEach((value, i) => (worst = Math.max(worst, Math.abs(value - wanted[i])))));
    model.destroy();
    console.log('longrope', which, worst);
    record({ point: `phi3 with the ${which} factors of LongRoPE: largest error of the logits against the reference`, command, value: worst });
    expect(worst).toBeLessThan(1e-4);
  });
});
