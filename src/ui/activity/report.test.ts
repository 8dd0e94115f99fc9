import { expect, test } from 'vitest';
import { generateStats, modelInfo } from '../../../test/doubles/fake-worker.ts';
import { type OnDemandPlan } from '../../protocol.ts';
import { budgetOf, budgets, budgetWords, keepBudget, keptBudget } from '../models/plan/budget.ts';
import { keepKvBudget, keptKvBudget, kvBudgets, kvBudgetWords } from '../models/plan/kv-budget.ts';
import { keepKv, keptKv, kvChoices } from '../models/plan/kv-choice.ts';
import { speedOf } from './activity-log.ts';
import { lastAnswer, report } from './report.ts';

const engineStats = {
  gpuBytes: { weights: 10, kv: 20 },
  gpuBytesPeak: 40,
  budgetBytes: 100,
  submits: 1,
  keptBytes: 10,
  streamedBytes: 0,
  memoryBytes: 0,
  transfer: {
    storeBytes: 0, memoryBytes: 0, uploadedBytes: 0, rowBytes: 0, transferMs: 0, itemsUsed: 0, itemsThere: 0, itemBytes: 0, stalls: 0, stallMs: 0,
  },
  readyMs: { choice: 1, weights: 2, programs: 3 },
};

test('a report names model, adapter, bytes, answers and failed checks', () => {
  const text = report({ ...modelInfo, warnings: ['tile 2 is not used'] }, engineStats, [{ time: 0, stats: generateStats }], 'Browser 1', {
    tested: [
      { name: 'matvec', passed: false, message: 'off by 3' },
      { name: 'rope', passed: true },
    ],
    benchmark: {
      promptTokens: 90,
      newTokens: 33,
      prefillTokensPerSecond: 120.04,
      decodeTokensPerSecond: NaN,
      peak: { copyBytesPerSecond: 2e11, flopsPerSecond: 1.5e12 },
    },
  });
  expect(text.split('\n')).toEqual([
    'model: Fake 1M (llama, 1.0 kB, context 2048)',
    'adapter: none',
    'device: f16 no',
    'browser: Browser 1',
    'kernels: ',
    'warning: tile 2 is not used',
    'gpu bytes: weights 10, kv 20; peak 40 of 100',
    'answer: 7 prompt tokens (2 cached) in 1 ms, 3 new in 2 ms',
    'self-test: 1 of 2 passed',
    'failed: matvec: off by 3',
    'benchmark: prefill 120.0 tokens/s (90 tokens), decode not measured (33 tokens)',
    'benchmark: device copies 200.0 GB/s, computes 1500 GFLOP/s',
  ]);
});

test('the speed of an answer leaves its first token out', () => {
  expect(speedOf({ ...generateStats, newTokens: 11, decodeMs: 1000 })).toBe(10);
  expect(speedOf({ ...generateStats, newTokens: 1 })).toBeNaN();
  expect(lastAnswer([])).toEqual([]);
  expect(lastAnswer([{ time: 0, stats: generateStats }])[1]).toEqual(['First token', '0.00 s']);
});

test('what is fetched on demand is called what it is, beside what was expected and where it came from', () => {
  const decode = { ...engineStats.transfer, itemsUsed: 8, itemsThere: 6, itemBytes: 4000, uploadedBytes: 6000, storeBytes: 5000, memoryBytes: 1000 };
  const said = (items: 'experts' | 'neurons', onDemand?: OnDemandPlan) =>
    lastAnswer([{ time: 0, stats: { ...generateStats, newTokens: 3, transfer: { prefill: decode, decode, items } } }], onDemand).slice(3, 6);
  expect(said('neurons')[0]).toEqual(['Neurons', '75.0 % were on the GPU']);
  const plan = { items: 64, slots: 8, used: 4, usedBytes: 8000, hitRate: 0.7, fetchedBytes: 2400, complete: 0.2, byUse: false };
  expect(said('experts', { of: 'experts', ...plan })).toEqual([
    ['Experts', '75.0 % were on the GPU (70.0 % expected)'],
    ['Experts brought', '2.0 kB per token (2.4 kB expected)'],
    ['Streamed', '3.0 kB per token'],
  ]);
  expect(lastAnswer([{ time: 0, stats: { ...generateStats, newTokens: 3, transfer: { prefill: decode, decode } } }])).toContainEqual(
    ['Read', '2.5 kB per token from storage, 500 B from worker memory'],
  );
});

/** What a browser keeps for a page, and what it holds. */
function browserStorage() {
  const kept = new Map<string, string>();
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  };
  return { kept, storage };
}

test('a chosen budget is kept, and none is kept for the default', () => {
  const { kept, storage } = browserStorage();
  expect(keptBudget(storage)).toBe(0);
  for (const step of budgets.keys()) {
    keepBudget(step, storage);
    expect(keptBudget(storage)).toBe(step);
  }
  keepBudget(0, storage);
  expect(kept.size).toBe(0);
  expect([budgetOf(0), budgetOf(2), budgetWords(0), budgetWords(3)]).toEqual([undefined, '0.5GiB', 'as windrow chooses', '1 GiB']);
});

test('chosen keys and values are kept, and none are kept for the default or for what there is not', () => {
  const { kept, storage } = browserStorage();
  for (const { value } of kvChoices) {
    keepKv(value, storage);
    expect(keptKv(storage)).toBe(value || undefined);
  }
  keepKv('', storage);
  expect(kept.size).toBe(0);
  kept.set('windrow-kv', 'q3');
  expect(keptKv(storage)).toBeUndefined();
});

test('room for conversations is kept, and none is kept for the default or for what there is not', () => {
  const { kept, storage } = browserStorage();
  for (const each of kvBudgets) {
    keepKvBudget(String(each ?? ''), storage);
    expect(keptKvBudget(storage)).toBe(each && `${each}MiB`);
  }
  keepKvBudget('', storage);
  expect([kept.size, keptKvBudget(storage)]).toEqual([0, undefined]);
  kept.set('windrow-kv-budget', '77');
  expect(keptKvBudget(storage)).toBeUndefined();
  expect(kvBudgets.map(kvBudgetWords)).toContain('2 GiB');
});
