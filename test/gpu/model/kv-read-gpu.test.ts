// Policies that keep everything and have each decoded token read a part of it, against float64 goldens: the slots that the first and the sixteenth token
// choose, of every head, and the logits.
import { describe, expect, it } from 'vitest';
import { type LoadedModel } from '../../../src/engine/load/load.ts';
import { createRunner } from '../../../src/engine/run/runner.ts';
import { readBytes } from '../../../src/gpu/read-bytes.ts';
import { kvFormat } from '../../../src/kv/formats/catalogue.ts';
import { adapterFile } from '../../dawn.ts';
import { floatsFixture, jsonFixture } from '../../models/fixture.ts';
import { openDawn, openFixture, testChoice } from '../../models/model.ts';
import { isFull, record } from '../../verified.ts';

type Runs = [first: number, last: number][];

interface Golden {
  tokens: number[];
  prompt: number;
  steps: number[];
  vocab: number;
  headScores: number[][];
  /** `read`: (layer, kv head, first or sixteenth token) slots that were chosen. */
  cases: { name: string; logits: number; fromFull: number; read?: Runs[][][] }[];
}

/** A case of the goldens, and the policy that is to give it; an interval so long that no tick comes within it. */
interface Run {
  kv: string;
  options: Record<string, number>;
  /** Its goldens: by default those of choices for the token itself. `lag`, of shadowkv `low`: of choices a token late; `span`: of a2ats with one. */
  of?: 'lag' | 'span' | 'low';
}

const half = { share: 0.5, sinks: 4, window: 16, interval: 64 };
const runs: Run[] = [
  { kv: 'quest', options: { ...half, size: 8 } },
];
const further: Run[] = [
  { kv: 'lserve', options: { ...half, size: 16, part: 4 } },
  { kv: 'leoam', options: half },
  { kv: 'leoam', of: 'lag', options: { ...half, lag: 1 } },
  { kv: 'leoam', of: 'lag', options: { ...half, away: 1 } },
  { kv: 'shadowkv', options: { ...half, size: 8, rank: 24 } },
  { kv: 'shadowkv', of: 'low', options: { ...half, size: 8, rank: 24, lag: 1 } },
  { kv: 'shadowkv', of: 'low', options: { ...half, size: 8, rank: 24, away: 1 } },
  { kv: 'tokenselect', options: half },
  { kv: 'squeezed', options: { ...half, size: 8 } },
  { kv: 'a2ats', options: { ...half, parts: 8 } },
  { kv: 'a2ats', of: 'span', options: { ...half, parts: 8, span: 48 } },
  { kv: 'quest', of: 'lag', options: { ...half, size: 8, lag: 1 } },
  { kv: 'quest', of: 'lag', options: { ...half, size: 8, away: 1 } },
  { kv: 'mpcache', options: { share: 0.5, read: 0.5, observed: 32, sinks: 4, window: 16, interval: 64, size: 8 } },
];

const models = isFull ? ['tiny-llama-f16', 'tiny-qwen3'] : ['tiny-llama-f16'];

/** (layer, kv head) the slots that the last token chose to read. */
async function readBy(model: LoadedModel): Promise<number[][][]> {
  const { gpu: { device }, ledger, sequence } = model;
  const { shape: { plan }, layers, setsOf } = sequence.shaped!;
  const read: number[][][] = [];
  for (const { layer, sets: [{ counts }], heads: { kvHeads } } of layers) {
    const { run, first, of = layer } = plan.layers[layer][0].pick!;
    const { buffer } = setsOf(of).picked!;
    const words = new Uint32Array(await readBytes(device, ledger, 'test.picked', { buffer, byteLength: buffer.size }));
    const each = Math.floor((words.length - 4 * kvHeads) / kvHeads);
    read.push(Array.from({ length: kvHeads }, (_, head) => {
      const [, tail, seen, listed] = words.subarray(4 * head, 4 * head + 4);
      const starts = words.subarray(4 * kvHeads + head * each, 4 * kvHeads + head * each + listed);
      const chosen = [...starts].flatMap((start) => Array.from({ length: Math.min(run, tail - first - start * run) }, (_, i) => first + start * run + i));
      const all = [...chosen, ...Array.from({ length: counts[head] - tail }, (_, i) => tail + i)];
      expect(seen).toBe(first + all.length);
      return all;
    }));
  }
  return read;
}

const slots = (all: Runs): number[] => all.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i));

interface Given {
  text: Pick<Golden, 'tokens' | 'prompt' | 'steps' | 'vocab'>;
  golden: Golden['cases'][number];
  logits: Float32Array;
  retrieval?: number[][];
  /** Of keys and values. Default: f32. */
  format?: string;
}

/** A model reads the slots of a golden under a policy, gives its logits, and holds no more than was planned. */
async function expectGolden(name: string, { kv, options }: Run, { text: { tokens, prompt, steps, vocab }, golden, logits, retrieval, format }: Given) {
  const gpu = await openDawn();
  const { logits: from, fromFull, read } = golden;
  const model = await openFixture(gpu, `tiny/${name}.gguf`, {
    choice: { ...testChoice, splits: 1, prefill: 'rows' }, context: 512, policy: { name: kv, options, retrieval }, ...(format && { kv: kvFormat(format) }),
  });
  const runner = createRunner(model);
  const found: number[][][][] = [];
  let most = 0;
  await runner.feed(tokens.slice(0, prompt), 0);
  for (let at = prompt; at < tokens.length; at++) {
    const isRead = at === prompt || at === prompt + 15;
    if (isRead && options.lag) found.push(await readBy(model)); // as the token before has left it
    await runner.feed([tokens[at]], at, undefined, true);
    if (isRead && !options.lag) found.push(await readBy(model));
    const step = steps.indexOf(at - prompt);
    if (step < 0) continue;
    const made = await runner.readLogits();
    made.forEach((logit, i) => (most = Math.max(most, Math.abs(logit - logits[from + step * vocab + i]))));
  }
  record({
    point: `Slots that are read and logits of ${name} under ${kv}${format ? ` in ${format}` : ''} against a float64 golden`,
    command: 'npx vitest run --project gpu test/gpu/model/kv-read-gpu.test.ts',
    value: { 'largest difference': most.toPrecision(2), 'to the full cache': fromFull },
  });
  expect(found).toEqual([0, 1].map((token) => read!.map((layer) => layer.map((head) => slots(head[token])))));
  expect(most).toBeLessThan(1e-3);
  const { ledger, plan } = model;
  expect(ledger.bytes.kv).toBeLessThanOrEqual(plan.bytes.kv);
  expect(ledger.peakBytes).toBeLessThanOrEqual(plan.totalBytes);
  await model.destroy();
  gpu.device.destroy();
}

/** Whose queries, keys and values have biases; what is kept has 16 bits in its goldens. */
describe.skipIf(!adapterFile || !isFull)('tiny-qwen2', () => {
  const name = 'tiny-qwen2';
  it.each([['now', {}], ['low', { lag: 1 }], ['low', { away: 1 }]] as const)('reads the slots of its golden %s under shadowkv in f16 (%o)', async (of, how) => {
    const text = jsonFixture<Golden>('kv/tiny-llama-f16.json');
    const [golden] = jsonFixture<Pick<Golden, 'cases'>>(`kv/${name}.${of}.json`).cases;
    const logits = floatsFixture(`kv/${name}.${of}.logits.f32`);
    await expectGolden(name, { kv: 'shadowkv', options: { ...half, size: 8, rank: 24, ...how } }, { text, golden, logits, format: 'f16' });
  });
});

describe.skipIf(!adapterFile).each(models)('%s', (name) => {
  const text = jsonFixture<Golden>(`kv/${name}.json`);
  const { tokens, headScores, cases } = text;

  it.each([...runs, ...(isFull ? further : [])])('$kv reads the slots of its golden, and gives its logits ($options)', async (run) => {
    const { kv, of } = run;
    const own = of ? jsonFixture<Pick<Golden, 'cases'>>(`kv/${name}.${of}.json`).cases : cases;
    const logits = floatsFixture(`kv/${name}.${of ? `${of}.` : ''}logits.f32`);
    const golden = own.find((each) => each.name === kv)!;
    await expectGolden(name, run, { text, golden, logits, ...(kv === 'lserve' && { retrieval: headScores }) });
  });

  it.runIf(isFull).each([0, 1])('shadowkv that leaves nothing out gives the logits of the full cache where an answer fills a run (away=%d)', async (away) => {
    const gpu = await openDawn();
    // 257 slots behind the first ones: enough for all 128 directions; of the last run there is one, and all runs are outliers.
    const prompt = 4 + 257 + 16;
    const text = Array.from({ length: prompt + 24 }, (_, i) => tokens[(i * 7) % tokens.length]);
    const whole = { slots: 512, sinks: 4, window: 16, interval: 8, size: 8, rank: 1024, outliers: 1, away };
    const logits: Float32Array[][] = [];
    for (const policy of [undefined, { name: 'shadowkv', options: whole }]) {
      const model = await openFixture(gpu, `tiny/${name}.gguf`, { choice: { ...testChoice, splits: 1, prefill: 'rows' }, context: 512, policy });
      const runner = createRunner(model);
      await runner.feed(text.slice(0, prompt), 0);
      const own: Float32Array[] = [];
      for (let at = prompt; at < text.length; at++) {
        await runner.feed([text[at]], at, undefined, true);
        own.push(Float32Array.from(await runner.readLogits()));
      }
      if (policy) expect(model.sequence.shaped!.layers.every(({ sets: [set] }) => set.isLow)).toBe(true);
      logits.push(own);
      await model.destroy();
    }
    gpu.device.destroy();
    const most = Math.max(...logits[0].map((own, step) => Math.max(...own.map((logit, i) => Math.abs(logit - logits[1][step][i])))));
    expect(most).toBeLessThan(1e-3);
  });
});
