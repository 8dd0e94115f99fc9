// What of adapters is refused, in words; what they make of a graph.
import { expect, test } from 'vitest';
import { kind, randomAdapter } from '../../test/models/adapter.ts';
import { fixture } from '../../test/models/fixture.ts';
import { type GgufTensor, type TypedValue, writeGguf } from '../../test/models/gguf.ts';
import { f32, string } from '../../test/models/graphs.ts';
import { InvalidFileError, RequestError, UnsupportedModelError } from '../errors.ts';
import { readHeader } from '../gguf/read.ts';
import { bytesSource } from '../weights/source/source.ts';
import { layoutOf } from '../weights/layout.ts';
import { adapt } from './adapters.ts';
import { buildGraph } from './build.ts';
import { type Project, isProject } from './ops/project.ts';
import { sectionsOf, specsOf } from './sections.ts';

const headerOf = (bytes: Uint8Array<ArrayBuffer>) => readHeader(bytesSource(bytes, 'a.gguf'));
const modelOf = async (path: string) => {
  const header = await headerOf(fixture(path));
  return { header, graph: buildGraph(header) };
};
const mistral = () => modelOf('tiny/tiny-mistral.gguf');

/** An adapter of the tensors, by its metadata; (256, 4) and (4, 256) of f32 where nothing else is said. */
function adapterOf(names: Record<string, Partial<GgufTensor>>, metadata: Record<string, TypedValue | undefined> = {}): Uint8Array<ArrayBuffer> {
  const tensors = Object.entries(names).map(([name, more], i) =>
    ({ name, shape: name.endsWith('_a') ? [256, 4] : [4, 256], type: 0, offset: 8192 * i, ...more }));
  const all = Object.entries({ ...kind('llama', 8), ...metadata }).filter((each): each is [string, TypedValue] => each[1] !== undefined);
  return Uint8Array.from(writeGguf({ metadata: all, tensors, dataBytes: 2 ** 16 }));
}

const q = 'blk.0.attn_q.weight';
const pair = (tensor: string, more: Partial<GgufTensor> = {}) => ({ [`${tensor}.lora_a`]: more, [`${tensor}.lora_b`]: {} });

test.each<[words: RegExp, error: new (message: string) => Error, bytes: Uint8Array<ArrayBuffer>, path?: string, scale?: number]>([
  [/adapter x is for the architecture "qwen2"; the model is of "llama"/, UnsupportedModelError,
    adapterOf(pair(q), { 'general.architecture': string('qwen2') })],
  [/x is of the type "model", not an adapter/, UnsupportedModelError, fixture('tiny/tiny-mistral.gguf')],
  [/of the kind "control_vector"; windrow applies those of the kind "lora"/, UnsupportedModelError,
    adapterOf(pair(q), { 'adapter.type': string('control_vector') })],
  [/sets adapter\.alora\.invocation_tokens, which/, UnsupportedModelError, adapterOf(pair(q), { 'adapter.alora.invocation_tokens': f32(1) })],
  [/blk\.0\.attn_q\.weight\.lora_a of the adapter x has shape \[128, 4\]; with this model it needs \[256, 4\]/, InvalidFileError,
    adapterOf(pair(q, { shape: [128, 4] }))],
  [/lora_a of the adapter x has shape \[256, 3\]; with this model it needs \[256, 4\]/, InvalidFileError, adapterOf(pair(q, { shape: [256, 3] }))],
  [/blk\.0\.attn_k\.weight\.lora_b of the adapter x has shape \[4, 256\]; with this model it needs \[4, 128\]/, InvalidFileError,
    adapterOf(pair('blk.0.attn_k.weight'))],
  [/has matrices for blk\.7\.attn_q\.weight, which the model does not have/, UnsupportedModelError, adapterOf(pair('blk.7.attn_q.weight'))],
  [/has matrices for token_embd\.weight, to which windrow adds none/, UnsupportedModelError, adapterOf(pair('token_embd.weight'))],
  [/has matrices for blk\.0\.attn_norm\.weight, to which windrow adds none/, UnsupportedModelError, adapterOf(pair('blk.0.attn_norm.weight'))],
  [/has matrices for blk\.0\.ffn_up_exps\.weight, to which windrow adds none/, UnsupportedModelError,
    adapterOf(pair('blk.0.ffn_up_exps.weight'), { 'general.architecture': string('qwen3moe') }), 'tiny/tiny-qwen3moe.gguf'],
  [/one tensor for blk\.0\.attn_q\.weight alone: blk\.0\.attn_q\.weight\.lora_b is missing/, InvalidFileError, adapterOf({ [`${q}.lora_a`]: {} })],
  [/has a tensor blk\.0\.attn_norm\.weight, which windrow does not apply/, UnsupportedModelError,
    adapterOf({ ...pair(q), 'blk.0.attn_norm.weight': { shape: [256] } })],
  [/blk\.0\.attn_q\.weight\.lora_a of the adapter x has the type Q8_K\. Supported are .*Q4_1/, UnsupportedModelError, adapterOf(pair(q, { type: 15 }))],
  [/The adapter x has no tensors/, InvalidFileError, adapterOf({})],
  [/The scale of the adapter x is NaN/, RequestError, adapterOf(pair(q)), undefined, NaN],
])('refuses with %s', async (words, error, bytes, path = 'tiny/tiny-mistral.gguf', scale = 1) => {
  const { graph, header } = await modelOf(path);
  const given = { name: 'x', header: await headerOf(bytes), scale };
  expect(() => adapt(graph, header, [given])).toThrow(words);
  expect(() => adapt(graph, header, [given])).toThrow(error);
});

test('an adapter given as the model is told what it is', async () => {
  const header = await headerOf(adapterOf(pair(q)));
  expect(() => buildGraph(header)).toThrow(/The file is an adapter, which is added to a model/);
});

test('adapters are part of the products, scaled by alpha and rank, and stored behind what is the model\'s, which lies as before', async () => {
  const { graph, header } = await mistral();
  const shape = { architecture: 'llama', rank: 4, tensors: { [q]: [256, 256], 'blk.0.attn_v.weight': [128, 256] } as Record<string, [number, number]> };
  const [eight, none] = await Promise.all([8, 0].map(async (alpha) => headerOf(randomAdapter({ ...shape, alpha }).bytes)));
  const adapted = adapt(graph, header, [{ name: 'x', header: eight, scale: 0.5 }, { name: 'y', header: none, scale: 0.25 }]);
  const { adapted: added } = adapted.graph.layers[0].find(isProject)!;
  expect(added!.map(({ matrix, scale, adapter, down, up }) => [matrix, scale, adapter, down.rows, up.rows])).toEqual([
    [0, 1, 0, 4, 256], [2, 1, 0, 4, 128], [0, 0.25, 1, 4, 256], [2, 0.25, 1, 4, 128], // without alpha the scale alone
  ]);
  expect(adapted.graph.layers.slice(1)).toEqual(graph.layers.slice(1));
  expect((adapted.graph.layers[0].filter(isProject) as Project[]).filter((op) => op.adapted)).toHaveLength(1);
  const [before, after] = [graph, adapted.graph].map((each) => layoutOf(adapted.header, specsOf(sectionsOf(each))));
  expect(after.sections.slice(0, before.sections.length)).toEqual(before.sections);
  expect(after.slabs.slice(0, before.slabs.length)).toEqual(before.slabs);
  expect(after.sections.slice(before.sections.length).map(({ name, stacks }) => [name, stacks.length])).toEqual([['adapter.0', 4], ['adapter.1', 4]]);
});
