// Which slots policies keep, and the logits that they leave, against float64 goldens: the same slots of every head after the prompt and after every
// tick, token by token and several at once, with nothing made by a tick that does what the one before did.
import { describe, expect, it } from 'vitest';
import { type LoadedModel } from '../../../src/engine/load/load.ts';
import { createRunner } from '../../../src/engine/run/runner.ts';
import { adapterFile } from '../../dawn.ts';
import { floatsFixture, jsonFixture } from '../../models/fixture.ts';
import { keptPositions } from '../../models/kept-positions.ts';
import { openDawn, openFixture, testChoice } from '../../models/model.ts';
import { isFull, record } from '../../verified.ts';

type Runs = [first: number, last: number][];

interface Golden {
  tokens: number[];
  prompt: number;
  interval: number;
  steps: number[];
  vocab: number;
  headScores: number[][];
  /** `kept`: (tick, layer, kv head) positions. */
  cases: { name: string; logits: number; fromFull: number; kept: Runs[][][] }[];
}

/** A case of the goldens, and the policy that is to give it. */
interface Run {
  golden: string;
  kv: string;
  options: Record<string, number>;
}

const half = { share: 0.5, window: 16, interval: 16 };
const runs: Run[] = [
  { golden: 'snapkv', kv: 'snapkv', options: half },
  { golden: 'h2o', kv: 'h2o', options: { ...half, chunk: 64 } },
  { golden: 'lazy', kv: 'lazyeviction', options: { ...half, chunk: 64, alpha: 0.02 } },
  { golden: 'duo', kv: 'duo', options: { ...half, sinks: 4, recent: 32, chunk: 64 } },
  { golden: 'windowkv', kv: 'windowkv', options: { ...half, size: 8, layers: 1 } },
  { golden: 'prefix', kv: 'prefixkv', options: half },
  { golden: 'ems', kv: 'ems', options: { ...half, chunk: 64 } },
];
const further: Run[] = [
  { golden: 'recent', kv: 'recent', options: half },
  { golden: 'random', kv: 'random', options: half },
  { golden: 'snapkv-small', kv: 'snapkv', options: { share: 0.25, window: 8, interval: 16, kernel: 7 } },
  { golden: 'heavy-prompt', kv: 'heavy-prompt', options: { ...half, chunk: 64 } },
  { golden: 'pyramid', kv: 'pyramidkv', options: half },
  { golden: 'heads', kv: 'adakv', options: half },
  { golden: 'windowkv-gather', kv: 'windowkv', options: { share: 0.25, window: 16, interval: 16, size: 4, layers: 2, gather: 1 } },
  { golden: 'razor', kv: 'razor', options: { ...half, sinks: 4, recent: 32, chunk: 64 } },
  { golden: 'd2o', kv: 'd2o', options: half },
  { golden: 'elastic', kv: 'elastic', options: { ...half, chunk: 64 } },
  { golden: 'kvmerger', kv: 'kvmerger', options: { ...half, sinks: 4 } },
  { golden: 'think', kv: 'think', options: { cut: 0.4, window: 16, interval: 16 } },
  { golden: 'think-snapkv', kv: 'think', options: { cut: 0.25, share: 0.5, window: 16, interval: 16 } },
  { golden: 'spans', kv: 'spans', options: { low: 0.1, high: 1, least: 16, sinks: 4, window: 16, interval: 16 } },
];

const models = isFull ? ['tiny-llama-f16', 'tiny-qwen3'] : ['tiny-llama-f16'];

/** Feeds the tokens, so many of the chosen ones at a time: the largest difference to the golden's logits, and (tick, layer, kv head) what was kept. */
async function run(model: LoadedModel, { tokens, prompt, steps, vocab, interval }: Golden, wanted: Float32Array, together: number) {
  const runner = createRunner(model);
  const kept: number[][][][] = [];
  let most = 0;
  const note = async (length: number) => void kept.push(await keptPositions(model, model.sequence, length));
  await runner.feed(tokens.slice(0, prompt), 0);
  await note(prompt);
  for (let at = prompt; at < tokens.length; at += together) {
    await runner.feed(tokens.slice(at, at + together), at, undefined, true);
    const done = at + together - prompt;
    if (done % interval === 0) await note(at + together);
    const step = steps.indexOf(done - 1);
    if (step < 0) continue;
    const found = await runner.readLogits();
    found.forEach((logit, i) => (most = Math.max(most, Math.abs(logit - wanted[step * vocab + i]))));
  }
  return { most, kept };
}

const positions = (all: Runs): number[] => all.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i));

describe.skipIf(!adapterFile).each(models)('%s', (name) => {
  const golden = jsonFixture<Golden>(`kv/${name}.json`);
  /** Some have a file of their own, by a program of ours. */
  const caseOf = (of: string) => {
    const [cases, file] = of === 'elastic' ? [jsonFixture<Golden>(`kv/${name}.elastic.json`).cases, `kv/${name}.elastic`] : [golden.cases, `kv/${name}`];
    return { ...cases.find((each) => each.name === of)!, all: floatsFixture(`${file}.logits.f32`) };
  };

  it.each([...runs, ...(isFull ? further : [])])('$kv keeps the slots of $golden, and gives its logits', async ({ golden: of, kv, options }) => {
    const gpu = await openDawn();
    const { logits: at, fromFull, kept, all } = caseOf(of);
    const ticks = Array.from({ length: 1 + (golden.tokens.length - golden.prompt) / golden.interval }, (_, i) => i);
    const later = (tick: number) => Array.from({ length: tick * golden.interval }, (_, i) => golden.prompt + i);
    const expected = ticks.map((tick) =>
      kept.length > 1 ? kept[tick].map((layer) => layer.map(positions)) : kept[0].map((layer) => layer.map((head) => [...positions(head), ...later(tick)])));
    const model = await openFixture(gpu, `tiny/${name}.gguf`, {
      choice: { ...testChoice, splits: 1, prefill: 'rows' }, context: 512,
      policy: { name: kv, options: { ...options, positions: 1 }, retrieval: golden.headScores },
    });
    const wanted = all.subarray(at, at + golden.steps.length * golden.vocab);
    for (const together of isFull ? [1, 16] : [16]) {
      const found = await run(model, golden, wanted, together);
      expect(found.kept).toEqual(expected);
      expect(found.most).toBeLessThan(1e-3);
      record({
        point: `Slots and logits of ${name} under ${kv} against the golden ${of}`, command: 'npx vitest run --project gpu test/gpu/model/kv-kept-gpu.test.ts',
        value: { 'largest difference': found.most.toPrecision(2), 'to the full cache': fromFull },
      });
    }
    const { ledger, plan } = model;
    expect(ledger.bytes.kv).toBeLessThanOrEqual(plan.bytes.kv);
    expect(ledger.peakBytes).toBeLessThanOrEqual(plan.totalBytes);
    await model.destroy();
    gpu.device.destroy();
  });
});
