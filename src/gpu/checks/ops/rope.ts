// Checks of rope: queries rotated, keys and values written to pages in every format.
import { type KvFormat } from '../../../kv/formats/format.ts';
import { type RopeSpec } from '../../../model/graph.ts';
import { type KernelChoice } from '../../../model/kernel-choice.ts';
import { type Rope, rope as ropeOp } from '../../../model/ops/rope.ts';
import { ropeFrequencies } from '../../../model/rope.ts';
import { rmsNorm } from '../../../reference/rms-norm.ts';
import { rotate } from '../../../reference/rope.ts';
import { type Case, type Check, type Outcome } from '../check.ts';
import { decodeChoice } from '../choice.ts';
import { type Heads, concat, f32, kvs, nameOfHeads } from '../heads.ts';
import { type OperationChecks } from '../operation-checks.ts';
import { unpackPages } from '../pages.ts';
import { normals, random } from '../random.ts';
import { type Tensor, withStage } from '../workbench.ts';

interface Roped extends Heads {
  rope: RopeSpec;
  norm: boolean;
  position: number;
  tokens: number;
  /** Row of the activations that the step begins at, and position of the first fresh slot. Default 0. */
  first?: number;
  base?: number;
}

function ropeCase(given: Roped, choice: KernelChoice, kv: KvFormat): Case {
  const { heads, kvHeads, headDim, rope, norm, position, tokens, first = 0, base = 0 } = given;
  const turned = `${rope.dims} ${rope.layout}${norm ? ', normed' : ''}`;
  const rows = `${tokens} tokens from ${position}${base ? ` after ${base}` : ''}${first ? `, row ${first}` : ''}`;
  const label = `${nameOfHeads(given)}, ${turned}, ${rows}`;
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
      const shape = { kvHeads, headDim, kv };
      const [query, keys, values] = await withStage(
        bench,
        { config: { heads, kvHeads, headDim }, rope, choice, kv, tensors, op, tokens, position, first, base },
        async (stage) => {
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
          const pages = await stage.readBytes(stage.segments[0], stage.segments[0].size);
          const written = (what: 'keys' | 'values') => unpackPages(shape, what, pages, position - base + tokens).subarray((position - base) * widths.key);
          return [unpadHeads(padded, headDim), written('keys'), written('values')];
        },
      );
      const rotation = { layout: rope.layout, frequencies: ropeFrequencies(rope), magnitude: rope.magnitude };
      const turned = (x: Float32Array, count: number, weight: Float32Array) => rotate(norm ? rmsNorm(x, weight, 1e-5) : x, count, headDim, position, rotation);
      const expected = [turned(parts.query, heads, norms.query), turned(parts.key, kvHeads, norms.key), parts.value];
      const scale = expected.map((numbers) => headSizes(numbers, headDim));
      scale[0] = scale[0].map((size) => (size * ropeTolerance(f32)) / ropeTolerance(kv)); // queries are not kept
      return { found: concat([query, keys, values]), expected: concat(expected), scale: concat(scale) };
    },
  };
}

/** (tokens, heads, headDim) without the padding of heads to a multiple of 4. */
const unpadHeads = (padded: Float32Array, headDim: number): Float32Array => padded.filter((_, i) => i % (Math.ceil(headDim / 4) * 4) < headDim);

/** For every number, the largest of its head. */
const headSizes = (numbers: Float32Array, headDim: number): Float32Array =>
  numbers.map((_, i) => {
    const start = i - (i % headDim);
    return numbers.subarray(start, start + headDim).reduce((most, value) => Math.max(most, Math.abs(value)), 1e-30);
  });

/** A few roundings of angles and products, or what the format rounds. */
const ropeTolerance = ({ rounding }: KvFormat): number => Math.max(2e-6, rounding);

const ropeOf = (dims: number, layout: RopeSpec['layout'], magnitude = 1): RopeSpec => ({ dims, layout, base: 10000, scale: 1, magnitude });

const roped: Roped[] = (['pairs', 'halves'] as const).flatMap((layout) => [
  { heads: 1, kvHeads: 1, headDim: 8, rope: ropeOf(8, layout), norm: false, position: 0, tokens: 1 },
  { heads: 3, kvHeads: 1, headDim: 64, rope: ropeOf(64, layout), norm: true, position: 250, tokens: 13, first: 2, base: 96 },
  { heads: 4, kvHeads: 2, headDim: 80, rope: ropeOf(32, layout), norm: false, position: 255, tokens: 2 },
  { heads: 2, kvHeads: 2, headDim: 6, rope: ropeOf(4, layout), norm: true, position: 31, tokens: 3 },
  { heads: 8, kvHeads: 1, headDim: 96, rope: ropeOf(96, layout, 1.19), norm: false, position: 4999, tokens: 1 },
  { heads: 2, kvHeads: 1, headDim: 256, rope: ropeOf(256, layout), norm: true, position: 700, tokens: 65 },
]);

const ropeChecks = (): Check[] =>
  kvs.flatMap((kv) =>
    (['pairs', 'halves'] as const).map((layout) => ({
      name: `rope by ${layout}, ${kv.name}`, tolerance: ropeTolerance(kv), choice: { kv: kv.name },
      cases: roped.filter(({ rope }) => rope.layout === layout).map((each) => ropeCase(each, decodeChoice({}), kv)),
    })),
  );

export const checks: OperationChecks<Rope> = {
  all: ropeChecks,
  of({ graph: { config, ropes }, choice, kv }, op) {
    const { heads, kvHeads, headDim } = config;
    const rope = { ...ropes[op.rope], factors: undefined };
    const norm = op.queryNorm !== undefined;
    const roped = { heads, kvHeads, headDim, rope, norm, position: 250, tokens: 9 };
    const name = `rope of ${rope.dims} by ${rope.layout}, ${nameOfHeads(roped)} in ${kv.name}${norm ? ', normed' : ''}`;
    return [{ name, tolerance: ropeTolerance(kv), choice: { kv: kv.name }, cases: [ropeCase(roped, choice, kv)] }];
  },
};
