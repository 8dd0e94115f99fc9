// Models with LoRA adapters: against llama.cpp's golden numbers, and every product that may have one against the plain loops with merged weights.
import { describe, expect, it } from 'vitest';
import { openAdapters, readerWithAdapters } from '../../../src/engine/load/adapters.ts';
import { smallestBudget } from '../../../src/engine/load/plan/refusal.ts';
import { createRunner } from '../../../src/engine/run/runner.ts';
import { type Project, isProject } from '../../../src/model/ops/project.ts';
import { opsOf } from '../../../src/model/operations.ts';
import { adapterFile } from '../../dawn.ts';
import { type AdapterShape, randomAdapter } from '../../models/adapter.ts';
import { fixture, floatsFixture, jsonFixture } from '../../models/fixture.ts';
import { forward } from '../../models/forward.ts';
import { errorsOf } from '../../models/golden.ts';
import { type Opened, close, load, openFixtureFile, options } from '../../streamed.ts';
import { isFull, record } from '../../verified.ts';

const command = 'npx vitest run --project gpu test/gpu/model/adapters-gpu.test.ts';

async function openWith(path: string, adapters: { bytes: Uint8Array<ArrayBuffer>; scale?: number }[]): Promise<Opened> {
  const { opened, reader } = await openFixtureFile(path);
  const adapted = await openAdapters(opened, adapters.map(({ bytes, scale }, i) => ({ source: { bytes: bytes.buffer, name: `adapter ${i}` }, scale })));
  return { opened: adapted, reader: readerWithAdapters(reader, adapted) };
}

describe.skipIf(!adapterFile)('with an adapter', () => {
  const name = 'tiny-llama-f16-lora';
  const adapter = () => ({ bytes: fixture('tiny/tiny-llama-lora-r8.gguf') });
  const path = 'tiny/tiny-llama-f16.gguf';

  it('a model gives the golden logits and the golden continuation, resident and within a quarter', async () => {
    const golden = jsonFixture<{ tokens24: number[]; tokens100: number[]; greedy32: number[]; margins: number[] }>(`tiny/${name}.json`);
    const given = await openWith(path, [adapter()]);
    const whole = await load(given, { logitsRows: 64 });
    const short = { ...options, chunk: 16 };
    const quarter = await load(given, { ...short, budgetBytes: smallestBudget(given.opened, short) + Math.floor(whole.plan.bytes.weights / 4) });
    const worst = { resident: 0, last: 0, quarter: 0 };
    expect(quarter.plan.streamedBytes).toBeGreaterThan(0.4 * quarter.layout.byteLength);
    expect([whole.plan.verdict, quarter.plan.verdict]).toEqual(['fits', 'streams']);
    const decided = golden.margins.findIndex((margin) => margin < 0.01);
    for (const model of [whole, quarter]) {
      expect(model.ledger.bytes.weights).toBe(model.plan.bytes.weights);
      const runner = createRunner(model);
      if (model === whole) worst.resident = Math.max(...Object.values(await errorsOf(model, name)));
      await runner.feed(golden.tokens24, 0);
      const greedy = await model.samplerFor({ seed: 0 });
      const ids = [(await runner.sample(greedy, golden.tokens24.length)).id];
      while (ids.length < golden.greedy32.length) ids.push((await runner.step(greedy, golden.tokens24.length + ids.length - 1)).id);
      expect(ids.slice(0, decided < 0 ? undefined : decided)).toEqual(golden.greedy32.slice(0, decided < 0 ? undefined : decided));
      const last = floatsFixture(`tiny/${name}.L100.f32`);
      await runner.feed(golden.tokens100, 0);
      const key = model === whole ? 'last' : 'quarter';
      (await runner.readLogits()).forEach((v, i) => (worst[key] = Math.max(worst[key], Math.abs(v - last[i]))));
    }
    record({ point: 'A model with a LoRA adapter: largest error of the logits (float64; llama.cpp, all weights there and a quarter)', command, value: worst });
    console.log(name, worst);
    expect(Math.max(...Object.values(worst))).toBeLessThan(1e-3);
    await close(whole);
    await close(quarter);
  });

  it('at half its scale, given twice, is the same; and the model has no dispatch and no byte more without', async () => {
    const base = await load(await openFixtureFile(path), {});
    const once = await load(await openWith(path, [adapter()]), { logitsRows: 64 });
    const halves = await load(await openWith(path, [{ ...adapter(), scale: 0.5 }, { ...adapter(), scale: 0.5 }]), { logitsRows: 64 });
    const count = (model: typeof base) => model.programs.decode.reduce((sum, { program }) => sum + program.dispatches.length, 0);
    const { layers } = base.graph;
    expect([count(once), count(halves)]).toEqual([2, 4].map((n) => count(base) + n * 3 * layers.length)); // of q, v and down
    expect(base.layout.sections.length).toBe(layers.length + 2);
    const { prefill, decode } = await errorsOf(halves, name);
    expect(Math.max(prefill, decode)).toBeLessThan(1e-3);
    for (const model of [base, once, halves]) await close(model);
  });

  // Plain halves of a gate, both of one tensor, squared ReLU, norms behind products, and an output matrix of its own.
  it.each(['tiny-mistral', 'tiny-phi3', 'tiny-arcee', ...(isFull ? ['tiny-gemma3', 'tiny-qwen2', 'tiny-granite', 'tiny-lfm2'] : [])])(
    '%s computes with every product adapted what the plain loops compute with merged weights',
    async (family) => {
      const file = `tiny/${family}.gguf`;
      const { opened } = await openFixtureFile(file);
      const tied = opened.graph.head.matrices[0].tensor === opened.graph.embed.table;
      const products = opsOf(opened.graph).filter((op): op is Project => isProject(op) && !(op === opened.graph.head && tied));
      const tensors = Object.fromEntries(products.flatMap(({ matrices }) => matrices).map(({ tensor }) => {
        const [cols, rows] = opened.header.tensors.get(tensor)!.shape;
        return [tensor, [rows, cols]];
      })) as AdapterShape['tensors'];
      const made = randomAdapter({ architecture: opened.graph.config.architecture, rank: 5, alpha: 10, tensors });
      const model = await load(await openWith(file, [{ bytes: made.bytes, scale: 0.75 }]), { logitsRows: 64 });
      const ids = jsonFixture<{ tokens24: number[] }>(`tiny/${family}.json`).tokens24;
      const plain = await forward(fixture(file), ids);
      const wanted = await forward(fixture(file), ids, ids.length, undefined, (...of) => made.merged(...of, 0.75));
      const { vocab } = model.graph.config;
      const runner = createRunner(model);
      let error = 0;
      await runner.feedAll(ids, 0, (logits) => logits.forEach((value, i) => (error = Math.max(error, Math.abs(value - wanted[i])))));
      await runner.feed(ids.slice(0, -2), 0);
      for (const at of [ids.length - 2, ids.length - 1]) await runner.feed([ids[at]], at);
      const last = wanted.subarray(-vocab);
      (await runner.readLogits()).forEach((value, i) => (error = Math.max(error, Math.abs(value - last[i]))));
      const moved = Math.max(...plain.map((value, i) => Math.abs(value - wanted[i])));
      console.log(family, { error, moved, products: products.length });
      record({ point: `${family} with every product adapted: largest error of the logits against merged weights`, command, value: error });
      expect(error).toBeLessThan(1e-3);
      expect(moved, 'the adapter matters').toBeGreaterThan(0.1);
      await close(model);
    },
  );
});
