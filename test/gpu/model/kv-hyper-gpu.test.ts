// A prompt of which each step reads a part of what is older, by hashes and by samples, against a float64 golden: which block each query reads, and logits
// of the prompt's last token and of those after it, which read everything. Texts that are cut, copied and shorter than where that begins.
import { describe, expect, it } from 'vitest';
import { type LoadedModel } from '../../../src/engine/load/load.ts';
import { createRunner } from '../../../src/engine/run/runner.ts';
import { readBytes } from '../../../src/gpu/read-bytes.ts';
import { kvFormat } from '../../../src/kv/formats/catalogue.ts';
import { sortedWords } from '../../../src/kv/hashed.ts';
import { type KernelChoice } from '../../../src/model/choices/kernel-choice.ts';
import { adapterFile } from '../../dawn.ts';
import { floatsFixture, jsonFixture } from '../../models/fixture.ts';
import { openFixture, sharedGpu, testChoice } from '../../models/model.ts';
import { isFull, record } from '../../verified.ts';

interface Golden {
  options: Record<'block' | 'samples' | 'from' | 'planes' | 'sinks' | 'window' | 'interval', number>;
  chunk: number;
  prompt: number;
  tokens: number[];
  /** `blocks`: of each kv head, of each row and head of its group in the last step of the prompt, in the last layer. */
  models: Record<string, { fromFull: number; blocks: number[][] }>;
}

const golden = jsonFixture<Golden>('kv/hyper.json');
const { options, chunk, prompt, tokens } = golden;
const context = 512;

const opened = async (name: string, more: Record<string, number> = {}, plain = false, how: Partial<KernelChoice> = {}) =>
  openFixture(await sharedGpu(), `tiny/${name}.gguf`, {
    choice: { ...testChoice, splits: 1, prefill: 'rows', ...how }, kv: kvFormat('f32'), context, chunk,
    ...(!plain && { policy: { name: 'hyper', options: { ...options, ...more } } }),
  });

const furthest = (a: Float32Array, b: Float32Array): number => Math.max(...a.map((x, i) => Math.abs(x - b[i])));

/** Logits behind the prompt and each token after it. */
async function run(model: LoadedModel): Promise<Float32Array[]> {
  const runner = createRunner(model);
  await runner.feed(tokens.slice(0, prompt), 0);
  const found = [await runner.readLogits()];
  for (let at = prompt; at < tokens.length; at++) {
    await runner.feed(tokens.slice(at, at + 1), at, undefined, true);
    found.push(await runner.readLogits());
  }
  return found;
}

/** Which block each query of the last step was put to, (kv head, row and head of its group). */
async function blocksOf({ gpu, ledger, activations, graph: { config: { heads, kvHeads } } }: LoadedModel): Promise<number[][]> {
  const queries = ((prompt - 1) % chunk + 1) * (heads / kvHeads);
  const words = sortedWords(options, context, chunk * (heads / kvHeads));
  const blocks = Math.ceil(context / options.block);
  const all = new Uint32Array(await readBytes(gpu.device, ledger, 'test', { ...activations.buffers.sorted, byteLength: 4 * kvHeads * words }));
  return Array.from({ length: kvHeads }, (_, head) => {
    const items = all.subarray((head + 1) * words - chunk * (heads / kvHeads), (head + 1) * words);
    const begins = all.subarray((head + 1) * words - chunk * (heads / kvHeads) - blocks - 1);
    const found = new Array<number>(queries).fill(-1);
    for (let block = 0; block < blocks; block++) for (let i = begins[block]; i < begins[block + 1]; i++) found[items[i]] = block;
    return found;
  });
}

describe.skipIf(!adapterFile || !isFull).each(Object.keys(golden.models))('hyper of %s', (name) => {
  const { fromFull, blocks } = golden.models[name];

  it('reads the blocks and gives the logits of its golden, within the bytes that were planned', async () => {
    const wanted = floatsFixture(`kv/${name}.hyper.f32`);
    const model = await opened(name);
    const found = await run(model);
    expect(await blocksOf(model)).toEqual(blocks);
    const { vocab } = model.graph.config;
    const off = found.map((logits, i) => furthest(logits, wanted.subarray(i * vocab, (i + 1) * vocab)));
    record({
      point: `Logits of ${name} under hyper against a float64 golden`, command: 'npx vitest run --project gpu test/gpu/model/kv-hyper-gpu.test.ts',
      value: { 'largest difference': Math.max(...off).toPrecision(2), 'to the full cache': fromFull },
    });
    expect(Math.max(...off), off.join()).toBeLessThan(1e-3);
    expect(model.ledger.bytes.kv).toBeLessThanOrEqual(model.plan.bytes.kv);
    expect(model.ledger.peakBytes).toBeLessThanOrEqual(model.plan.totalBytes);
    await model.destroy();
  });

  it('gives them too where threads share heads, as a subgroup says which part or by themselves', async () => {
    const wanted = floatsFixture(`kv/${name}.hyper.f32`);
    for (const uniform of [0, 32] as const) {
      const model = await opened(name, {}, false, { part: 16, uniform });
      const { headDim, vocab } = model.graph.config;
      expect(headDim, 'a head of several parts').toBeGreaterThan(16);
      const found = await run(model);
      expect(await blocksOf(model)).toEqual(blocks);
      const off = found.map((logits, i) => furthest(logits, wanted.subarray(i * vocab, (i + 1) * vocab)));
      expect(Math.max(...off), off.join()).toBeLessThan(1e-3);
      await model.destroy();
    }
  });

  it('is exact where fewer than `from` are older, and near it where everything is drawn or in the block', async () => {
    const plain = await opened(name, {}, true);
    const exact = await run(plain);
    for (const [more, most] of [[{ from: 300 }, 1e-5], [{ block: 512 }, 1e-4], [{ samples: 4096, block: 8 }, 1e-4]] as const) {
      const model = await opened(name, more);
      const found = await run(model);
      expect(Math.max(...found.map((logits, i) => furthest(logits, exact[i]))), JSON.stringify(more)).toBeLessThan(most);
      await model.destroy();
    }
    await plain.destroy();
  });

  it('goes on in a copy, and behind a cut as if what is cut had not been', async () => {
    const model = await opened(name);
    const own = createRunner(model);
    const logits = async (of: typeof own, ids: number[], at: number) => {
      await of.feed(ids, at);
      return of.readLogits();
    };
    await own.feed(tokens.slice(0, 256), 0);
    const copy = await model.sequence.fork();
    const other = own.of(copy);
    const end = tokens.slice(0, 64).reverse();
    const mine = await logits(own, end, 256);
    expect(await logits(other, end, 256)).toEqual(mine);
    // Behind what both have been cut to, after texts of other lengths.
    await own.feed(tokens.slice(0, 100), 256);
    await other.feed(tokens.slice(20, 80), 256);
    const again = await logits(own, end, 256);
    expect(await logits(other, end, 256)).toEqual(again);
    expect([model.sequence, copy].map(({ shaped }) => shaped!.base)).toEqual([304, 304]);
    copy.close();
    await model.destroy();
  });
});
