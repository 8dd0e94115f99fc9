// That planning stays cheap for large models: counted in what is read of the model and of its slices, not timed. The time
// `windrow bench --plan` tells.
import { expect, it, vi } from 'vitest';
import { gemma27B, llama8B } from '../../../../test/models/large-headers.ts';
import { kvFormat } from '../../../kv/formats/catalogue.ts';
import { openModel } from '../opened.ts';
import { type PlanOptions, plan } from './plan.ts';
import type * as Shares from './shares.ts';

const work = vi.hoisted(() => {
  let reads = 0;
  /** The same object, of which every read of a property is counted, at any depth. */
  const counted = <T extends object>(object: T): T =>
    new Proxy(object, {
      get(target, key, receiver) {
        reads++;
        const value: unknown = Reflect.get(target, key, receiver);
        return typeof value === 'object' && value !== null ? counted(value) : value;
      },
    });
  return { counted, reads: () => reads, reset: () => void (reads = 0) };
});

vi.mock('./shares.ts', async (original) => {
  const { mostKept, shareOf, ...rest } = await original<typeof Shares>();
  return {
    ...rest,
    shareOf: (...[division, ...more]: Parameters<typeof shareOf>) => shareOf(work.counted(division), ...more),
    mostKept: (...[division, ...more]: Parameters<typeof mostKept>) => mostKept(work.counted(division), ...more),
  };
});

const options: Omit<PlanOptions, 'budgetBytes'> = {
  context: 4096,
  chunk: 512,
  logitsRows: 1,
  kv: kvFormat('f16'),
  maxBufferBytes: 2 ** 31,
  maxBindingBytes: 2 ** 30,
};
const budgets = [32768, 8192, 4096, 2048, 1024, 768, 512, 384, 256, 128, 64].map((mib) => mib * 2 ** 20);

const models = [['27B', gemma27B, 1_000_000], ['8B', llama8B, 500_000]] as const;

it.each(models)('the plan of a model of %s that fits, streams or is refused reads little of it', async (_, header, mostReads) => {
  const opened = await openModel(header());
  const verdicts = budgets.map((budgetBytes) => {
    work.reset();
    const { verdict } = plan(work.counted(opened), { ...options, budgetBytes });
    expect(work.reads(), `${verdict} at ${budgetBytes} bytes`).toBeLessThan(mostReads);
    return verdict;
  });
  expect(new Set(verdicts)).toEqual(new Set(['fits', 'streams', 'refused']));
});

it('opening the header of a 27B reads little of it', async () => {
  work.reset();
  const header = gemma27B();
  await openModel({ ...header, tensors: new Map([...header.tensors].map(([name, tensor]) => [name, work.counted(tensor)])) });
  expect(work.reads()).toBeLessThan(20 * header.tensors.size);
});
