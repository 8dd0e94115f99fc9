// Plans of mixtures that are larger than the budget, from the shapes of models that people run: docs/performance.md has what they say.
import { describe, expect, it } from 'vitest';
import { gptOss20B, qwen30B, smallThinker4B } from '../../../../test/models/large-headers.ts';
import { gemma26B, qwen35B } from '../../../../test/models/large-hybrids.ts';
import { isFull, record } from '../../../../test/verified.ts';
import { loadFormats } from '../../../formats/catalogue.ts';
import { type Header, typesIn } from '../../../gguf/header.ts';
import { kvFormat } from '../../../kv/formats/catalogue.ts';
import { forecastExperts } from '../../measure/predict/experts-forecast.ts';
import { groupBytes } from '../../../weights/stream/items/slot-groups.ts';
import { type OpenedModel, openModel } from '../opened.ts';
import { parametersOf } from '../../../model/parameters.ts';
import { mostUsedOf } from './on-demand.ts';
import { type PlanOptions, plan } from './plan.ts';
import { smallestBudget } from './refusal.ts';

const GiB = 2 ** 30;
const options: Omit<PlanOptions, 'budgetBytes'> = {
  context: 4096, chunk: 512, logitsRows: 1, kv: kvFormat('f16'), maxBufferBytes: 2 ** 31, maxBindingBytes: 2 ** 30,
};
/** Of which what is fetched are single neurons. */
const byNeurons = 'SmallThinker-4B-A0.6B by neurons';
const models = {
  'SmallThinker-4B-A0.6B': smallThinker4B, [byNeurons]: smallThinker4B,
  'gpt-oss-20b': gptOss20B, 'Qwen3-30B-A3B': qwen30B, 'Qwen3.5-35B-A3B': qwen35B, 'gemma-4-26B-A4B': gemma26B,
};

async function open(name: string, header: () => Header): Promise<OpenedModel> {
  const made = header();
  await loadFormats(typesIn(made));
  return openModel(made, { neurons: name === byNeurons });
}

describe.each(Object.entries(models))('%s', (name, header) => {
  it('is planned within every budget, other weights before experts', async () => {
    const opened = await open(name, header);
    const { all, active } = parametersOf(opened.header, opened.graph);
    const lines = [2, 4, 8].map((gib) => {
      const planned = plan(opened, { ...options, budgetBytes: gib * GiB });
      expect(planned.totalBytes).toBeLessThanOrEqual(gib * GiB);
      expect(planned.bytes.weights).toBeLessThanOrEqual(planned.totalBytes);
      if (planned.verdict === 'fits') return `${gib} GiB: fits`;
      expect(planned.verdict).toBe('streams');
      // Other weights are streamed only where there is no room for them beside the experts of one layer of a token.
      if (planned.streamedBytes) for (const { slots } of planned.groups!) expect(slots).toBeLessThan(2 * mostUsedOf(opened));
      expect(planned.stretch > planned.chunk).toBe(planned.streamedBytes > 0); // those are read once for several steps of a prompt
      const experts = forecastExperts(opened, planned)!;
      expect(planned.keptBytes + planned.fetchedBytes!).toBeLessThanOrEqual(opened.layout.byteLength);
      expect(gib * GiB - planned.totalBytes).toBeLessThan(0.01 * gib * GiB); // what is left has room for no slot of each group
      expect(experts.fetchedBytes).toBeLessThan(experts.usedBytes);
      for (const { slots, slotBytes } of planned.groups!) expect(slots * slotBytes).toBeLessThanOrEqual(options.maxBindingBytes!);
      const share = (100 * experts.slots) / experts.items;
      return [
        `${gib} GiB`, planned.chunk, (planned.keptBytes - groupBytes(planned.groups!)) / GiB, share, experts.usedBytes / 2 ** 20, 100 * experts.hitRate,
        experts.fetchedBytes / 2 ** 20, planned.streamedBytes / 2 ** 20, planned.stretch,
      ].map((value) => (typeof value === 'number' ? Number(value.toPrecision(3)) : value)).join(' | ');
    });
    record({
      point: `${name} (${(all / 1e9).toFixed(2)} billion parameters, ${(active / 1e9).toFixed(2)} active, ${(opened.layout.byteLength / GiB).toFixed(2)} GiB)`,
      command: 'npx vitest run src/engine/load/plan/on-demand.test.ts',
      value: lines.join('; '),
    });
  });

  it.skipIf(name === byNeurons && !isFull)('never moves more with a larger budget, from the smallest on, and refuses those below', async () => {
    const opened = await open(name, header);
    const least = smallestBudget(opened, { ...options, chunk: 16 });
    const most = plan(opened, { ...options, budgetBytes: 2 ** 40 }).totalBytes;
    expect(plan(opened, { ...options, budgetBytes: least - 1 }).verdict).toBe('refused');
    for (let step = 0; step <= 8; step++) {
      const budgetBytes = Math.ceil(least + ((most - least) * step) / 8);
      const planned = plan(opened, { ...options, budgetBytes });
      expect(planned.verdict).not.toBe('refused');
      expect(planned.totalBytes).toBeLessThanOrEqual(budgetBytes);
    }
    expect(least).toBeLessThan(most / 4);
  });
});
