// Models that a policy is not for are refused, and those with some windowed layers are not.
import { expect, it } from 'vitest';
import { fixture } from '../../test/models/fixture.ts';
import { openModel } from '../engine/load/opened.ts';
import { readHeader } from '../gguf/read.ts';
import { type Graph } from '../model/graph.ts';
import { opsOf } from '../model/operations.ts';
import { isAttend } from '../model/ops/attend.ts';
import { bytesSource } from '../weights/source/source.ts';
import { kvFormat } from './formats/catalogue.ts';
import { policies } from './policies/catalogue.ts';
import { shapeOf } from './shape.ts';

const graphOf = async (name: string): Promise<Graph> => (await openModel(await readHeader(bytesSource(fixture(`tiny/${name}.gguf`), name)))).graph;
const room = { context: 512, chunk: 64, budgetBytes: Infinity, format: kvFormat('f16') };
const shaped = (graph: Graph, name: string, retrieval?: number[][]) => shapeOf(graph, policies.get(name)!, {}, { ...room, retrieval });
const attends = (graph: Graph) => opsOf(graph).filter(isAttend);

/** A model of which the layers that `isWindowed` says have a window. */
async function windowed(isWindowed: (layer: number) => boolean): Promise<Graph> {
  const graph = await graphOf('tiny-qwen3');
  for (const op of attends(graph)) if (isWindowed(op.layer)) op.window = 64;
  return graph;
}

it('a model whose layers all have a window refuses every policy', async () => {
  const graph = await windowed(() => true);
  for (const name of ['kivi4', 'streaming', 'h2o'])
    expect(() => shaped(graph, name), name).toThrow(`kv is ${name}, but every layer of this model has a sliding window`);
});

it('heads are told apart where a layer has a window, with scores of it or without', async () => {
  const graph = await windowed((layer) => layer === 0);
  const { layers, kvHeads } = graph.config;
  const scores = Array.from({ length: layers }, (_, layer) => Array.from({ length: kvHeads }, (_, head) => layer + head / 10));
  for (const name of ['duo', 'duo-kivi', 'spans']) {
    const without = shaped(graph, name, scores.map((row, layer) => (layer ? row : [])));
    expect(without.plan.layers.map(({ length }) => length > 0), name).toEqual(scores.map((_, layer) => layer > 0));
    expect(shaped(graph, name, scores.map((row, layer) => (layer ? row : row.map(() => 9)))).plan, name).toEqual(without.plan);
    expect(() => shaped(graph, name, scores.map(() => [])), name).toThrow('Give kvHeads');
  }
});

it('policies that observe are refused where attention has sinks, others are not', async () => {
  const graph = await graphOf('tiny-gpt-oss');
  for (const name of ['h2o', 'snapkv', 'find-heads']) expect(() => shaped(graph, name), name).toThrow(/kv is .*, which observes .* a sink that is no token/);
  expect(shaped(graph, 'kivi4').plan.layers.some(({ length }) => length > 0)).toBe(true);
});

it('keys that cannot be turned 4 numbers at a time refuse what turns them as they are read, and what takes codes of them as they were before', async () => {
  const graph = await graphOf('tiny-qwen3');
  graph.ropes.forEach((rope) => Object.assign(rope, { dims: 12, layout: 'halves' }));
  for (const name of ['a2ats', 'kvquant3'])
    expect(() => shaped(graph, name), name).toThrow(new RegExp(`kv is ${name}, which turns keys, .* in layer 0 positions turn 12 numbers of a key`));
  expect(shaped(graph, 'quest').plan.layers.some(({ length }) => length > 0)).toBe(true);
  graph.ropes.forEach((rope) => Object.assign(rope, { dims: 8 }));
  expect(shaped(graph, 'a2ats').plan.layers[0][0].pick?.by).toBe('codes');
});
