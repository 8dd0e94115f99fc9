import { describe, expect, it } from 'vitest';
import { fixture } from '../../test/models/fixture.ts';
import { families, recurrentFamilies } from '../../test/models/golden.ts';
import { f32, string, u32, varied } from '../../test/models/graphs.ts';
import { type TypedValue } from '../../test/models/gguf.ts';
import { type Change } from '../../test/models/vary.ts';
import { InvalidFileError, UnsupportedModelError } from '../errors.ts';
import { type Header } from '../gguf/header.ts';
import { readHeader } from '../gguf/read.ts';
import { bytesSource } from '../weights/source/source.ts';
import { mostVocab } from './sampling/buffers.ts';
import { type ModelFileOptions } from './architecture.ts';
import { buildGraph } from './build.ts';
import { type Op } from './graph.ts';
import { opsOf, tensorsOf } from './operations.ts';

const refusal = async (graph: Promise<unknown>): Promise<Error> => {
  const error: unknown = await graph.then(() => 'no error', (caught: unknown) => caught);
  if (!(error instanceof Error)) throw new Error('The file was not refused.');
  return error;
};

const llama = 'stories260K/stories260K.gguf';
const phi3 = 'tiny/tiny-phi3.gguf';
const gemma3 = 'tiny/tiny-gemma3.gguf';
const qwen2 = 'tiny/tiny-qwen2.gguf';
const qwen3moe = 'tiny/tiny-qwen3moe.gguf';
const tiny = (family: string) => `tiny/tiny-${family}.gguf`;

/** Of tiny models with more than two. */
const layersOf: Record<string, number> = {
  smollm3: 4, cohere2: 4, 'llama-relu': 3, 'ernie4_5-moe': 3, glm4moe: 3, bailingmoe2: 3, smallthinker: 5,
  gemma4: 6, 'gemma4-moe': 4, deepseek2: 3, 'deepseek2-yarn': 2, lfm2: 3, lfm2moe: 4, mamba2: 3, granitehybrid: 3, nemotron_h: 5, qwen35: 4, qwen35moe: 3,
  rwkv7: 3,
};

describe('architectures', () => {
  it('refuses one that it does not know by its name and lists those that work', async () => {
    const error = await refusal(varied(llama, { metadata: { 'general.architecture': string('gpt-next') } }));
    expect(error).toBeInstanceOf(UnsupportedModelError);
    expect(error.message).toContain('The architecture "gpt-next"');
    expect(error.message).toMatch(/Supported are ([\w-]+, )*gemma3, ([\w-]+, )*llama, ([\w-]+, )*qwen3/);
  });

  it.each([
    ['stories260K/stories260K.gguf', 'llama', 5], ['tiny/tiny-llama-k.gguf', 'llama', 2], ['tiny/tiny-mistral.gguf', 'llama', 2],
    [qwen2, 'qwen2', 2], ['tiny/tiny-qwen3.gguf', 'qwen3', 2], [qwen3moe, 'qwen3moe', 2], [gemma3, 'gemma3', 4], [phi3, 'phi3', 2],
    ...[...families, ...recurrentFamilies].map(({ family, name }): [string, string, number] =>
      [`tiny/${name}.gguf`, family, layersOf[name.slice('tiny-'.length)] ?? layersOf[family] ?? 2]),
  ])('%s is a graph of %s that names every tensor of the file but those that it passes over', async (path, architecture, layers) => {
    const header = await readHeader(bytesSource(fixture(path), path));
    const graph = buildGraph(header);
    expect(graph.config).toMatchObject({ architecture, layers, vocab: 512 });
    const named = new Set([...graph.hostTensors, ...opsOf(graph).flatMap((op) => tensorsOf(op, graph.config))]);
    const passedOver = (tensor: string) => graph.passedOver?.some((begin) => tensor.startsWith(begin));
    expect([...named].sort()).toEqual([...header.tensors.keys()].filter((tensor) => !passedOver(tensor)).sort());
    const unread: Record<string, string[]> = { glm4moe: ['blk.3.'], qwen35: ['blk.4.'], rwkv7: [0, 1, 2].map((n) => `blk.0.time_mix_v${n}.`) };
    expect(graph.passedOver ?? []).toEqual(unread[architecture] ?? []);
  });

  it('reads a llama\'s gates through SiLU, or as its file or who loads it says, and refuses what contradicts, or another architecture\'s', async () => {
    const relu = tiny('llama-relu');
    const header = await readHeader(bytesSource(fixture(relu), relu));
    const kindOf = ({ op, gate }: Op & { gate?: string }) => gate ?? op;
    const kindsOf = (given: Header, how?: ModelFileOptions) => buildGraph(given, how).layers[0].map(kindOf).slice(-2);
    const saying = (value?: string) => {
      const metadata = new Map(header.metadata);
      metadata.delete('llama.hidden_activation');
      return { ...header, metadata: value === undefined ? metadata : metadata.set('llama.hidden_activation', value) };
    };
    expect(kindsOf(header)).toEqual(['project', 'neurons']);
    expect(kindsOf(header, { byRows: true })).toEqual(['relu', 'project']);
    for (const value of [undefined, 'silu', 'swish']) expect(kindsOf(saying(value)), value).toEqual(['silu', 'project']);
    expect(kindsOf(saying(), { activation: 'relu' })).toEqual(['project', 'neurons']);
    expect(() => buildGraph(saying('fatrelu'))).toThrow('hidden_activation is fatrelu; supported are silu, swish, swiglu, relu, reglu');
    expect(() => buildGraph(header, { activation: 'silu' })).toThrow('says that its gates are relu; asked for is silu');
    const ofPowerInfer = { ...header, metadata: new Map(header.metadata).set('powerinfer.sparse_threshold', 0) };
    expect(() => buildGraph(ofPowerInfer)).toThrow('is made for PowerInfer');
    const other = await readHeader(bytesSource(fixture(qwen2), qwen2));
    expect(() => buildGraph(other, { activation: 'relu' })).toThrow('windrow takes for llama alone: that of qwen2 models is known');
  });

  it('reads single neurons of experts where that is asked for and they have ReLU gates and types that can be read so', async () => {
    const kindsOf = async (path: string, types: Record<string, string> = {}) => {
      const header = await readHeader(bytesSource(fixture(path), path));
      const tensors = new Map([...header.tensors].map(([name, info]) => [name, { ...info, type: types[name] ?? info.type }]));
      return buildGraph({ ...header, tensors }, { neurons: true }).layers[0].map(({ op }) => op).slice(-2);
    };
    const path = 'sparse/stories-smallthinker.q8_0.gguf';
    expect(await kindsOf(path)).toEqual(['expert-gates', 'neurons']);
    expect(await kindsOf(path, { 'blk.0.ffn_up_exps.weight': 'Q4_K' })).toEqual(['project', 'experts']);
    expect(await kindsOf(qwen3moe)).toEqual(['route', 'experts']);
  });

  it('refuses a type that is none of weights by its name, and lists those that work, loaded or not', async () => {
    const header = await readHeader(bytesSource(fixture(llama), llama));
    const name = 'blk.0.attn_q.weight';
    const tensors = new Map([...header.tensors, [name, { ...header.tensors.get(name)!, type: 'Q8_K' }]]);
    const error = await refusal(Promise.resolve().then(() => buildGraph({ ...header, tensors })));
    expect(error).toBeInstanceOf(UnsupportedModelError);
    expect(error.message).toMatch(/blk\.0\.attn_q\.weight has the type Q8_K\. Supported are .*Q4_1.*IQ2_XXS.*/);
  });
});

describe('files as their converters write them', () => {
  it.each(['qwen3moe', 'qwen35moe', 'qwen3next', 'gpt-oss', 'granitemoe', 'smallthinker', 'granitehybrid-moe'])(
    'of %s may leave out the width of feed-forward, as every layer has experts, or say that it is 0',
    async (family) => {
      const { architecture } = (await varied(tiny(family), {})).config;
      const tensors = async (width?: TypedValue) => {
        const experts = architecture === 'granitehybrid' ? { 'granitehybrid.expert_feed_forward_length': u32(32) } : {};
        const graph = await varied(tiny(family), { metadata: { [`${architecture}.feed_forward_length`]: width, ...experts } });
        return opsOf(graph).flatMap((op) => tensorsOf(op, graph.config));
      };
      expect(await tensors()).toEqual(await tensors(u32(64)));
      expect(await tensors(u32(0))).toEqual(await tensors(u32(64)));
    },
  );

  it('of a dense model, or of one with dense layers, may not', async () => {
    for (const family of ['qwen35', 'lfm2moe', 'bailingmoe2', 'granitehybrid', 'nemotron_h']) {
      const error = await refusal(varied(tiny(family), { metadata: { [`${family}.feed_forward_length`]: undefined } }));
      expect(error).toBeInstanceOf(InvalidFileError);
      expect(error.message).toMatch(/feed_forward_length/);
    }
  });

  it('of Gemma 4 may have keys and values in layers that attend to those of earlier ones', async () => {
    const graph = await varied(tiny('gemma4'), {});
    expect(graph.passedOver).toEqual([]);
    const names = ['blk.5.attn_k.weight', 'blk.5.attn_v.weight', 'blk.5.attn_k_norm.weight'];
    const full = await varied(tiny('gemma4'), { tensors: Object.fromEntries(names.map((name) => [name, { shape: [64] }])) });
    expect(full.passedOver).toEqual(names);
    expect(full.layers).toEqual(graph.layers);
    const own = { 'blk.0.attn_q.bias': { shape: [64] } };
    expect((await refusal(varied(tiny('gemma4'), { tensors: own }))).message).toMatch(/blk\.0\.attn_q\.bias, which windrow does not use/);
  });

  it('of Gemma 4 say how much of a head is rotated under a window, at most the heads there', async () => {
    const key = 'gemma4.rope.dimension_count_swa';
    const local = async (metadata: Change['metadata']) => (await varied(tiny('gemma4'), { metadata })).ropes[1].dims;
    expect(await local({ [key]: undefined })).toBe(32);
    expect(await local({ [key]: u32(16) })).toBe(16);
    const refused = async (dims: number) => (await refusal(local({ [key]: u32(dims) }))).message;
    expect(await refused(15)).toMatch(/dimension_count_swa is 15; it has to be an even number/);
    expect(await refused(34)).toMatch(/dimension_count_swa is 34; .* from 2 to 32/);
  });
});

describe('what windrow would have to ignore', () => {
  const extra = { shape: [64], type: 0 };
  const cases: [title: string, path: string, change: Change, message: RegExp][] = [
    ['a bias of a norm', llama, { tensors: { 'blk.0.ffn_norm.bias': extra } }, /a tensor blk\.0\.ffn_norm\.bias, which windrow does not use in a llama model/],
    ['a bias of a matrix that has none', llama, { tensors: { 'blk.0.ffn_down.bias': extra } }, /blk\.0\.ffn_down\.bias/],
    ['factors of LongRoPE in a llama model', llama, { tensors: { 'rope_factors_long.weight': { shape: [4] } } }, /rope_factors_long\.weight/],
    ['a layer more than the metadata says', llama, { metadata: { 'llama.block_count': u32(4) } }, /tensor blk\.4\./],
    [
      'an unknown rope scaling',
      llama,
      { metadata: { 'llama.rope.scaling.type': string('spiral') } },
      /rope scaling type "spiral" .* supported are none, linear and yarn/,
    ],
    ['longrope in a llama model', llama, { metadata: { 'llama.rope.scaling.type': string('longrope') } }, /"longrope"/],
    [
      'a soft cap of attention',
      gemma3,
      { metadata: { 'gemma3.attn_logit_softcapping': f32(50) } },
      /gemma3\.attn_logit_softcapping = 50, which windrow does not implement/,
    ],
    [
      'a soft cap of logits where the architecture has none',
      llama,
      { metadata: { 'llama.final_logit_softcapping': f32(30) } },
      /llama\.final_logit_softcapping = 30/,
    ],
    ['a soft cap of the routers to come', llama, { metadata: { 'llama.router_logit_softcapping': f32(30) } }, /router_logit_softcapping = 30/],
    [
      'a sliding window where the architecture has none',
      llama,
      { metadata: { 'llama.attention.sliding_window': u32(64) } },
      /llama\.attention\.sliding_window = 64/,
    ],
    ['scales of other architectures', llama, { metadata: { 'llama.logit_scale': f32(4) } }, /llama\.logit_scale = 4/],
    ['a key with a list', llama, { metadata: { 'llama.swiglu_clamp': { type: 'f32', value: [1, 2] } } }, /llama\.swiglu_clamp = 1,2/],
    ['experts of another architecture', qwen2, { metadata: { 'qwen2.expert_count': u32(8) } }, /qwen2\.expert_count = 8: a mixture of experts/],
    [
      'experts scored in a way that it does not know', 'tiny/tiny-glm4moe.gguf',
      { metadata: { 'glm4moe.expert_gating_func': u32(3) } }, /expert_gating_func is 3; supported are 1 \(softmax\) and 2 \(sigmoid\)/,
    ],
    [
      'groups of experts of unequal size', 'tiny/tiny-bailingmoe2.gguf',
      { metadata: { 'bailingmoe2.expert_group_count': u32(3) } }, /8 experts in 3 groups/,
    ],
    ['more experts than there is room for', qwen3moe, { metadata: { 'qwen3moe.expert_count': u32(1024) } }, /2 of 1024 experts .* up to 64 of 512/],
    ['a bias of experts', qwen3moe, { tensors: { 'blk.0.ffn_gate_exps.bias': { shape: [64, 8] } } }, /blk\.0\.ffn_gate_exps\.bias, which windrow does not use/],
    ['a part of a split model', llama, { metadata: { 'split.count': { type: 'u16', value: 3 } } }, /part 1 of 3 of a split model\. Give all 3 parts together/],
    [
      'a part of a split model that has no metadata of its own',
      llama,
      { metadata: { 'general.architecture': undefined, 'split.no': { type: 'u16', value: 1 }, 'split.count': { type: 'u16', value: 3 } } },
      /part 2 of 3 of a split model/,
    ],
    [
      'the projector of a vision model',
      llama,
      { metadata: { 'general.architecture': string('clip'), 'general.type': string('mmproj') } },
      /projector of a vision model \(mmproj\).*Choose the file of the model itself/,
    ],
    ['an importance matrix', llama, { metadata: { 'general.architecture': undefined, 'general.type': string('imatrix') } }, /importance matrix/],
    [
      'a vision tower in the file',
      gemma3,
      { tensors: { 'v.blk.0.attn_q.weight': extra } },
      /has a vision tower beside its language model \(the tensor v\.blk\.0\.attn_q\.weight, say\).*Choose a file of the text model/,
    ],
    [
      'fewer tokens than rows',
      llama,
      { metadata: { 'tokenizer.ggml.tokens': { type: 'string', value: Array.from({ length: 460 }, (_, i) => `t${i}`) } } },
      /has 460 tokens, but token_embd\.weight has 512 rows/,
    ],
    [
      'more tokens than rows',
      llama,
      { metadata: { 'tokenizer.ggml.tokens': { type: 'string', value: Array.from({ length: 520 }, (_, i) => `t${i}`) } } },
      /has 520 tokens, but token_embd\.weight has 512 rows/,
    ],
    [
      'counts that differ by layer',
      llama,
      { metadata: { 'llama.attention.head_count_kv': { type: 'i32', value: [4, 4, 2, 4, 4] } } },
      /head_count_kv differs from layer to layer \(4 in the first, 2 in layer 2\)/,
    ],
    [
      'attention that looks ahead',
      llama,
      { metadata: { 'llama.attention.causal': { type: 'bool', value: false }, 'llama.logit_scale': f32(2) } },
      /llama\.logit_scale = 2/,
    ],
    ['an adapter', llama, { metadata: { 'general.type': string('adapter') } }, /The file is an adapter, which is added to a model/],
    [
      'a head dimension above 256',
      qwen2,
      { metadata: { 'qwen2.attention.key_length': u32(640), 'qwen2.attention.value_length': u32(640) } },
      /head dimension of 640; windrow supports even ones up to 576/,
    ],
    ['a soft cap of routers in gemma2', tiny('gemma2'), { metadata: { 'gemma2.router_logit_softcapping': f32(30) } }, /gemma2\.router_logit_softcapping = 30/],
    [
      'a norm before attention in olmo2',
      tiny('olmo2'),
      { tensors: { 'blk.0.attn_norm.weight': extra } },
      /blk\.0\.attn_norm\.weight, which windrow does not use/,
    ],
    [
      'a gate in arcee',
      tiny('arcee'),
      { tensors: { 'blk.0.ffn_gate.weight': extra } },
      /blk\.0\.ffn_gate\.weight, which windrow does not use in a arcee model/,
    ],
    ['a bias of the LayerNorm', tiny('cohere2'), { tensors: { 'blk.0.attn_norm.bias': extra } }, /blk\.0\.attn_norm\.bias/],
    ['a base of its own for layers with a window', tiny('cohere2'), { metadata: { 'cohere2.rope.freq_base_swa': f32(1e6) } }, /cohere2\.rope\.freq_base_swa/],
    [
      'a rotation that scales before a norm',
      tiny('hunyuan-dense'),
      { metadata: { 'hunyuan-dense.rope.scaling.attn_factor': f32(1.2) } },
      /scales heads by 1\.2/,
    ],
    [
      'YaRN\'s multiplier where there is no YaRN',
      tiny('granite'),
      { metadata: { 'granite.rope.scaling.yarn_log_multiplier': f32(1) } },
      /yarn_log_multiplier = 1/,
    ],
    [
      'positions in images where they differ in text',
      tiny('glm4'),
      { metadata: { 'glm4.rope.dimension_sections': { type: 'i32', value: [8, 8, 0, 0] } } },
      /rope\.dimension_sections/,
    ],
    ['deepstack tensors of images', tiny('qwen3vl'), { tensors: { 'v.deepstack.0.fc1.weight': extra } }, /vision tower .* v\.deepstack\.0\.fc1\.weight/],
    ['scales of embeddings in smollm3', tiny('smollm3'), { metadata: { 'smollm3.embedding_scale': f32(2) } }, /smollm3\.embedding_scale = 2/],
    ['experts in mistral3', tiny('mistral3'), { metadata: { 'mistral3.expert_count': u32(8) } }, /mistral3\.expert_count = 8/],
    ['a window in ernie4_5', tiny('ernie4_5'), { metadata: { 'ernie4_5.attention.sliding_window': u32(64) } }, /ernie4_5\.attention\.sliding_window = 64/],
    ['keys and values of different sizes', qwen2, { metadata: { 'qwen2.attention.value_length': u32(32) } }, /Keys of 64 and values of 32/],
  ];
  it.each(cases)('refuses %s', async (_, path, change, message) => {
    const error = await refusal(varied(path, change));
    expect(error.message).toMatch(message);
    expect(['UnsupportedModelError', 'InvalidFileError']).toContain(error.name);
  });

  it('refuses a larger vocabulary than the sampler can sum up, and takes the largest that it can', async () => {
    const header = await readHeader(bytesSource(fixture(llama), llama));
    const withRows = (rows: number) => {
      const tensors = new Map(header.tensors);
      for (const name of ['token_embd.weight', 'output.weight']) if (tensors.has(name)) tensors.set(name, { ...tensors.get(name)!, shape: [64, rows] });
      const metadata = new Map(header.metadata).set('llama.vocab_size', rows).set('tokenizer.ggml.tokens', Array<string>(rows).fill(''));
      return buildGraph({ ...header, metadata, tensors });
    };
    expect(() => withRows(mostVocab + 1)).toThrow(UnsupportedModelError);
    expect(() => withRows(mostVocab + 1)).toThrow('A vocabulary of 1048576 tokens; windrow supports up to 1048575.');
    for (const rows of [262208, mostVocab]) expect(withRows(rows).config.vocab).toBe(rows); // the first is Gemma 3's
  });

  it('but not keys that are off, nor a vocabulary size that is true', async () => {
    const off = {
      'llama.expert_count': u32(0),
      'llama.attn_logit_softcapping': f32(0),
      'llama.use_parallel_residual': { type: 'bool', value: false },
      'split.count': u32(1),
      'general.type': string('model'),
    } as const;
    expect((await varied(llama, { metadata: off })).config.dim).toBe(64);
  });

  it('nor keys that repeat the default, nor counts per layer that are all the same', async () => {
    const same = {
      'llama.attention.causal': { type: 'bool', value: true },
      'llama.attention.clamp_kqv': { type: 'f32', value: [0, 0, 0, 0, 0] },
      'llama.logit_scale': f32(1),
      'llama.attention.head_count': { type: 'i32', value: [8, 8, 8, 8, 8] },
      'llama.attention.head_count_kv': { type: 'u32', value: [4, 4, 4, 4, 4] },
    } as const;
    expect((await varied(llama, { metadata: same })).config).toMatchObject({ heads: 8, kvHeads: 4 });
  });
});

describe('damaged models', () => {
  const cases: [title: string, path: string, change: Change, message: RegExp][] = [
    ['no embedding', llama, { tensors: { 'token_embd.weight': undefined } }, /token_embd\.weight is missing; a llama model needs it/],
    ['a matrix missing', llama, { tensors: { 'blk.3.ffn_up.weight': undefined } }, /blk\.3\.ffn_up\.weight is missing/],
    ['a norm missing', llama, { tensors: { 'blk.2.attn_norm.weight': undefined } }, /blk\.2\.attn_norm\.weight is missing/],
    ['a bias missing of three', qwen2, { tensors: { 'blk.1.attn_k.bias': undefined } }, /blk\.1\.attn_k\.bias is missing/],
    ['a layer missing', llama, { metadata: { 'llama.block_count': u32(6) } }, /blk\.5\.attn_q\.weight is missing/],
    [
      'a matrix with its sides swapped',
      llama,
      { tensors: { 'blk.0.ffn_down.weight': { shape: [64, 172] } } },
      /blk\.0\.ffn_down\.weight has shape \[64, 172\]; .* asks for \[172, 64\]/,
    ],
    ['a matrix with a third side', llama, { tensors: { 'blk.0.attn_k.weight': { shape: [64, 16, 2] } } }, /has shape \[64, 16, 2\]/],
    ['a norm too short', llama, { tensors: { 'blk.0.attn_norm.weight': { shape: [32] } } }, /blk\.0\.attn_norm\.weight has shape \[32\]; .* asks for \[64\]/],
    ['a norm of two sides', llama, { tensors: { 'output_norm.weight': { shape: [32, 2] } } }, /output_norm\.weight has shape \[32, 2\]/],
    [
      'a norm per head too short',
      gemma3,
      { tensors: { 'blk.1.attn_k_norm.weight': { shape: [16] } } },
      /blk\.1\.attn_k_norm\.weight has shape \[16\]; .* asks for \[32\]/,
    ],
    [
      'a norm after the branch too short',
      gemma3,
      { tensors: { 'blk.1.post_ffw_norm.weight': { shape: [128] } } },
      /post_ffw_norm\.weight has shape \[128\]; .* asks for \[256\]/,
    ],
    ['a bias too short', qwen2, { tensors: { 'blk.0.attn_v.bias': { shape: [64] } } }, /blk\.0\.attn_v\.bias has shape \[64\]; .* asks for \[128\]/],
    [
      'too few rope factors',
      'tiny/tiny-llama3.gguf',
      { tensors: { 'rope_freqs.weight': { shape: [16] } } },
      /rope_freqs\.weight has shape \[16\]; .* asks for \[32\]/,
    ],
    ['another vocabulary size', llama, { metadata: { 'llama.vocab_size': u32(32000) } }, /llama\.vocab_size is 32000, but token_embd\.weight has 512 rows/],
    [
      'a norm of all heads too short',
      tiny('olmo2'),
      { tensors: { 'blk.0.attn_k_norm.weight': { shape: [64] } } },
      /attn_k_norm\.weight has shape \[64\]; .* asks for \[128\]/,
    ],
    ['longrope without its factors', phi3, { metadata: { 'phi3.rope.scaling.type': string('longrope') } }, /rope_factors_short\.weight is missing/],
    ['longrope with half of its factors', phi3, { tensors: { 'rope_factors_long.weight': { shape: [32] } } }, /rope_factors_short\.weight is missing/],
    [
      'longrope with too few factors',
      phi3,
      { tensors: { 'rope_factors_long.weight': { shape: [32] }, 'rope_factors_short.weight': { shape: [16] } } },
      /rope_factors_short\.weight has shape \[16\]; .* asks for \[32\]/,
    ],
    ['no xIELU of a layer', tiny('apertus'), { metadata: { 'xielu.beta': { type: 'f32', value: [0.5] } } }, /xielu\.beta is undefined for layer 1/],
    ['no xIELU', tiny('apertus'), { metadata: { 'xielu.alpha_n': undefined } }, /xielu\.alpha_n is undefined for layer 0/],
    [
      'a window of some layers and not of others',
      tiny('cohere2'),
      { metadata: { 'cohere2.attention.sliding_window_pattern': { type: 'bool', value: [true] } } },
      /a list of 1; needed is true or false for each of 4 layers/,
    ],
    [
      'no epsilon of a LayerNorm',
      tiny('cohere2'),
      { metadata: { 'cohere2.attention.layer_norm_epsilon': undefined } },
      /no cohere2\.attention\.layer_norm_epsilon/,
    ],
    ['no layers', llama, { metadata: { 'llama.block_count': u32(0) } }, /llama\.block_count is 0; .* from 1 to 4096/],
    ['an absurd number of layers', llama, { metadata: { 'llama.block_count': u32(4e9) } }, /block_count is 4000000000/],
    ['an absurd width', llama, { metadata: { 'llama.embedding_length': u32(4e9) } }, /embedding_length is 4000000000/],
    [
      'an absurd feed-forward width',
      llama,
      { metadata: { 'llama.feed_forward_length': u32(2 ** 20) } },
      /blk\.0\.ffn_gate\.weight has shape \[64, 172\]; .* asks for \[64, 1048576\]/,
    ],
    ['half a head', llama, { metadata: { 'llama.attention.head_count': f32(7.5) } }, /head_count is 7\.5/],
    ['heads that share unevenly', llama, { metadata: { 'llama.attention.head_count_kv': u32(3) } }, /8 query heads cannot share 3/],
    [
      'more rotated dimensions than a head has',
      llama,
      { metadata: { 'llama.rope.dimension_count': u32(16) } },
      /rope\.dimension_count is 16; .* up to the head dimension 8/,
    ],
    ['a rope base of 0', llama, { metadata: { 'llama.rope.freq_base': f32(0) } }, /freq_base is 0/],
    ['a rope factor below 0', llama, { metadata: { 'llama.rope.scaling.factor': f32(-2) } }, /rope\.scaling\.factor is -2; it has to be above 0/],
    ['an epsilon of 0', llama, { metadata: { 'llama.attention.layer_norm_rms_epsilon': f32(0) } }, /epsilon is 0;/],
    ['no context length', llama, { metadata: { 'llama.context_length': undefined } }, /no llama\.context_length; needed is a number/],
    ['a context length in words', llama, { metadata: { 'llama.context_length': string('long') } }, /context_length is the string "long"/],
    [
      'a sliding window pattern of 0',
      gemma3,
      { metadata: { 'gemma3.attention.sliding_window_pattern': u32(0) } },
      /gemma3\.attention\.sliding_window_pattern is 0; .* from 1 to/,
    ],
    [
      'half a sliding window pattern',
      gemma3,
      { metadata: { 'gemma3.attention.sliding_window_pattern': f32(2.5) } },
      /sliding_window_pattern is 2\.5; .* whole number/,
    ],
    [
      'a sliding window below 0',
      gemma3,
      { metadata: { 'gemma3.attention.sliding_window': f32(-1) } },
      /gemma3\.attention\.sliding_window is -1; .* from 0 to 2147483648/,
    ],
    [
      'a sliding window longer than positions can be',
      gemma3,
      { metadata: { 'gemma3.attention.sliding_window': { type: 'u64', value: 2 ** 32 } } },
      /gemma3\.attention\.sliding_window is 4294967296; .* from 0 to 2147483648/,
    ],
    [
      'a soft cap that is no number',
      gemma3,
      { metadata: { 'gemma3.final_logit_softcapping': f32(NaN) } },
      /gemma3\.final_logit_softcapping is NaN; it has to be a finite number/,
    ],
    ['a rope base without end', llama, { metadata: { 'llama.rope.freq_base': f32(Infinity) } }, /llama\.rope\.freq_base is Infinity/],
    ['a rope magnitude that is no number', llama, { metadata: { 'llama.rope.scaling.attn_factor': f32(NaN) } }, /attn_factor is NaN/],
    [
      'a context longer than positions can be',
      llama,
      { metadata: { 'llama.context_length': { type: 'u64', value: 2 ** 31 + 1 } } },
      /llama\.context_length is 2147483649; .* from 1 to 2147483648/,
    ],
    ['no architecture', llama, { metadata: { 'general.architecture': undefined } }, /no general\.architecture/],
  ];
  it.each(cases)('refuses %s', async (_, path, change, message) => {
    const error = await refusal(varied(path, change));
    expect(error.message).toMatch(message);
    expect(error).toBeInstanceOf(InvalidFileError);
  });

  it('refuses a vocabulary without a model', async () => {
    const names = [...(await readHeader(bytesSource(fixture(llama), llama))).tensors.keys()];
    const error = await refusal(varied(llama, { tensors: Object.fromEntries(names.map((name) => [name, undefined])) }));
    expect(error).toBeInstanceOf(InvalidFileError);
    expect(error.message).toContain('a vocabulary without a model');
  });
});
