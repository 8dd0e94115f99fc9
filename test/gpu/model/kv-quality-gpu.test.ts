// What SmolLM2 remembers under policies of keys and values: divergence from the full memory, words of records, bytes, within the limits that the reference
// programs of the policies have set; slots at random are worse. In the full run, as each row takes minutes on processors.
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type NamedRow } from '../../../src/bench/memory/table.ts';
import { kv } from '../../../src/cli/kv.ts';
import { adapterFile } from '../../dawn.ts';
import { defaultModelPath } from '../../models/default-model.ts';
import { jsonFixture } from '../../models/fixture.ts';
import { isFull, record } from '../../verified.ts';

const limits = jsonFixture<Record<string, { bytes: number; kl: number; recall: number }>>('kv/limits.json');
const policies = ['kivi4', 'duo-kivi:share=0.25', 'snapkv:share=0.25', 'random:share=0.25'];

describe.skipIf(!adapterFile || !defaultModelPath || !isFull)('SmolLM2', () => {
  it('remembers under policies what their limits ask for, and less at random', { timeout: 3_600_000 }, async () => {
    const { scores } = jsonFixture<{ scores: number[][] }>('kv/heads.SmolLM2-135M.json');
    const flags = { probes: fileURLToPath(new URL('../../fixtures/kv/probes.json', import.meta.url)), kernels: 'prefill=rows' };
    const rows: NamedRow[] = [];
    for (const policy of policies) {
      const { json } = await kv(defaultModelPath!, { ...flags, policies: [policy], ...(policy.startsWith('duo') && { kvHeads: scores }) });
      rows.push(...(json as { rows: NamedRow[] }).rows);
    }
    for (const { policy, bytes, kl, recall } of rows) {
      record({
        point: `SmolLM2 under ${policy}: bytes, KL, recall`, command: 'npx vitest run --project gpu test/gpu/model/kv-quality-gpu.test.ts',
        value: { bytes: bytes.toFixed(3), kl: kl.toFixed(4), recall: recall.toFixed(2) },
      });
      expect(bytes, policy).toBeLessThanOrEqual(limits[policy].bytes);
      expect(kl, policy).toBeLessThanOrEqual(limits[policy].kl);
      expect(recall, policy).toBeGreaterThanOrEqual(limits[policy].recall);
    }
    const of = (policy: string) => rows.find((row) => row.policy === policy)!;
    expect(of('random:share=0.25').kl).toBeGreaterThan(of('snapkv:share=0.25').kl);
  });
});
