// What SmolLM2 remembers under policies of keys and values: divergence from the full memory, words of records, bytes, within the limits that the reference
// programs of the policies have set; slots at random and the last ones alone are worse. In the full run, as each row takes minutes on processors.
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type NamedRow } from '../../../src/bench/memory/table.ts';
import { kv } from '../../../src/cli/kv/kv.ts';
import { adapterFile } from '../../dawn.ts';
import { defaultModelPath } from '../../models/default-model.ts';
import { jsonFixture } from '../../models/fixture.ts';
import { isFull, record } from '../../verified.ts';

const limits = jsonFixture<Record<string, { bytes: number; kl: number; recall: number }>>('kv/limits.json');
/** What claims to find records again has a limit of recall above 0. */
const policies = ['kivi4', 'duo-kivi:share=0.25', 'snapkv:share=0.25'];
/** To compare with. */
const controls = ['random:share=0.25', 'recent:share=0.25'];

describe.skipIf(!adapterFile || !defaultModelPath || !isFull)('SmolLM2', () => {
  it('remembers under policies what their limits ask for, and less at random or by what is recent', { timeout: 3_600_000 }, async () => {
    const { scores } = jsonFixture<{ scores: number[][] }>('kv/heads.SmolLM2-135M.json');
    const flags = { probes: fileURLToPath(new URL('../../fixtures/kv/probes.json', import.meta.url)), kernels: 'prefill=rows' };
    const rows: NamedRow[] = [];
    for (const policy of [...policies, ...controls]) {
      const { json } = await kv(defaultModelPath!, { ...flags, policies: [policy], ...(policy.startsWith('duo') && { kvHeads: scores }) });
      rows.push(...(json as { rows: NamedRow[] }).rows);
    }
    for (const { policy, bytes, kl, recall } of rows) {
      record({
        point: `SmolLM2 under ${policy}: bytes, KL, recall`, command: 'npx vitest run --project gpu test/gpu/model/kv-quality-gpu.test.ts',
        value: { bytes: bytes.toFixed(3), kl: kl.toFixed(4), recall: recall.toFixed(2) },
      });
      expect(bytes, policy).toBeLessThanOrEqual(limits[policy].bytes);
      if (controls.includes(policy)) continue;
      expect(kl, policy).toBeLessThanOrEqual(limits[policy].kl);
      if (limits[policy].recall > 0) expect(recall, policy).toBeGreaterThanOrEqual(limits[policy].recall);
    }
    const of = (policy: string) => rows.find((row) => row.policy === policy)!;
    for (const control of controls) {
      for (const policy of policies) {
        expect(of(control).kl, `KL of ${control}, of ${policy}`).toBeGreaterThan(of(policy).kl);
        if (limits[policy].recall > 0) expect(of(control).recall, `recall of ${control}, of ${policy}`).toBeLessThan(of(policy).recall);
      }
    }
  });
});
