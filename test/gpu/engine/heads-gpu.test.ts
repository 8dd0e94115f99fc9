// A load that has to know how far back heads look measures it by itself, once for each model.
import { describe, expect, it } from 'vitest';
import { type AdapterOptions, type ModelInfo } from '../../../src/protocol.ts';
import { adapterFile } from '../../dawn.ts';
import { answer, golden, openEngine, quick, stories } from '../../engine.ts';
import { randomAdapter } from '../../models/adapter.ts';
import { isFull } from '../../verified.ts';

describe.skipIf(!adapterFile)('heads that were not given', () => {
  it('are measured before a load that asks for them, kept with the model, and read by the next', async () => {
    const kept = new Map<string, number[][]>();
    const sets: string[] = [];
    const heads = {
      get: async (key: string) => kept.get(key),
      set: async (key: string, scores: number[][]) => (sets.push(key), void kept.set(key, scores)),
    };
    const engine = openEngine({ heads });
    const load = (adapters?: AdapterOptions[]): Promise<ModelInfo> =>
      engine.load(stories(), { ...quick, kv: 'duo-kivi', kvOptions: { share: 0.5 }, adapters });
    expect((await load()).kvPolicy, 'told with the options that it has of itself').toMatchObject({ name: 'duo-kivi', options: { share: 0.5 } });
    const { opened: { graph: { config } }, model } = engine.loaded();
    const [scores] = kept.values();
    expect(scores).toHaveLength(config.layers);
    expect(scores.every((row) => row.length === config.kvHeads && row.every((score) => score >= 0 && score <= 2))).toBe(true);
    expect(new Set(scores.flat()).size).toBeGreaterThan(1);
    expect(engine.loaded().options.kvHeads).toEqual(scores);
    expect(model.plan.context).toBe(config.context); // not that of the texts that it was measured by
    // A short answer forgets nothing yet: codes of 4 bits leave a tiny model's first tokens as they are.
    const { ids } = await answer(engine, { prompt: { tokens: golden.prompt_ids }, maxTokens: 8 });
    expect(ids).toEqual(golden.ids.slice(0, 8));

    kept.set(sets[0], scores.map((row) => row.map((_, i) => i)));
    await load();
    expect(engine.loaded().options.kvHeads).toEqual(kept.get(sets[0]));
    expect(sets).toHaveLength(1);

    if (!isFull) return engine.unload();
    // With an adapter they are measured for that load alone.
    const { bytes } = randomAdapter({ architecture: 'llama', rank: 4, alpha: 8, tensors: { 'blk.0.attn_q.weight': [64, 64] } });
    await load([{ source: { bytes: bytes.buffer, name: 'a.gguf' } }]);
    expect(engine.loaded().options.kvHeads).not.toEqual(kept.get(sets[0]));
    expect(sets).toHaveLength(1);
    await engine.unload();
  });
});
