// How near the model, as loaded, comes to itself in f32: after the same tokens, the divergence of what it expects next.
import { type Engine, type EngineOptions, type Loaded } from '../engine/engine.ts';
import { type Divergence, createComparison, divergenceOf } from '../distribution.ts';
import { roundingIn } from '../engine/measure/tune/choice-text.ts';
import { unitOf } from '../model/choices/subgroup-matrix.ts';

/** From the f32 path. */
export type Fidelity = Divergence;

/** Rounding keys, values and tiles to 16 or 8 bits stays far below; what is above is another function. */
const mostDivergence = 0.1;

/** Logits after the prompt, and after each token that follows it: (positions) of (vocab). */
export async function logitsAlong({ runner }: Loaded, prompt: readonly number[], ids: readonly number[]): Promise<Float32Array[]> {
  await runner.feed(prompt, 0);
  const rows = [await runner.readLogits()];
  for (const [i, id] of ids.entries()) {
    await runner.feed([id], prompt.length + i);
    rows.push(await runner.readLogits());
  }
  return rows;
}

/** Loads the model again in f32, and leaves that loaded. `load` loads it with other options. Throws if the two are not the same model. */
export async function measureFidelity(
  engine: Engine,
  load: (more: EngineOptions) => Promise<unknown>,
  prompt: readonly number[],
  ids: readonly number[],
): Promise<Fidelity> {
  const { choice, kv } = engine.loaded().model;
  if (!roundingIn(choice) && !kv.rounding) return { positions: ids.length + 1, meanKl: 0, mostKl: 0, sameToken: 1 };
  const found = await logitsAlong(engine.loaded(), prompt, ids);
  const { splits, panels, prefill, reduce } = choice;
  const exactly = unitOf(prefill) ? 'tile' : prefill;
  await load({ f32: true, kv: 'f32', kernels: `splits=${splits},panels=${panels},prefill=${exactly},reduce=${reduce}` });
  const exact = await logitsAlong(engine.loaded(), prompt, ids);
  const comparison = createComparison();
  exact.forEach((logits, i) => comparison.add(divergence(logits, found[i]), logits, found[i]));
  const fidelity = comparison.result();
  if (fidelity.mostKl > mostDivergence)
    throw new Error(`The logits are ${fidelity.mostKl.toPrecision(3)} nats from those in f32, where ${mostDivergence} is allowed.`);
  return fidelity;
}

/** KL(p || q) of two softmaxes; throws if a logit is not finite. */
export function divergence(p: Float32Array, q: Float32Array): number {
  return divergenceOf(logSoftmax(p), logSoftmax(q));
}

function logSoftmax(logits: Float32Array): Float64Array {
  if (logits.some((value) => !Number.isFinite(value))) throw new Error('A logit is not finite.');
  const most = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const total = logits.reduce((sum, value) => sum + Math.exp(value - most), 0);
  return Float64Array.from(logits, (value) => value - most - Math.log(total));
}
