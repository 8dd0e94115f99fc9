// Makes a GGUF with random weights, of any size and shape, streamed to a file: for tests and measurements of models that
// need not say anything. The same options and seed give the same bytes.
//   node scripts/make-model.mjs OUT.gguf [--layers 4 --dim 256 --ff 768 --heads 4 --kv-heads 2 --vocab 512 --context 2048
//     --head-dim DIM/HEADS --type Q4_0 --embedding-type Q8_0 --untied --seed 1 --parts 1 --name NAME --sparse
//     --experts 0 --used 2 --skew 1]
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { truncate } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/**
 * @typedef {object} Options
 * @property {string} out
 * @property {number} [layers]
 * @property {number} [dim]
 * @property {number} [ff]
 * @property {number} [heads]
 * @property {number} [kvHeads]
 * @property {number} [headDim]
 * @property {number} [vocab]
 * @property {number} [context]
 * @property {string} [type] of all matrices but the embedding
 * @property {string} [embeddingType]
 * @property {boolean} [untied] with an output matrix of its own
 * @property {number} [experts] of each layer, each of width `ff`, in place of a feed-forward layer: ERNIE's form, whose router has a bias
 * @property {number} [used] experts of a token
 * @property {number} [skew] by how much the router likes some experts better than others; 0: not at all
 * @property {number} [seed]
 * @property {number} [parts] files of a split model
 * @property {string} [name]
 * @property {boolean} [headerOnly] without the weights that it promises
 * @property {boolean} [sparse] with a hole in their place, which takes no disk: to plan, not to run
 */

/** Each type: its number in a GGUF, weights and bytes of a block, and what makes random bytes a sound block for rows of `cols`. */
const types = {
  F32: {
    number: 0,
    weights: 1,
    bytes: 4,
    mend: (/** @type {DataView} */ v, /** @type {number} */ at, /** @type {number} */ cols) => v.setFloat32(at, uniform(v, at) * Math.sqrt(3 / cols), true),
  },
  F16: {
    number: 1,
    weights: 1,
    bytes: 2,
    mend: (/** @type {DataView} */ v, /** @type {number} */ at, /** @type {number} */ cols) =>
      v.setUint16(at, half((v.getInt16(at, true) / 2 ** 15) * Math.sqrt(3 / cols)), true),
  },
  Q4_0: {
    number: 2,
    weights: 32,
    bytes: 18,
    mend: (/** @type {DataView} */ v, /** @type {number} */ at, /** @type {number} */ cols) => v.setUint16(at, half(1 / (4.6 * Math.sqrt(cols))), true),
  },
  Q4_1: {
    number: 3,
    weights: 32,
    bytes: 20,
    mend: (/** @type {DataView} */ v, /** @type {number} */ at, /** @type {number} */ cols) => {
      v.setUint16(at, half(1 / (4.6 * Math.sqrt(cols))), true);
      v.setUint16(at + 2, half(-7.5 / (4.6 * Math.sqrt(cols))), true);
    },
  },
  Q8_0: {
    number: 8,
    weights: 32,
    bytes: 34,
    mend: (/** @type {DataView} */ v, /** @type {number} */ at, /** @type {number} */ cols) => v.setUint16(at, half(1 / (74 * Math.sqrt(cols))), true),
  },
  Q4_K: {
    number: 12,
    weights: 256,
    bytes: 144,
    mend: (/** @type {DataView} */ v, /** @type {number} */ at, /** @type {number} */ cols) => {
      const factor = 32; // of every group of 32 weights: scale and minimum alike
      const scale = 1 / (4.6 * factor * Math.sqrt(cols));
      v.setUint16(at, half(scale), true);
      v.setUint16(at + 2, half(7.5 * scale), true);
      for (let i = 0; i < 8; i++) v.setUint8(at + 4 + i, factor | 0x80); // the upper two bits belong to groups 4 to 7
      for (let i = 0; i < 4; i++) v.setUint8(at + 12 + i, 0);
    },
  },
  Q6_K: {
    number: 14,
    weights: 256,
    bytes: 210,
    mend: (/** @type {DataView} */ v, /** @type {number} */ at, /** @type {number} */ cols) => {
      for (let i = 0; i < 16; i++) v.setInt8(at + 192 + i, 16);
      v.setUint16(at + 208, half(1 / (18.5 * 16 * Math.sqrt(cols))), true);
    },
  },
};

/** From -1 to 1. */
const uniform = (/** @type {DataView} */ view, /** @type {number} */ at) => view.getInt32(at, true) / 2 ** 31;

/** The nearest f16, for numbers that are small but no smaller than 2^-14. */
function half(/** @type {number} */ value) {
  const bits = new Uint32Array(new Float32Array([value]).buffer)[0];
  const magnitude = (bits & 0x7fffffff) + 0x1000;
  return ((bits >>> 16) & 0x8000) | (magnitude < 0x38800000 ? 0 : (magnitude - 0x38000000) >>> 13);
}

/** 32 bits at a time, fast enough for gigabytes (xorshift32). */
function random(/** @type {number} */ seed) {
  let state = (seed * 2654435761) >>> 0 || 1;
  return (/** @type {Uint32Array} */ words) => {
    for (let i = 0; i < words.length; i++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      words[i] = state;
    }
  };
}

const text = (/** @type {string} */ value) => {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
};
const u32 = (/** @type {number} */ value) => Buffer.from(Uint32Array.of(value).buffer);
const u64 = (/** @type {number} */ value) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
const f32 = (/** @type {number} */ value) => Buffer.from(Float32Array.of(value).buffer);
const pair = {
  u32: (/** @type {string} */ key, /** @type {number} */ value) => Buffer.concat([text(key), u32(4), u32(value)]),
  u16: (/** @type {string} */ key, /** @type {number} */ value) => Buffer.concat([text(key), u32(2), Buffer.from(Uint16Array.of(value).buffer)]),
  f32: (/** @type {string} */ key, /** @type {number} */ value) => Buffer.concat([text(key), u32(6), f32(value)]),
  text: (/** @type {string} */ key, /** @type {string} */ value) => Buffer.concat([text(key), u32(8), text(value)]),
  texts: (/** @type {string} */ key, /** @type {string[]} */ values) => Buffer.concat([text(key), u32(9), u32(8), u64(values.length), ...values.map(text)]),
  f32s: (/** @type {string} */ key, /** @type {number[]} */ values) =>
    Buffer.concat([text(key), u32(9), u32(6), u64(values.length), Buffer.from(Float32Array.from(values).buffer)]),
  i32s: (/** @type {string} */ key, /** @type {number[]} */ values) =>
    Buffer.concat([text(key), u32(9), u32(5), u64(values.length), Buffer.from(Int32Array.from(values).buffer)]),
};

/** A vocabulary in SentencePiece's manner: bytes, letters, and pieces that no text is cut into. */
function vocabulary(/** @type {number} */ size) {
  const bytes = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, '0')}>`);
  const letters = [...'▁etaoinshrdlucmfwypvbgkjqxzETAOINSHRDLUCMFWYPVBGKJQXZ.,!?\'"0123456789-:;'];
  const tokens = ['<unk>', '<s>', '</s>', ...bytes, ...letters];
  if (size < tokens.length) throw new Error(`A vocabulary of ${size} is too small; at least ${tokens.length} are needed.`);
  while (tokens.length < size) tokens.push(`▁piece${tokens.length}`);
  return {
    tokens,
    scores: tokens.map((_, i) => (i < 259 ? 0 : -i)),
    types: tokens.map((_, i) => (i === 0 ? 2 : i < 3 ? 3 : i < 259 ? 6 : 1)), // unknown, control, byte, normal
  };
}

/** The tensors in the order in which llama.cpp's converter writes them. */
function tensorsOf(/** @type {Required<Options>} */ { layers, dim, ff, heads, kvHeads, headDim, vocab, type, embeddingType, untied, experts }) {
  const queries = headDim * heads;
  const kv = headDim * kvHeads;
  const feedForward = (/** @type {number} */ i) =>
    experts
      ? [
          { name: `blk.${i}.ffn_down_exps.weight`, shape: [ff, dim, experts], type },
          { name: `blk.${i}.ffn_gate_exps.weight`, shape: [dim, ff, experts], type },
          { name: `blk.${i}.ffn_up_exps.weight`, shape: [dim, ff, experts], type },
          { name: `blk.${i}.ffn_gate_inp.weight`, shape: [dim, experts], type: 'F32' },
          { name: `blk.${i}.exp_probs_b.bias`, shape: [experts], type: 'F32' },
        ]
      : [
          { name: `blk.${i}.ffn_down.weight`, shape: [ff, dim], type },
          { name: `blk.${i}.ffn_gate.weight`, shape: [dim, ff], type },
          { name: `blk.${i}.ffn_up.weight`, shape: [dim, ff], type },
        ];
  const layer = (/** @type {number} */ i) => [
    { name: `blk.${i}.attn_norm.weight`, shape: [dim], type: 'F32' },
    ...feedForward(i),
    { name: `blk.${i}.ffn_norm.weight`, shape: [dim], type: 'F32' },
    { name: `blk.${i}.attn_k.weight`, shape: [dim, kv], type },
    { name: `blk.${i}.attn_output.weight`, shape: [queries, dim], type },
    { name: `blk.${i}.attn_q.weight`, shape: [dim, queries], type },
    { name: `blk.${i}.attn_v.weight`, shape: [dim, kv], type },
  ];
  return [
    { name: 'token_embd.weight', shape: [dim, vocab], type: embeddingType },
    ...Array.from({ length: layers }, (_, i) => layer(i)).flat(),
    { name: 'output_norm.weight', shape: [dim], type: 'F32' },
    ...(untied ? [{ name: 'output.weight', shape: [dim, vocab], type: embeddingType }] : []),
  ];
}

/**
 * Writes the model and gives the paths of its files (several if `parts` says so) and their bytes in all.
 * @param {Options} options
 */
export async function makeModel(options) {
  const given = {
    layers: 4,
    dim: 256,
    ff: 768,
    heads: 4,
    kvHeads: 2,
    vocab: 512,
    context: 2048,
    type: 'Q4_0',
    embeddingType: 'Q8_0',
    untied: false,
    seed: 1,
    parts: 1,
    name: 'Random',
    headerOnly: false,
    sparse: false,
    experts: 0,
    used: 2,
    skew: 1,
    ...options,
  };
  const shaped = { headDim: given.dim / given.heads, ...given };
  const tensors = tensorsOf(shaped).map((tensor) => {
    const type = types[/** @type {keyof typeof types} */ (tensor.type)];
    if (!type) throw new Error(`${tensor.type} is not made here; made are ${Object.keys(types).join(', ')}.`);
    if (tensor.shape[0] % type.weights !== 0)
      throw new Error(`${tensor.name} has rows of ${tensor.shape[0]} weights; ${tensor.type} needs a multiple of ${type.weights}.`);
    return { ...tensor, made: type, byteLength: (tensor.shape.reduce((a, b) => a * b, 1) / type.weights) * type.bytes };
  });
  const each = Math.ceil(tensors.length / given.parts);
  const paths = [];
  let byteLength = 0;
  for (let part = 0; part < given.parts; part++) {
    const number = (/** @type {number} */ n) => String(n).padStart(5, '0');
    const path = given.parts === 1 ? given.out : given.out.replace(/\.gguf$/, `-${number(part + 1)}-of-${number(given.parts)}.gguf`);
    const split = given.parts === 1 ? [] : [pair.u16('split.no', part), pair.u16('split.count', given.parts), pair.u32('split.tensors.count', tensors.length)];
    const pairs = part === 0 ? [...metadata(shaped), ...split] : split;
    byteLength += await writeFile(
      path,
      pairs,
      tensors.slice(part * each, (part + 1) * each),
      given.seed + part,
      given.sparse ? 'hole' : given.headerOnly ? 'none' : 'random',
      given.skew,
    );
    paths.push(path);
  }
  return { paths, byteLength };
}

function metadata(/** @type {Required<Options>} */ { name, layers, dim, ff, heads, kvHeads, headDim, vocab, context, experts, used }) {
  const architecture = experts ? 'ernie4_5-moe' : 'llama';
  const { tokens, scores, types: tokenTypes } = vocabulary(vocab);
  return [
    pair.text('general.architecture', architecture),
    pair.text('general.name', name),
    pair.u32(`${architecture}.block_count`, layers),
    pair.u32(`${architecture}.context_length`, context),
    pair.u32(`${architecture}.embedding_length`, dim),
    pair.u32(`${architecture}.feed_forward_length`, ff),
    pair.u32(`${architecture}.attention.head_count`, heads),
    pair.u32(`${architecture}.attention.head_count_kv`, kvHeads),
    ...(headDim === dim / heads ? [] : ['key', 'value'].map((which) => pair.u32(`${architecture}.attention.${which}_length`, headDim))),
    pair.u32(`${architecture}.rope.dimension_count`, headDim),
    pair.f32(`${architecture}.attention.layer_norm_rms_epsilon`, 1e-5),
    pair.u32(`${architecture}.vocab_size`, vocab),
    ...(experts ? mixture(architecture, experts, used, ff) : []),
    pair.text('tokenizer.ggml.model', 'llama'),
    pair.texts('tokenizer.ggml.tokens', tokens),
    pair.f32s('tokenizer.ggml.scores', scores),
    pair.i32s('tokenizer.ggml.token_type', tokenTypes),
    pair.u32('tokenizer.ggml.bos_token_id', 1),
    pair.u32('tokenizer.ggml.eos_token_id', 2),
    pair.u32('tokenizer.ggml.unknown_token_id', 0),
  ];
}

const mixture = (/** @type {string} */ architecture, /** @type {number} */ experts, /** @type {number} */ used, /** @type {number} */ ff) => [
  pair.u32(`${architecture}.expert_count`, experts),
  pair.u32(`${architecture}.expert_used_count`, used),
  pair.u32(`${architecture}.expert_feed_forward_length`, ff),
  pair.u32(`${architecture}.leading_dense_block_count`, 0),
  pair.u32(`${architecture}.interleave_moe_layer_step`, 1),
];

/**
 * @param {string} path
 * @param {Buffer[]} pairs
 * @param {{ name: string, shape: number[], made: typeof types.F32, type: string, byteLength: number }[]} tensors
 * @param {number} seed
 * @param {'random' | 'hole' | 'none'} weights
 * @param {number} skew
 */
async function writeFile(path, pairs, tensors, seed, weights, skew) {
  const align = (/** @type {number} */ bytes) => Math.ceil(bytes / 32) * 32;
  let offset = 0;
  const table = tensors.map(({ name, shape, made, byteLength }) => {
    const row = Buffer.concat([text(name), u32(shape.length), ...shape.map(u64), u32(made.number), u64(offset)]);
    offset = align(offset + byteLength);
    return row;
  });
  const header = Buffer.concat([Buffer.from('GGUF'), u32(3), u64(tensors.length), u64(pairs.length), ...pairs, ...table]);
  const file = createWriteStream(path);
  const write = async (/** @type {Uint8Array} */ bytes) => {
    if (!file.write(bytes)) await once(file, 'drain');
  };
  await write(Buffer.concat([header, Buffer.alloc(align(header.length) - header.length)]));
  const fill = random(seed);
  for (const { made, shape, byteLength, name } of weights === 'random' ? tensors : []) {
    const ones = name.includes('norm'); // a norm of random sign would be no model
    const liking = name.includes('exp_probs_b'); // beside scores of about 1 / experts: of few experts much, of most little
    const pieceBytes = Math.floor(2 ** 20 / made.bytes / 4) * made.bytes * 4; // whole blocks and whole words
    for (let done = 0; done < byteLength; done += pieceBytes) {
      const length = Math.min(pieceBytes, byteLength - done);
      const words = new Uint32Array(Math.ceil(length / 4));
      fill(words);
      const view = new DataView(words.buffer);
      for (let at = 0; at < length; at += made.bytes) {
        if (ones) view.setFloat32(at, 1 + 0.1 * uniform(view, at), true);
        else if (liking) view.setFloat32(at, (-skew / shape[0]) * Math.log((1.0001 + uniform(view, at)) / 2.0001), true);
        else made.mend(view, at, shape[0]);
      }
      await write(new Uint8Array(words.buffer, 0, length));
    }
    await write(Buffer.alloc(align(byteLength) - byteLength));
  }
  file.end();
  await once(file, 'close');
  if (weights !== 'hole') return file.bytesWritten;
  await truncate(path, file.bytesWritten + offset);
  return file.bytesWritten + offset;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const number = /** @type {const} */ ({ type: 'string' });
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      layers: number,
      dim: number,
      ff: number,
      heads: number,
      'kv-heads': number,
      'head-dim': number,
      vocab: number,
      context: number,
      seed: number,
      parts: number,
      type: { type: 'string' },
      'embedding-type': { type: 'string' },
      untied: { type: 'boolean' },
      sparse: { type: 'boolean' },
      experts: number,
      used: number,
      skew: number,
      name: { type: 'string' },
    },
  });
  if (positionals.length !== 1) throw new Error('Name the file to write: node scripts/make-model.mjs OUT.gguf [options]');
  const entries = Object.entries(values).map(([key, value]) => [
    key.replace(/-(.)/g, (_, letter) => letter.toUpperCase()),
    typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value,
  ]);
  const { paths, byteLength } = await makeModel({ out: positionals[0], ...Object.fromEntries(entries) });
  console.log(`${paths.join('\n')}\n${byteLength} bytes`);
}
