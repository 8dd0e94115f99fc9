// Policies of keys and values against float64 goldens of the same tokens, fed one at a time and several at once, within the bytes that were planned.
import { describe, expect, it } from 'vitest';
import { type LoadedModel } from '../../../src/engine/load/load.ts';
import { createRunner } from '../../../src/engine/run/runner.ts';
import { kvFormat } from '../../../src/kv/formats/catalogue.ts';
import { adapterFile } from '../../dawn.ts';
import { floatsFixture, jsonFixture } from '../../models/fixture.ts';
import { openFixture, sharedGpu, testChoice } from '../../models/model.ts';
import { isFull, record } from '../../verified.ts';

interface Golden {
  tokens: number[];
  prompt: number;
  headScores: number[][];
  steps: number[];
  vocab: number;
  cases: { name: string; logits: number; fromFull: number }[];
}

/** A case of the goldens, and the policy that is to give it, none of the full memory. Tolerance: codes next to a half may fall either way. */
interface Run {
  golden: string;
  kv?: string;
  options?: Record<string, number>;
  tolerance: (fromFull: number) => number;
  /** Logits of a file of its own: those of the golden but for what its program leaves to a sort (which of equals comes first). */
  own?: true;
}

const exact = () => 1e-3;
const rounds = (fromFull: number) => Math.max(5e-3, 0.02 * fromFull);
/** Of codes of 2 bits, whose steps are large beside what they change together. */
const roundsMuch = (fromFull: number) => Math.max(5e-3, 0.03 * fromFull);
/** Of codes with outliers: a range in f16 next to a half shifts what the second layer is given, where another number then is furthest out. */
const roundsRanges = (fromFull: number) => 0.08 * fromFull;

const runs: Run[] = [
  { golden: 'full', tolerance: exact },
  { golden: 'token4', kv: 'q4', options: { interval: 16 }, tolerance: rounds },
  { golden: 'kivi4', kv: 'kivi4', options: { interval: 16 }, tolerance: rounds },
  { golden: 'kivi2', kv: 'kivi2', options: { interval: 16 }, tolerance: rounds },
  { golden: 'token2', kv: 'q2', options: { interval: 16 }, tolerance: rounds },
  { golden: 'streaming', kv: 'streaming', options: { slots: 32, interval: 16, wholePrompt: 1 }, tolerance: exact },
];

/** Of the full run alone. */
const further: Run[] = [
  { golden: 'full', kv: 'scout', options: { window: 16, interval: 16 }, tolerance: exact },
  { golden: 'minicache', kv: 'minicache', options: { start: 0, retain: 0.05, window: 16, interval: 16 }, tolerance: exact },
  { golden: 'kvquant3', kv: 'kvquant3', options: { interval: 16, outliers: 0.02 }, tolerance: roundsRanges, own: true },
  { golden: 'token8', kv: 'q8-later', options: { interval: 16 }, tolerance: rounds },
  { golden: 'permuted4', kv: 'permuted4', options: { interval: 16 }, tolerance: rounds },
  { golden: 'duo-kivi', kv: 'duo-kivi', options: { share: 0.5, sinks: 4, recent: 32, window: 32, interval: 16, chunk: 64 }, tolerance: rounds },
];

/** What is sealed of lists, by what queries pay. */
const half = { window: 16, interval: 16 };
const mixed: Run[] = [
  { golden: 'arkv', kv: 'arkv', options: { ...half, share: 0.5 }, tolerance: rounds },
  { golden: 'mikv', kv: 'mikv', options: { ...half, hot: 0.25, bits: 2, chunk: 64 }, tolerance: rounds },
  { golden: 'zipcache', kv: 'zipcache', options: { ...half, salient: 0.5 }, tolerance: roundsMuch },
];

/** Of the program that writes xquant's: how far each is from the full memory. tiny-qwen2 has biases of keys and values. */
const latents = jsonFixture<Record<string, Record<string, number>>>('kv/xquant.json');

const models = isFull ? ['tiny-llama-f16', 'tiny-qwen3'] : ['tiny-llama-f16'];

/** The largest difference to the golden's logits, with so many of the chosen tokens at a time. */
async function run(model: LoadedModel, { tokens, prompt, steps, vocab }: Golden, wanted: Float32Array, together: number): Promise<number> {
  const runner = createRunner(model);
  let most = 0;
  await runner.feed(tokens.slice(0, prompt), 0);
  for (let at = prompt; at < tokens.length; at += together) {
    await runner.feed(tokens.slice(at, at + together), at, undefined, true);
    const step = steps.indexOf(at + together - 1 - prompt);
    if (step < 0) continue;
    const found = await runner.readLogits();
    found.forEach((logit, i) => (most = Math.max(most, Math.abs(logit - wanted[step * vocab + i]))));
  }
  return most;
}

/** Runs a policy on a model, some tokens at a time; its logits are to be those wanted, and its bytes those planned. */
async function check(name: string, golden: Golden, wanted: Float32Array, { kv, options, tolerance }: Omit<Run, 'golden'>, fromFull: number): Promise<void> {
  const gpu = await sharedGpu();
  const model = await openFixture(gpu, `tiny/${name}.gguf`, {
    choice: { ...testChoice, splits: 1, prefill: 'rows' }, kv: kvFormat('f32'), context: 512,
    ...(kv && { policy: { name: kv, options, retrieval: golden.headScores } }),
  });
  // What is sealed of lists is decided at the prompt's end, however many tokens come then at a time.
  const together = isFull || runs.some((each) => each.kv === kv) ? [1, 16] : [16];
  const found: number[] = [];
  for (const tokens of together) found.push(await run(model, golden, wanted, tokens));
  const { ledger, plan } = model;
  record({
    point: `Logits of ${name} under ${kv} against a float64 golden`, command: 'npx vitest run --project gpu test/gpu/model/kv-policies-gpu.test.ts',
    value: { 'largest difference': Math.max(...found).toPrecision(2), 'to the full cache': fromFull },
  });
  expect(Math.max(...found), found.join()).toBeLessThan(tolerance(fromFull));
  expect(ledger.bytes.kv).toBeLessThanOrEqual(plan.bytes.kv);
  expect(ledger.peakBytes).toBeLessThanOrEqual(plan.totalBytes);
  await model.destroy();
}

describe.skipIf(!adapterFile).each(models)('%s', (name) => {
  const golden = jsonFixture<Golden>(`kv/${name}.json`);
  const logits = floatsFixture(`kv/${name}.logits.f32`);

  it.each(isFull ? [...runs, ...further, ...mixed] : [...runs, mixed[0]])('$kv gives the logits of $golden', async ({ golden: of, own, ...how }) => {
    const { logits: at, fromFull } = golden.cases.find((each) => each.name === of)!;
    const wanted = own ? floatsFixture(`kv/${name}.${of}.f32`) : logits.subarray(at, at + golden.steps.length * golden.vocab);
    await check(name, golden, wanted, how, fromFull);
  });
});

describe.skipIf(!adapterFile || !isFull).each(Object.keys(latents))('%s', (name) => {
  it.each(Object.keys(latents[name]))('%s gives the logits of its golden', async (kv) => {
    const golden = { ...jsonFixture<Golden>('kv/tiny-llama-f16.json'), headScores: [] };
    await check(name, golden, floatsFixture(`kv/${name}.${kv}.f32`), { kv, options: { interval: 16 }, tolerance: rounds }, latents[name][kv]);
  });
});
