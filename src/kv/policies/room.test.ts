// How much policies keep that keep some slots of every head, within what was planned, and which of their options cannot be.
import { describe, expect, it } from 'vitest';
import { fixture } from '../../../test/models/fixture.ts';
import { openModel } from '../../engine/load/opened.ts';
import { BudgetError, RequestError } from '../../errors.ts';
import { readHeader } from '../../gguf/read.ts';
import { bytesSource } from '../../weights/source/source.ts';
import { kvFormat } from '../formats/catalogue.ts';
import { type KvTick } from '../policy.ts';
import { type EvictingPlan, slotsOf, within } from '../tick/room.ts';
import { policies, shapeWithin } from './catalogue.ts';
import { pyramid } from './kept/pyramidkv.ts';

const context = 512;
const room = { context, chunk: 256, budgetBytes: Infinity, format: kvFormat('f16'), sequences: 1, retrieval: [[0.9, 0.1], [0.2, 0.8]] };
const { graph } = await openModel(await readHeader(bytesSource(fixture('tiny/tiny-llama-f16.gguf'), 'tiny')));
const shapeFor = (name: string, options: Record<string, number> = {}, budgetBytes = Infinity) => shapeWithin(graph, name, options, { ...room, budgetBytes });
const tickOf = ({ plan, options }: ReturnType<typeof shapeFor>, promptLength: number) =>
  ({ plan, options, promptLength, length: promptLength }) as unknown as KvTick;

describe.each([
  'h2o', 'lazyeviction', 'snapkv', 'windowkv', 'pyramidkv', 'prefixkv', 'adakv', 'heavy-prompt', 'recent', 'd2o', 'ems', 'kvmerger', 'arkv', 'epicache',
])('%s', (name) => {
  it('keeps a quarter of the context by default, whatever its layers and heads may have each', () => {
    expect(slotsOf(tickOf(shapeFor(name), 480))).toBe(context / 4);
  });

  it('keeps its share of a prompt, and no more than it was planned for', () => {
    const shape = shapeFor(name, { share: 0.5 });
    expect(slotsOf(tickOf(shape, 101))).toBe(51);
    expect(slotsOf(tickOf({ ...shape, plan: { ...shape.plan, slots: 64 } as typeof shape.plan }, 480))).toBe(64);
  });

  it('is planned within a budget, down to the least that it tells', () => {
    const bytesOf = ({ bytes: { full, growing, shared } }: ReturnType<typeof shapeFor>) => full + growing + shared;
    const all = bytesOf(shapeFor(name, { share: 1 }));
    for (const part of [1, 0.8]) {
      let shape;
      try {
        shape = shapeFor(name, {}, part * all);
      } catch (error) {
        expect(error).toBeInstanceOf(BudgetError);
        expect((error as Error).message).toContain('with a page of 32 slots of every head');
        continue;
      }
      expect(bytesOf(shape)).toBeLessThanOrEqual(part * all);
    }
  });
});

it.each(['h2o', 'snapkv', 'arkv'])('%s counts what ticks hand on once for all conversations, and gives each the room that this leaves', (name) => {
  const [one, four] = [1, 4].map((sequences) => shapeWithin(graph, name, { share: 0.5 }, { ...room, sequences }));
  expect(one.plan.scratchBytes).toBeGreaterThan(0);
  expect(four.bytes).toEqual({ ...one.bytes, shared: one.plan.scratchBytes });
  const { full, growing, shared } = one.bytes;
  const slotsWithin = (budgetBytes: number) => (shapeWithin(graph, name, {}, { ...room, sequences: 4, budgetBytes }).plan as EvictingPlan).slots;
  expect(slotsWithin(4 * full + growing + shared)).toBe(context / 2);
  expect(slotsWithin(4 * full + growing + shared - 4)).toBeLessThan(context / 2);
});

it('streaming keeps to every budget that it takes, keeps no fewer tokens with more, and takes what it tells as the least', () => {
  const bytesOf = ({ bytes: { full, growing, shared } }: ReturnType<typeof shapeFor>) => full + growing + shared;
  const least = Number(/takes (\d+) at least/.exec(refusal(() => shapeFor('streaming', {}, 1)))![1]);
  expect(() => shapeFor('streaming', {}, least - 1)).toThrow(BudgetError);
  const page = bytesOf(shapeFor('streaming', { slots: 64 })) - bytesOf(shapeFor('streaming', { slots: 32 }));
  let before = 0;
  for (let budget = least; budget < least + 3 * page; budget += 509) {
    const shape = shapeFor('streaming', {}, budget);
    expect(bytesOf(shape), `within ${budget}`).toBeLessThanOrEqual(budget);
    expect(shape.plan.window).toBeGreaterThanOrEqual(before);
    // As many as its pages hold: one more takes another page.
    const more = shapeFor('streaming', { slots: shape.plan.window + 4 + 1 });
    expect(bytesOf(more)).toBeGreaterThan(budget);
    before = shape.plan.window;
  }
  expect(shapeFor('streaming', {}, 2 ** 40).plan.window).toBe(context - 4);
});

function refusal(of: () => unknown): string {
  try {
    of();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('It was not refused.');
}

it('the lowest layer of a pyramid has the pages that a long prompt asks for', () => {
  const shape = shapeFor('pyramidkv');
  const kv = tickOf(shape, 480);
  const counts = pyramid(2, slotsOf(kv), 32, 8);
  expect(counts).toEqual([224, 32]);
  expect(shape.plan.layers.map(([{ mostSlots }]) => mostSlots[0])).toEqual(counts);
  expect(counts.map((count, layer) => within(kv, layer, count, 448))).toEqual([192, 0]);
});

it.each<[string, Record<string, number>, string]>([
  ['h2o', { chunk: 0 }, 'chunk is 0; it must be one of 64, 128, 256, 512'],
  ['lazyeviction', { chunk: 100 }, 'chunk is 100'],
  ['heavy-prompt', { chunk: 1024 }, 'chunk is 1024'],
  ['duo', { chunk: 0 }, 'chunk is 0'],
  ['duo-kivi', { chunk: 96 }, 'chunk is 96'],
  ['find-heads', { chunk: 0 }, 'chunk is 0'],
  ['find-heads', { period: 0 }, 'period is 0'],
  ['snapkv', { kernel: 0 }, 'kernel is 0; it must be an odd number from 1 to 512'],
  ['adakv', { kernel: 4 }, 'kernel is 4'],
  ['adakv', { floor: 9 }, 'floor is 9; it must be a number from 0 to 1'],
  ['lazyeviction', { alpha: 2 }, 'alpha is 2'],
  ['windowkv', { size: 0 }, 'size is 0; it must be a whole number from 1 to 512'],
  ['windowkv', { layers: 0 }, 'layers is 0'],
  ['windowkv', { gather: 2 }, 'gather is 2'],
  ['pyramidkv', { beta: 0 }, 'beta is 0; it must be a number from 1 to 1024'],
  ['spans', { window: 0 }, 'window is 0'],
  ['spans', { interval: 0 }, 'interval is 0'],
  ['spans', { low: 0.5, high: 0.4 }, 'high is 0.4; it must be a number from 0.5 to 1'],
  ['duo', { recent: 16 }, 'recent is 16; it must be a whole number from 32 to 512'],
  ['recent', { window: 513 }, 'window is 513'],
  ['hyper', { block: 4 }, 'block is 4; it must be a whole number from 8 to 4096'],
  ['hyper', { from: 4 }, 'from is 4; it must be a whole number from 5 to'],
  ['hyper', { planes: 9 }, 'planes is 9; it must be a whole number from 1 to 8'],
  ['hyper', { samples: 0 }, 'samples is 0'],
])('%s refuses %o', (name, options, message) => {
  const refused = () => shapeFor(name, options);
  expect(refused).toThrow(RequestError);
  expect(refused).toThrow(`kvOptions.${message}`);
  expect(() => shapeFor(name, { ...policies.get(name)!.options })).not.toThrow();
});
