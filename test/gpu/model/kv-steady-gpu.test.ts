// An answer of 200 tokens under policies of keys and values within a budget that holds a quarter of the conversation in 16 bits, where they are to bound it:
// nothing is created for a token but where slots outgrow their room, a token between two ticks has as many dispatches as segments take, and the ledger is
// never over plan and budget.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeModel } from '../../../scripts/fixtures/make-model.mjs';
import { countCalls } from '../../../src/bench/count-calls.ts';
import { type LoadedModel } from '../../../src/engine/load/load.ts';
import { createRunner } from '../../../src/engine/run/runner.ts';
import { kvFormat } from '../../../src/kv/formats/catalogue.ts';
import { cachesOf, positionBytes } from '../../../src/kv/segment.ts';
import { adapterFile } from '../../dawn.ts';
import { temporaryFolder } from '../../folder.ts';
import { openBytes, sharedGpu, testChoice } from '../../models/model.ts';
import { isFull, record } from '../../verified.ts';

interface Steady {
  name: string;
  options?: Record<string, number>;
  retrieval?: number[][];
  /** Whether it keeps no more than a budget has room for, however long a conversation is. */
  bounded: boolean;
  /** Dispatches of a layer, on average, for a token between two ticks, beyond those of plain keys and values: further segments, their join, what chooses. */
  more: number;
}

const retrieval = [[1, 0], [0, 1]];
const short: Steady[] = [
  { name: 'streaming', bounded: true, more: 1 },
  { name: 'h2o', options: { chunk: 128 }, bounded: true, more: 1 },
  { name: 'kivi4', bounded: false, more: 1 },
];
const others: Steady[] = [
  { name: 'lazyeviction', options: { chunk: 128 }, bounded: true, more: 1 },
  { name: 'epicache', options: { chunk: 128 }, bounded: true, more: 1 },
  { name: 'q4', bounded: false, more: 1 },
  { name: 'duo-kivi', retrieval, bounded: false, more: 1.5 },
  { name: 'snapkv', options: { share: 0.5 }, bounded: false, more: 1 },
  { name: 'mikv', bounded: false, more: 2 },
  { name: 'arkv', options: { share: 0.5 }, bounded: false, more: 2 },
  { name: 'zipcache', bounded: false, more: 3 },
  { name: 'quest', bounded: false, more: 2 },
  { name: 'tokenselect', bounded: false, more: 3 },
  { name: 'xquant4', bounded: false, more: 2 },
];
const [prompt, answer, interval] = [3200, 200, 32];
const context = 3456;
const tokens = Array.from({ length: prompt + answer }, (_, i) => (i * 37 + ((i * i) % 11)) % 256);

let made: Promise<Uint8Array<ArrayBuffer>> | undefined;

/** A llama of two layers, of two heads of keys and values each. */
const modelBytes = (): Promise<Uint8Array<ArrayBuffer>> => (made ??= (async () => {
  const out = join(temporaryFolder('steady'), 'steady.gguf');
  await makeModel({ layers: 2, dim: 64, ff: 64, heads: 4, kvHeads: 2, headDim: 32, vocab: 512, context: 4096, type: 'F32', embeddingType: 'F32', out });
  return Uint8Array.from(readFileSync(out));
})());

const open = async (policy?: { name: string; options: Record<string, number>; retrieval?: number[][]; budgetBytes?: number }): Promise<LoadedModel> =>
  openBytes(await sharedGpu(), await modelBytes(), { choice: { ...testChoice, splits: 1, prefill: 'rows' }, chunk: 128, context, kv: kvFormat('f16'), policy });

/** Of each token of the answer what was called for it, and the ledger's bytes of keys and values behind it. */
async function run(model: LoadedModel) {
  const runner = createRunner(model);
  await runner.feed(tokens.slice(0, prompt), 0);
  const calls = countCalls();
  const steps = [];
  for (let at = prompt; at < tokens.length; at++) {
    calls.reset();
    await runner.feed([tokens[at]], at, undefined, true);
    const { dispatches, creations } = calls.read();
    steps.push({ dispatches, creations, kv: model.ledger.bytes.kv });
  }
  return steps;
}

/** Tokens for which something is created where slots outgrow their room, which is made for 256 more at once: that of the tick, and the next one. */
const mostGrowths = 2;

describe.skipIf(!adapterFile)('an answer of 200 tokens', () => {
  it.each(isFull ? [...short, ...others] : short)('under $name', { timeout: 120_000 }, async ({ name, options = {}, retrieval: heads, bounded, more }) => {
    const plain = await open();
    const { dispatches: usual } = (await run(plain))[0];
    const { layers } = plain.graph.config;
    const each = cachesOf(plain.graph.config).reduce((sum, own) => sum + positionBytes(own, kvFormat('f16')), 0);
    await plain.destroy();
    const budgetBytes = bounded ? (tokens.length / 4) * each : undefined;
    const shaped = await open({ name, options: { ...options, interval }, retrieval: heads, budgetBytes });
    const steps = await run(shaped);
    const grown = steps.slice(1).filter(({ creations }) => creations > 0).length;
    record({
      point: `An answer of 200 tokens under ${name}: dispatches of a layer beyond the plain ones, tokens that create something, bytes at most`,
      command: 'npx vitest run --project gpu test/gpu/model/kv-steady-gpu.test.ts',
      value: {
        dispatches: (Math.min(...steps.map(({ dispatches }) => dispatches)) - usual) / layers, 'tokens that create': grown,
        bytes: Math.max(...steps.map(({ kv }) => kv)),
      },
    });
    expect(grown).toBeLessThanOrEqual(bounded ? 0 : mostGrowths);
    expect(Math.min(...steps.map(({ dispatches }) => dispatches))).toBe(usual + more * layers);
    for (const { kv } of steps) expect(kv).toBeLessThanOrEqual(Math.min(shaped.plan.bytes.kv, budgetBytes ?? Infinity));
    expect(shaped.sequence.tokens).toHaveLength(tokens.length);
    await shaped.destroy();
  });
});
