// Checks of rope and of attention, of many rows and of one, over a cache in f32, f16 and 8 bits.
import { type RopeSpec } from '../../model/graph.ts';
import { attend } from '../../model/ops/attend.ts';
import { rope as ropeOp } from '../../model/ops/rope.ts';
import { lanesOf } from '../../model/products.ts';
import { type AttentionChoice, type Mode, type KernelChoice, attentions, plainAttention, usualAttention } from '../../model/kernel-choice.ts';
import { ropeFrequencies } from '../../model/rope.ts';
import { type KvType } from '../../protocol.ts';
import { attention } from '../../reference/attention.ts';
import { rmsNorm } from '../../reference/rms-norm.ts';
import { rotate } from '../../reference/rope.ts';
import { packCache, stored, unpackCache } from './cache.ts';
import { type Case, type Check, type Outcome } from './check.ts';
import { decodeChoice } from './project.ts';
import { normals, random } from './random.ts';
import { type Tensor, withStage } from './workbench.ts';

export interface Heads {
  heads: number;
  kvHeads: number;
  headDim: number;
}

const name = ({ heads, kvHeads, headDim }: Heads) => `${heads}/${kvHeads} heads of ${headDim}`;
const caches = ['f32', 'f16', 'q8'] as const;

export interface Roped extends Heads {
  rope: RopeSpec;
  norm: boolean;
  position: number;
  tokens: number;
}

export function ropeCase(given: Roped, choice: KernelChoice): Case {
  const { heads, kvHeads, headDim, rope, norm, position, tokens } = given;
  const label = `${name(given)}, ${rope.dims} ${rope.layout}${norm ? ', normed' : ''}, ${tokens} tokens from ${position}`;
  return {
    name: label,
    async run(bench): Promise<Outcome> {
      const next = random(label);
      const widths = { query: heads * headDim, key: kvHeads * headDim };
      const parts = { query: normals(next, tokens * widths.query), key: normals(next, tokens * widths.key), value: normals(next, tokens * widths.key) };
      const norms = { query: normals(next, headDim), key: normals(next, headDim) };
      const tensors: Record<string, Tensor> = {};
      if (norm) for (const [which, weight] of Object.entries(norms)) tensors[which] = { type: 'F32', shape: [headDim], bytes: new Uint8Array(weight.buffer) };
      const op = ropeOp({ layer: 0, rope: 0, ...(norm ? { queryNorm: 'query', keyNorm: 'key' } : {}) });
      const shape = { kvHeads, headDim, cache: choice.cache };
      const [query, keys, values] = await withStage(bench, { config: { heads, kvHeads, headDim }, rope, choice, tensors, op, tokens, position }, async (stage) => {
        const width = widths.query + 2 * widths.key;
        const qkv = new Float32Array(tokens * width);
        for (let t = 0; t < tokens; t++) {
          qkv.set(parts.query.subarray(t * widths.query, (t + 1) * widths.query), t * width);
          qkv.set(parts.key.subarray(t * widths.key, (t + 1) * widths.key), t * width + widths.query);
          qkv.set(parts.value.subarray(t * widths.key, (t + 1) * widths.key), t * width + widths.query + widths.key);
        }
        stage.write('qkv', qkv, width);
        await stage.run(stage.dispatches);
        const padded = await stage.read('query', tokens, stage.activations.strides.query);
        const cached = async (what: 'keys' | 'values') => unpackCache(shape, what, await stage.readBytes(stage[what], stage[what].size), position + tokens).subarray(position * widths.key);
        return [unpadHeads(padded, headDim), await cached('keys'), await cached('values')];
      });
      const rotation = { layout: rope.layout, frequencies: ropeFrequencies(rope), magnitude: rope.magnitude };
      const turned = (x: Float32Array, count: number, weight: Float32Array) => rotate(norm ? rmsNorm(x, weight, 1e-5) : x, count, headDim, position, rotation);
      const expected = [turned(parts.query, heads, norms.query), turned(parts.key, kvHeads, norms.key), parts.value];
      const scale = expected.map((numbers) => headSizes(numbers, headDim));
      scale[0] = scale[0].map((size) => (size * ropeTolerance.f32) / ropeTolerance[choice.cache]); // queries are not cached
      return { found: concat([query, keys, values]), expected: concat(expected), scale: concat(scale) };
    },
  };
}

const concat = (parts: Float32Array[]): Float32Array => Float32Array.from(parts.flatMap((part) => [...part]));

/** (tokens, heads, headDim) without the padding of heads to a multiple of 4. */
const unpadHeads = (padded: Float32Array, headDim: number): Float32Array => padded.filter((_, i) => i % (Math.ceil(headDim / 4) * 4) < headDim);

/** For every number, the largest of its head. */
const headSizes = (numbers: Float32Array, headDim: number): Float32Array =>
  numbers.map((_, i) => {
    const start = i - (i % headDim);
    return numbers.subarray(start, start + headDim).reduce((most, value) => Math.max(most, Math.abs(value)), 1e-30);
  });

/** f32: a few roundings of angles and products. f16: one rounding, by 2^-10 where a GPU rounds toward zero. q8: half a step. */
export const ropeTolerance: Record<KvType, number> = { f32: 2e-6, f16: 2 ** -10, q8: 0.501 / 127 };

const ropeOf = (dims: number, layout: RopeSpec['layout'], magnitude = 1): RopeSpec => ({ dims, layout, base: 10000, scale: 1, magnitude });

const roped: Roped[] = (['pairs', 'halves'] as const).flatMap((layout) => [
  { heads: 1, kvHeads: 1, headDim: 8, rope: ropeOf(8, layout), norm: false, position: 0, tokens: 1 },
  { heads: 3, kvHeads: 1, headDim: 64, rope: ropeOf(64, layout), norm: true, position: 250, tokens: 13 },
  { heads: 4, kvHeads: 2, headDim: 80, rope: ropeOf(32, layout), norm: false, position: 255, tokens: 2 },
  { heads: 2, kvHeads: 2, headDim: 6, rope: ropeOf(4, layout), norm: true, position: 31, tokens: 3 },
  { heads: 8, kvHeads: 1, headDim: 96, rope: ropeOf(96, layout, 1.19), norm: false, position: 4999, tokens: 1 },
  { heads: 2, kvHeads: 1, headDim: 256, rope: ropeOf(256, layout), norm: true, position: 700, tokens: 65 },
]);

const ropeChecks = (): Check[] =>
  caches.flatMap((cache) =>
    (['pairs', 'halves'] as const).map((layout) => ({
      name: `rope by ${layout}, cache ${cache}`, tolerance: ropeTolerance[cache], choice: { cache },
      cases: roped.filter(({ rope }) => rope.layout === layout).map((each) => ropeCase(each, decodeChoice({ cache }))),
    })),
  );

export interface Attended extends Heads {
  /** Positions seen by the last row. */
  length: number;
  tokens: number;
  window?: number;
  scale?: number;
  /** Scores are this many times as far apart. */
  sharpness?: number;
}

export function attendCase(given: Attended, mode: Mode, choice: KernelChoice): Case {
  const { heads, kvHeads, headDim, length, tokens, window, scale = headDim ** -0.5, sharpness = 1 } = given;
  const label = `${name(given)}, ${tokens} tokens up to ${length}${window ? `, window ${window}` : ''}${sharpness > 1 ? ', sharp' : ''}`;
  return {
    name: label,
    async run(bench): Promise<Outcome> {
      const next = random(label);
      const shape = { kvHeads, headDim, cache: choice.cache };
      const position = length - tokens;
      const queries = normals(next, tokens * heads * headDim, sharpness);
      const keys = stored(shape, normals(next, length * kvHeads * headDim));
      const values = stored(shape, normals(next, length * kvHeads * headDim));
      const op = attend({ layer: 0, scale, window });
      const found = await withStage(bench, { config: { heads, kvHeads, headDim }, choice, op, mode, tokens, position }, async (stage) => {
        const { queue } = bench.gpu.device;
        const vec4s = Math.ceil(headDim / 4);
        const padded = new Float32Array(tokens * heads * vec4s * 4);
        queries.forEach((value, i) => (padded[Math.floor(i / headDim) * vec4s * 4 + (i % headDim)] = value));
        stage.write('query', padded, heads * vec4s * 4);
        // Behind the last position lies what an earlier, longer text may have left.
        queue.writeBuffer(stage.keys, 0, packCache(shape, 'keys', keys, stage.keys.size, 50));
        queue.writeBuffer(stage.values, 0, packCache(shape, 'values', values, stage.values.size, -30));
        await stage.run(stage.dispatches);
        return stage.read('attended', tokens, heads * headDim);
      });
      const expected = attention({ queries, keys, values, heads, kvHeads, headDim, position, scale, window });
      // A result is a mean of values: it is as exact as the scores, whose size grows with sharpness.
      return { found, expected, scale: new Float32Array(found.length).fill(sharpness) };
    },
  };
}

/** exp of a score off by 2^-21 of up to some dozens, times values of size 1. */
export const attendTolerance = 1e-5;

const headDims = [8, 64, 80, 96, 128, 256];
const groupings = [[2, 2], [3, 1], [8, 2], [7, 1], [9, 1]];
const lengths = [1, 31, 32, 33, 129, 300];
const windows = [undefined, 5, 32, 100];

/** Each of the group sizes with every length; windows go round. */
const decoded = (headDim: number, groups: number[][]): Attended[] =>
  groups.flatMap(([heads, kvHeads], g) =>
    lengths.map((length, l) => ({ heads, kvHeads, headDim, length, tokens: 1, window: windows[(g + l) % 4], sharpness: (g + l) % 5 === 4 ? 8 : 1 })));

/** Every length once as a whole prompt, once as the end of one; group sizes and windows go round. */
const prefilled = (headDim: number): Attended[] =>
  lengths.flatMap((length, l) =>
    [length, Math.min(length, 1 + 9 * (l % 4))].map((tokens, k) => {
      const [heads, kvHeads] = groupings[(l + 2 * k) % groupings.length];
      return { heads: tokens > 129 ? 3 : heads, kvHeads: tokens > 129 ? 1 : kvHeads, headDim, length, tokens, window: windows[(l + k) % 4], sharpness: l % 5 === 4 ? 8 : 1 };
    }));

const kernels = { decode: 'attention-decode', prefill: 'attention' };

const attendCheck = (mode: Mode, headDim: number, cache: KernelChoice['cache'], cases: Attended[], attention = usualAttention): Check => ({
  name: `${kernels[mode]}, heads of ${headDim}, cache ${cache}`, tolerance: attendTolerance, choice: { cache },
  cases: cases.map((each) => attendCase(each, mode, decodeChoice({ cache, ...attention }))),
});

/** Keys and values that some threads of a subgroup read together. */
const sharedCheck = (prefill: 'broadcast4' | 'broadcast8', headDim: number, cache: KernelChoice['cache']): Check => ({
  name: `attention by ${lanesOf(prefill)}, heads of ${headDim}, cache ${cache}`, tolerance: attendTolerance, choice: { prefill },
  cases: prefilled(headDim).map((each) => attendCase(each, 'prefill', decodeChoice({ cache, prefill }))),
});

/** A split, one more position, several splits, with and without a window; so many heads in a group that there is no room for the largest span. */
const spanCheck = ({ span, threads }: AttentionChoice): Check => ({
  name: `attention-decode by ${span} in ${threads}`, tolerance: attendTolerance, choice: { span, threads },
  cases: [span, span + 1, 1100, 600].map((length, l) =>
    attendCase({ heads: l === 3 && span === 512 ? 8 : 3, kvHeads: 1, headDim: 64, length, tokens: 1, window: [undefined, 700, 100, undefined][l] }, 'decode', decodeChoice({ span, threads }))),
});

/** All group sizes, and prefill in all caches, for one size of heads, then in turns: Mesa compiles these kernels for seconds. */
const attendChecks = (): Check[] =>
  headDims.flatMap((headDim, i) => [
    ...caches.map((cache, c) => attendCheck('decode', headDim, cache, decoded(headDim, i === 0 ? groupings : [0, 2].map((n) => groupings[(i + c + n) % groupings.length])), [usualAttention, plainAttention][(i + c) % 2])),
    ...(i === 0 ? caches : [caches[i % 3]]).map((cache) => attendCheck('prefill', headDim, cache, prefilled(headDim))),
    ...(i < 3 ? [sharedCheck(i % 2 ? 'broadcast8' : 'broadcast4', headDim, caches[(i + 1) % 3])] : []),
  ]);

export const attentionChecks = (): Check[] => [...ropeChecks(), ...attendChecks(), ...attentions.filter((each) => each !== usualAttention).map(spanCheck)];
