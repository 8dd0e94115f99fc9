// Adapters on Dawn by the engine: `windrow eval` with one and without, and what is kept of a conversation with one.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createSessions } from '../../../src/api/sessions.ts';
import { divergence } from '../../../src/bench/fidelity.ts';
import { evaluate } from '../../../src/cli/evaluate.ts';
import { readAdapter } from '../../../src/cli/read-adapter.ts';
import { openKeptFiles } from '../../../src/engine/sessions/in-files.ts';
import { backendOf } from '../../../src/node/backend.ts';
import { adapterFile } from '../../dawn.ts';
import { openEngine, quick, stories } from '../../engine.ts';
import { randomAdapter } from '../../models/adapter.ts';
import { fixture, jsonFixture } from '../../models/fixture.ts';
import { goldenLogits } from '../../models/golden.ts';
import { isFull } from '../../verified.ts';
import { temporaryFolder } from '../../folder.ts';

const folder = temporaryFolder('adapters');
const at = (name: string) => join(folder, name);

interface Evaluated {
  perplexity: object;
  against: { meanKl: number; positions: number; perplexity: object };
}

/** Of 24 rows of logits. */
const meanKl = (p: Float32Array, q: Float32Array): number => {
  const row = (logits: Float32Array, i: number) => logits.subarray((i * logits.length) / 24, ((i + 1) * logits.length) / 24);
  return Array.from({ length: 24 }, (_, i) => divergence(row(p, i), row(q, i))).reduce((a, b) => a + b, 0) / 24;
};

describe.skipIf(!adapterFile)('adapters', () => {
  it('are evaluated against the model without, as the references have it', async () => {
    const { tokens24 } = jsonFixture<{ tokens24: number[] }>('tiny/tiny-llama-f16-lora.json');
    writeFileSync(at('model.gguf'), fixture('tiny/tiny-llama-f16.gguf'));
    writeFileSync(at('adapter.gguf'), fixture('tiny/tiny-llama-lora-r8.gguf'));
    writeFileSync(at('ids.json'), JSON.stringify([tokens24]));
    const lora = [readAdapter(at('adapter.gguf'))];
    const flags = { f32: true, kernels: quick.kernels, tokenIds: at('ids.json'), context: 64 };
    const { json } = await evaluate(at('model.gguf'), { ...flags, againstLora: lora });
    const found = json as Evaluated;
    const [plain, adapted] = [goldenLogits('tiny-llama-f16'), goldenLogits('tiny-llama-f16-lora')];
    expect(Math.abs(found.against.meanKl - meanKl(plain, adapted))).toBeLessThan(1e-5);
    expect([found.against.positions, found.against.meanKl > 1e-3]).toEqual([24, true]);
    if (!isFull) return;
    const back = (await evaluate(at('model.gguf'), { ...flags, lora, againstPlain: true })).json as Evaluated;
    expect(Math.abs(back.against.meanKl - meanKl(adapted, plain))).toBeLessThan(1e-5);
    expect([found.perplexity, found.against.perplexity]).toEqual([back.against.perplexity, back.perplexity]);
  });

  it('are part of what a kept conversation is of, and of what a load tells', async () => {
    const shape = { architecture: 'llama', rank: 4, alpha: 8, tensors: { 'blk.0.attn_output.weight': [64, 64] as [number, number] } };
    const adapters = [{ source: { bytes: randomAdapter(shape).bytes.buffer, name: 'a.gguf' }, scale: 2 }];
    const engine = openEngine({ keptStates: async () => openKeptFiles(at('kept')) });
    const sessions = createSessions(backendOf(engine));
    const resume = async () => (await sessions.load('talk')).close();
    expect((await engine.load(stories(), { ...quick, adapters })).adapters).toEqual([{ name: 'a.gguf', scale: 2 }]);
    const session = await sessions.create();
    await session.create({ messages: [{ role: 'user', content: 'Of a dog.' }], max_tokens: 4 });
    expect((await session.save('talk')).adapters).toEqual([{ name: 'a.gguf', scale: 2 }]);
    expect((await sessions.list())[0].adapters).toEqual([{ name: 'a.gguf', scale: 2 }]);
    await session.close();
    await resume();
    expect((await engine.load(stories(), quick)).adapters).toBeUndefined();
    await expect(resume()).rejects.toThrow(/is of another model: of .* with a\.gguf \(scale 2\); here it has no adapters\. Load the model with those/);
    if (isFull) {
      await engine.load(stories(), { ...quick, adapters: [{ ...adapters[0], scale: 1 }] });
      await expect(resume()).rejects.toThrow(/with a\.gguf \(scale 2\); here it has a\.gguf \(scale 1\)/);
      await engine.load(stories(), { ...quick, adapters });
      await resume();
    }
    await engine.unload();
  });
});
