// A chat of several turns: what a turn leaves without a tick, the next prompt comes behind.
import { describe, expect, it } from 'vitest';
import { fixture } from '../../../test/models/fixture.ts';
import { openModel } from '../../engine/load/opened.ts';
import { readHeader } from '../../gguf/read.ts';
import { bytesSource } from '../../weights/source/source.ts';
import { kvFormat } from '../formats/catalogue.ts';
import { pageSlots } from '../formats/format.ts';
import { type KvTick } from '../policy.ts';
import { evict } from '../tick/evict.ts';
import { policies, shapeWithin } from './catalogue.ts';
import { type EpisodeBlock, blockOf } from './epicache.ts';

const retrieval = [[0.9, 0.1], [0.2, 0.8]];
const room = { context: 4096, chunk: 256, budgetBytes: Infinity, format: kvFormat('f16'), sequences: 1, retrieval };
const { graph } = await openModel(await readHeader(bytesSource(fixture('tiny/tiny-llama-f16.gguf'), 'tiny')));
const shapeFor = (name: string, options: Record<string, number>) => shapeWithin(graph, name, options, room);

describe.each([...policies.values()])('$name', ({ name, options }) => {
  const own = (more: Record<string, number>) => Object.fromEntries(Object.entries(more).filter(([option]) => option in options));

  it.each([[64, 1], [64, 64], [256, 128], [128, 256], [512, 32]])('in steps of %i, with a tick for %i tokens', (chunk, interval) => {
    const { plan, ringSlots } = shapeFor(name, own({ chunk, interval }));
    const step = Math.min(plan.chunk ?? Infinity, room.chunk);
    const sinceTick = plan.interval - 1 + step;
    // Slots stay from the beginning of a page on, where whole pages are sealed.
    if (plan.peak === 'bounded') expect(ringSlots).toBeGreaterThanOrEqual(plan.window + pageSlots - 1 + sinceTick);
    else expect(ringSlots).toBe(room.context);
    const observesAll = plan.planes.some((plane) => ['acc', 'last'].includes(plane)) || name === 'find-heads';
    if (observesAll) expect(plan.queries).toBeGreaterThanOrEqual(sinceTick);
  });

  it.skipIf(!('interval' in options))('has a tick at least for each 256 tokens', () => {
    expect(() => shapeFor(name, { interval: 257 })).toThrow(/interval is 257; it (must|has to) be a whole number from 1 to 256/);
    expect(() => shapeFor(name, { interval: 0 })).toThrow(/interval is 0/);
  });
});

/** A tick of a model without layers, which tells where fresh slots begin then. */
async function baseAfter(name: string, given: Pick<KvTick, 'length' | 'base' | 'promptLength'>): Promise<number> {
  const { plan, options } = shapeFor(name, {});
  let { base } = given;
  await policies.get(name)!.tick({ ...given, phase: 'prompt', plan, options, layers: [], advance: (to: number) => (base = to) } as unknown as KvTick);
  return base;
}

it.each(['recent', 'snapkv', 'heavy-prompt', 'windowkv', 'h2o', 'streaming'])('%s leaves a prompt alone that is shorter than its window', async (name) => {
  expect(await baseAfter(name, { length: 10, base: 0, promptLength: 10 })).toBe(0);
  expect(await baseAfter(name, { length: 50, base: 40, promptLength: 50 })).toBe(40);
});

it.each([
  ['its block', {}, 80, true],
  ['a sequence that has lost what was before the block', { from: 48 }, 68, undefined], // as any other: all but the window of 32
  ["another's", 'other', 68, undefined],
] as const)('a tick of an episode is for %s', async (_, other, end, read) => {
  const { plan, options } = shapeFor('epicache', {});
  const of = {};
  const block: EpisodeBlock = { from: 40, until: 80, total: 200, ...(other !== 'other' && other) };
  blockOf.set(other === 'other' ? {} : of, block);
  let base = 40;
  const at = { of, base, length: 100, promptLength: 100, phase: 'prompt' };
  await policies.get('epicache')!.tick({
    ...at, plan, options, layers: [], advance: (to: number) => (base = to),
  } as unknown as KvTick);
  expect([base, block.read]).toEqual([end, read]);
});

it('slots that were dropped do not become fresh again', async () => {
  const { plan, options } = shapeFor('recent', {});
  const kv = { plan, options, length: 10, base: 4, layers: [], advance() {} } as unknown as KvTick;
  await expect(evict(kv, 3, () => ({ keep: 0 }))).rejects.toThrow('Slots were to be fresh from 3 on; those from 4 to 10 are.');
  await evict(kv, 4, () => ({ keep: 0 }));
});
