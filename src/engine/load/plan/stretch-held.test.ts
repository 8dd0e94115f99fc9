// What is kept of a step is what the slices of the plan need, also where a stretch in shorter steps leaves room for larger slices than the plan without.
import { expect, it, vi } from 'vitest';
import { llama8B } from '../../../../test/models/large-headers.ts';
import { kvFormat } from '../../../kv/formats/catalogue.ts';
import { type Slice } from '../../../weights/stream/slices.ts';
import { openModel } from '../opened.ts';
import { heldBytes } from './held.ts';
import { plan } from './plan.ts';
import { smallestBudget } from './refusal.ts';

const fewSlices = 300;
/** A made-up one, that cuts large slices where more is in use. */
const cutsOf = (slices: readonly Slice[]): string[][] => [slices.length < fewSlices ? ['gated', 'normed', 'x'] : ['x']];
vi.mock(import('./held.ts'), async (original) => ({ ...(await original()), heldAt: (_, slices) => cutsOf(slices) }));

it('has room for what is kept at the cuts of its own slices', async () => {
  const opened = await openModel(llama8B());
  const options = { context: 2 ** 17, chunk: 2048, logitsRows: 1, kv: kvFormat('f16') };
  const least = smallestBudget(opened, options);
  const larger = new Set<boolean>();
  for (let more = 5; more <= 55; more += 10) {
    const given = { ...options, budgetBytes: least + more * 2 ** 20 };
    const [found, without] = [2304, 0].map((stretch) => plan(opened, { ...given, stretch }));
    if (found.stretch === found.chunk) continue;
    larger.add(found.slices.length < without.slices.length);
    expect(found.heldBytes, `${more} MiB more`).toBeGreaterThanOrEqual(heldBytes(opened, cutsOf(found.slices), { ...options, chunk: found.chunk }));
    expect(found.totalBytes).toBeLessThanOrEqual(given.budgetBytes);
  }
  expect(larger).toContain(true);
});
