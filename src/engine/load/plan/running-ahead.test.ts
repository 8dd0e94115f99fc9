// How far a step runs ahead of knowing that its experts are there, and in which models it may.
import { describe, expect, it } from 'vitest';
import { fixture } from '../../../../test/models/fixture.ts';
import { readHeader } from '../../../gguf/read.ts';
import { kvFormat } from '../../../kv/formats/catalogue.ts';
import { stateOf } from '../../../model/operations.ts';
import { bytesSource } from '../../../weights/source/source.ts';
import { openModel } from '../opened.ts';
import { sweepBudgets } from '../../measure/sweep.ts';
import { plan } from './plan.ts';
import { canGoBack, layersAhead, mayRunAhead, statesAheadBytes, statesBehind } from './running-ahead.ts';

const options = { context: 256, chunk: 64, logitsRows: 1, kv: kvFormat('f32') };
const open = async (name: string) => openModel(await readHeader(bytesSource(fixture(`${name}.gguf`), name)));

describe('running ahead', () => {
  it('is over as many layers as pay: one where most miss something, all where none does', () => {
    expect([0, 0.3].map((p) => layersAhead(p, 48))).toEqual([1, 1]);
    expect(layersAhead(1, 48)).toBe(48);
    const layers = [0.5, 0.7, 0.9, 0.97, 0.99].map((p) => layersAhead(p, 48));
    expect(layers).toEqual([...layers].sort((a, b) => a - b));
    expect(layers[0]).toBeLessThan(3);
    expect(layers[4]).toBeGreaterThan(8);
    expect(layersAhead(0.99, 4)).toBe(4);
  });

  const tiny = ['qwen3moe', 'bailingmoe2', 'olmoe', 'gemma4-moe', 'llama-k'].map((name) => `tiny/tiny-${name}`);
  const plain = [...tiny, 'sparse/stories-smallthinker.q8_0'];
  const recurrent = ['qwen35moe', 'qwen3next', 'granitehybrid-moe', 'lfm2moe'].map((name) => `tiny/tiny-${name}`);
  it.each([...plain, ...recurrent])('may be in %s, where all that comes after a router begins from the residual stream', async (name) => {
    const { sections } = await open(name);
    expect(sections.every(canGoBack)).toBe(true);
  });

  it.each(recurrent)('puts back, of %s, the states of what comes between a router and the next, if the plan has room for them', async (name) => {
    const opened = await open(name);
    const { sections } = opened;
    const routers = [...sections.keys()].filter((section) => sections[section].ops.some(({ op }) => op.op === 'route'));
    const behind = statesBehind(sections);
    expect([...behind.keys()]).toEqual(routers.slice(0, -1));
    // In these models the router of a layer comes after what keeps its state.
    const ofLayer = (section: number) => sections[section].ops.flatMap(({ op }) => stateOf(op) ?? []).filter(({ kind }) => kind === 'recurrent');
    for (const router of routers.slice(0, -1)) expect(behind.get(router)).toEqual(ofLayer(router + 1));
    const bytes = statesAheadBytes(sections);
    const { budgetBytes } = sweepBudgets(opened, options).find((each) => each.name === '50 %')!;
    const there = plan(opened, { ...options, budgetBytes });
    expect([there.slots, there.aheadBytes ?? 0]).toEqual([0, bytes]);
    expect(mayRunAhead(sections, there)).toBe(true);
    expect(mayRunAhead(sections, { slots: 0 })).toBe(bytes === 0);
    expect(mayRunAhead(sections, { ...there, slots: 1 })).toBe(false);
    if (!name.includes('qwen3next')) expect(bytes).toBeGreaterThan(0); // whose second layer, the last one, attends
  });

  it('may not be where something from before a router is read after it', async () => {
    const { sections } = await open('tiny/tiny-qwen3moe');
    const section = sections.find(({ ops }) => ops.some(({ op }) => op.op === 'route'))!;
    const other = { op: { op: 'project', input: 'attended', output: 'x' }, stacks: [] };
    expect(canGoBack({ ops: [...section.ops, other] })).toBe(false);
    expect(canGoBack({ ops: [other, ...section.ops] })).toBe(true);
    for (const op of ['project', 'norm-add', 'experts']) {
      const adding = (add?: boolean) => ({ ops: [...section.ops, { op: { op, input: 'x', output: 'sum', add }, stacks: [] }] });
      expect([true, false].map((add) => canGoBack(adding(add))), op).toEqual([false, true]);
      expect(canGoBack(adding()), `${op}, as it usually is`).toBe(op === 'project');
    }
  });
});
