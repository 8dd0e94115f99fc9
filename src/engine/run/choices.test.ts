// How far a step runs ahead of knowing that its experts are there, and in which models it may.
import { describe, expect, it } from 'vitest';
import { fixture } from '../../../test/models/fixture.ts';
import { readHeader } from '../../gguf/read.ts';
import { bytesSource } from '../../weights/source/source.ts';
import { openModel } from '../load/opened.ts';
import { canGoBack, layersAhead } from './choices.ts';

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

  it.each(['tiny/tiny-qwen3moe', 'tiny/tiny-bailingmoe2', 'tiny/tiny-olmoe', 'tiny/tiny-gemma4-moe', 'sparse/stories-smallthinker.q8_0', 'tiny/tiny-llama-k'])(
    'may be in %s, where all that comes after a router begins from the residual stream',
    async (name) => {
      const { sections } = await openModel(await readHeader(bytesSource(fixture(`${name}.gguf`), name)));
      expect(sections.every(canGoBack)).toBe(true);
    },
  );

  it('may not be where something from before a router is read after it', async () => {
    const { sections } = await openModel(await readHeader(bytesSource(fixture('tiny/tiny-qwen3moe.gguf'), 'model')));
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
