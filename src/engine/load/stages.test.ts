// Where the dispatches of a section are cut.
import { expect, it } from 'vitest';
import { type Dispatch } from '../../gpu/program.ts';
import { type GpuRange } from '../../weights/stream/resident.ts';
import { stagesIn } from './stages.ts';

/** Of a dispatch by its label what it binds. */
function dispatch(label: string, needs: Pick<GpuRange, 'slice' | 'onDemand'>[] = [], more: Partial<Dispatch> = {}): Dispatch {
  const bindings = Object.fromEntries(needs.map((each, i) => [`binding${i}`, { buffer: { label } as GPUBuffer, offset: 0, size: 16, ...each }]));
  return { label, kernel: { kernel: label }, bindings, grid: () => [1], ...more };
}

/** Of each stage its dispatches, and of slice, items and choice those that it has. */
const stagesOf = (dispatches: Dispatch[]) =>
  stagesIn(dispatches, {}, 3).map(({ run, slice, onDemand, chooses }) => ({
    run: run.map(({ label }) => label).join(), ...(slice !== undefined && { slice }), ...(onDemand && { onDemand }), ...(chooses && { chooses }),
  }));

it('begins a stage where another slice is needed, and behind a choice', () => {
  const [chooses, other] = [dispatch('d', [{ slice: 1 }], { chooses: true }), dispatch('e', [{ slice: 1 }])];
  expect(stagesOf([dispatch('a'), dispatch('b', [{ slice: 0 }]), dispatch('c'), chooses, other])).toEqual([
    { run: 'a' }, { run: 'b,c', slice: 0 }, { run: 'd', slice: 1, chooses: 3 }, { run: 'e', slice: 1 },
  ]);
});

it('has all that reads the same items in one stage, though one of it alone needs a slice', () => {
  const item = { onDemand: 3 };
  const dispatches = [dispatch('mark', [], { chooses: true }), dispatch('ups', [item]), dispatch('sums', [item, { slice: 2 }]), dispatch('join')];
  expect(stagesOf(dispatches)).toEqual([{ run: 'mark', chooses: 3 }, { run: 'ups,sums', slice: 2, onDemand: 3 }, { run: 'join' }]);
});

it('keeps the slice where the processor is asked and what it gives is joined', () => {
  const [attends, joins] = [dispatch('attend', [], { asks: 2 }), dispatch('reduce', [], { joins: 2 })];
  const products = [0, 0, 1].map((slice, i) => dispatch(['qkv', 'out', 'down'][i], [{ slice }]));
  expect(stagesOf([products[0], attends, joins, products[1], products[2]])).toEqual([
    { run: 'qkv', slice: 0 }, { run: 'attend', slice: 0 }, { run: 'reduce', slice: 0 }, { run: 'out', slice: 0 }, { run: 'down', slice: 1 },
  ]);
});
