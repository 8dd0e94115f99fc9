// The f16 path of a tiny model, tiles whose sums are in f16 and keys and values in f16: how far its logits are from the golden ones, and how far they may be.
import { createRunner } from '../../src/engine/run/runner.ts';
import { type Gpu } from '../../src/gpu/device.ts';
import { type KernelCache } from '../../src/gpu/kernels.ts';
import { kvFormat } from '../../src/kv/formats/catalogue.ts';
import { jsonFixture } from './fixture.ts';
import { families, goldenLogits, recurrentFamilies } from './golden.ts';
import { openFixture, testChoice } from './model.ts';

/**
 * Of logits with a standard deviation of about 1, of Granite's hybrids 2: nearly twice what it took on lavapipe, or more. States sum up what was rounded
 * in all tokens; llama.cpp's own kernels for 8-bit activations stray there by 0.3 (mamba2) to 2.7 (qwen3next).
 */
const usual = 0.01;
const others: Readonly<Record<string, number>> = {
  'tiny-gpt-oss': 0.02, 'tiny-gemma4': 0.02, 'tiny-gemma4-moe': 0.02, 'tiny-granitehybrid': 0.02, 'tiny-qwen35': 0.02, 'tiny-qwen35moe': 0.02,
  'tiny-mamba2': 0.03, 'tiny-granitehybrid-moe': 0.06, 'tiny-qwen3next': 0.1,
};

/** Of each family's tiny models, by their names. */
export const f16Bounds: ReadonlyMap<string, number> = new Map([...families, ...recurrentFamilies].map(({ name }) => [name, others[name] ?? usual]));

/** The largest difference at the 24 positions of `tokens24`, in one go. */
export async function errorInHalf(gpu: Gpu, name: string, kernels?: KernelCache): Promise<number> {
  const { tokens24 } = jsonFixture<{ tokens24: number[] }>(`tiny/${name}.json`);
  const golden = goldenLogits(name);
  const model = await openFixture(gpu, `tiny/${name}.gguf`, { choice: { ...testChoice, tile: 'f16', prefill: 'tile' }, kv: kvFormat('f16') }, kernels);
  let worst = 0;
  await createRunner(model).feedAll(tokens24, 0, (logits) => logits.forEach((value, i) => {
    worst = Math.max(worst, Number.isNaN(value) ? Infinity : Math.abs(value - golden[i]));
  }));
  await model.destroy();
  return worst;
}
