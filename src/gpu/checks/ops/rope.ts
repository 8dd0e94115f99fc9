// Checks of rope: queries rotated, keys and values written to pages in every format.
import { type KvFormat } from '../../../kv/formats/format.ts';
import { type RopeSpec } from '../../../model/graph.ts';
import { type KernelChoice } from '../../../model/choices/kernel-choice.ts';
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
import { ropeOf } from '../turned.ts';
import { type Tensor, withStage } from '../workbench.ts';

interface Roped extends Heads {
  /** Undefined: no rotation. */
  rope?: RopeSpec;
  norm: boolean;
  how?: Pick<Rope, 'normOf' | 'order' | 'temperature' | 'valueNorm' | 'queriesOnly'>;
  position: number;
  tokens: number;
  /** Row of the activations that the step begins at. Default 0. */
  first?: number;
  /** Position of the first fresh slot; above 0 a set has the slots before it, and the fresh ones are a ring. Default 0. */
  base?: number;
}

function ropeCase(given: Roped, choice: KernelChoice, kv: KvFormat): Case {
  const { heads, kvHeads, headDim, rope, norm, how = {}, position, tokens, first = 0, base = 0 } = given;
  const turned = nameOfTurn(given);
  const rows = `${tokens} tokens from ${position}${base ? ` after ${base}` : ''}${first ? `, row ${first}` : ''}`;
  const label = `${nameOfHeads(given)}, ${turned}, ${rows}`;
  return {
    name: label,
    async run(bench): Promise<Outcome> {
      const next = random(label);
      const widths = { query: heads * headDim, key: kvHeads * headDim };
      const parts = { query: normals(next, tokens * widths.query), key: normals(next, tokens * widths.key), value: normals(next, tokens * widths.key) };
      const normed = (count: number) => (how.normOf === 'all' ? count : 1) * headDim;
      const norms = { query: normals(next, normed(heads)), key: normals(next, normed(kvHeads)) };
      const tensors: Record<string, Tensor> = {};
      const tensorOf = (weight: Float32Array<ArrayBuffer>): Tensor => ({ type: 'F32', shape: [weight.length], bytes: new Uint8Array(weight.buffer) });
      if (norm) for (const [which, weight] of Object.entries(norms)) tensors[which] = tensorOf(weight);
      const op = ropeOp({ layer: 0, rope: rope && 0, ...how, ...(norm ? { queryNorm: 'query', keyNorm: 'key' } : {}) });
      const shape = { kvHeads, headDim, kv };
      const sets = base ? [{ kv, slots: Array<number>(kvHeads).fill(base) }] : [];
      const [queries, keys, values] = await withStage(
        bench,
        { config: { heads, kvHeads, headDim }, rope, choice, kv, tensors, op, tokens, position, first, base, sets },
        async (stage) => {
          const width = widths.query + (how.queriesOnly ? 0 : 2 * widths.key);
          const qkv = new Float32Array(tokens * width);
          for (let t = 0; t < tokens; t++) {
            qkv.set(parts.query.subarray(t * widths.query, (t + 1) * widths.query), t * width);
            if (how.queriesOnly) continue;
            qkv.set(parts.key.subarray(t * widths.key, (t + 1) * widths.key), t * width + widths.query);
            qkv.set(parts.value.subarray(t * widths.key, (t + 1) * widths.key), t * width + widths.query + widths.key);
          }
          stage.write('qkv', qkv, width);
          await stage.run(stage.dispatches);
          const padded = await stage.read('query', tokens, stage.activations.strides.query);
          const fresh = stage.segments.at(-1)!;
          const pages = await stage.readBytes(fresh, fresh.size);
          const rings = Math.floor(fresh.size / (4 * kvHeads * kv.words(headDim)));
          const pageOf = (index: number, head: number) => (index % rings) * kvHeads + head;
          const written = (what: 'keys' | 'values') => unpackPages(shape, what, pages, position + tokens, pageOf).subarray(position * widths.key);
          return [unpadHeads(padded, headDim), written('keys'), written('values')];
        },
      );
      const rotated = (x: Float32Array, count: number) =>
        rope ? rotate(x, count, headDim, position, { layout: rope.layout, frequencies: ropeFrequencies(rope), magnitude: rope.magnitude }) : x;
      const made = (x: Float32Array, count: number, weight: Float32Array) => {
        if (!norm) return rotated(x, count);
        return how.order === 'rotate-norm' ? rmsNorm(rotated(x, count), weight, 1e-5) : rotated(rmsNorm(x, weight, 1e-5), count);
      };
      const { scale: grows, period } = how.temperature ?? { scale: 0, period: 1 };
      const growth = (t: number) => 1 + grows * Math.log(1 + Math.floor((position + t) / period));
      const query = made(parts.query, heads, norms.query).map((value, i) => value * growth(Math.floor(i / widths.query)));
      const value = how.valueNorm ? rmsNorm(parts.value, new Float32Array(headDim).fill(1), 1e-5) : parts.value;
      const none = (numbers: Float32Array) => (how.queriesOnly ? numbers.map(() => 0) : numbers); // nothing is written then
      const expected = [query, none(made(parts.key, kvHeads, norms.key)), none(value)];
      const scale = expected.map((numbers) => headSizes(numbers, headDim));
      scale[0] = scale[0].map((size) => (size * ropeTolerance(f32)) / ropeTolerance(kv)); // queries are not kept
      return { found: concat([queries, keys, values]), expected: concat(expected), scale: concat(scale) };
    },
  };
}

const nameOfTurn = ({ rope, norm, how = {} }: Pick<Roped, 'rope' | 'norm' | 'how'>): string => {
  const { normOf = 'head', order, temperature, valueNorm, queriesOnly } = how;
  const normed = norm ? [`normed${order === 'rotate-norm' ? ' after' : ''}${normOf === 'all' ? ' over all heads' : ''}`] : [];
  const growing = temperature ? [`queries growing by ${temperature.scale} from ${temperature.period}`] : [];
  return [
    rope ? `${rope.dims} ${rope.layout}` : 'not turned', ...normed, ...growing,
    ...(valueNorm ? ['values normed'] : []), ...(queriesOnly ? ['queries alone'] : []),
  ].join(', ');
};

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

const roped: Roped[] = (['pairs', 'halves'] as const).flatMap((layout) => [
  { heads: 1, kvHeads: 1, headDim: 8, rope: ropeOf(8, layout), norm: false, position: 0, tokens: 1 },
  { heads: 3, kvHeads: 1, headDim: 64, rope: ropeOf(64, layout), norm: true, position: 250, tokens: 13, first: 2, base: 96 },
  { heads: 3, kvHeads: 2, headDim: 64, rope: ropeOf(64, layout), norm: false, position: 506, tokens: 13, base: 384 },
  { heads: 4, kvHeads: 2, headDim: 80, rope: ropeOf(32, layout), norm: false, position: 255, tokens: 2 },
  { heads: 2, kvHeads: 2, headDim: 6, rope: ropeOf(4, layout), norm: true, position: 31, tokens: 3 },
  { heads: 8, kvHeads: 1, headDim: 96, rope: ropeOf(96, layout, 1.19), norm: false, position: 4999, tokens: 1 },
  { heads: 2, kvHeads: 1, headDim: 256, rope: ropeOf(256, layout), norm: true, position: 700, tokens: 65 },
]);

/** What some families do otherwise: each once with the plain rest. */
const unusual: Roped[] = [
  { heads: 3, kvHeads: 1, headDim: 64, norm: false, position: 40, tokens: 3 },
  { heads: 4, kvHeads: 2, headDim: 80, norm: true, position: 40, tokens: 3 },
  { heads: 3, kvHeads: 1, headDim: 64, rope: ropeOf(64, 'halves'), norm: true, how: { queriesOnly: true }, position: 40, tokens: 3 },
  { heads: 2, kvHeads: 2, headDim: 32, rope: ropeOf(32, 'halves'), norm: true, how: { valueNorm: true }, position: 40, tokens: 3 },
  { heads: 2, kvHeads: 1, headDim: 512, rope: ropeOf(512, 'halves'), norm: true, how: { valueNorm: true }, position: 40, tokens: 3 },
  ...[[4, 2, 64], [5, 1, 80], [1, 1, 6]].flatMap(([heads, kvHeads, headDim], i): Roped[] => {
    const given = { heads, kvHeads, headDim, rope: ropeOf(headDim, i % 2 ? 'pairs' : 'halves'), position: 61, tokens: 5, first: i };
    return [
      { ...given, norm: true, how: { normOf: 'all' } },
      { ...given, norm: true, rope: ropeOf(headDim - 2, 'pairs'), how: { order: 'rotate-norm' } },
      { ...given, norm: false, how: { temperature: { scale: 0.1, period: 16 } } },
    ];
  }),
];

const unusualChecks = (): Check[] => [
  { name: 'rope of some families', tolerance: ropeTolerance(f32), choice: {}, cases: unusual.map((each) => ropeCase(each, decodeChoice({}), f32)) },
];

const ropeChecks = (): Check[] => [...usualChecks(), ...unusualChecks()];

const usualChecks = (): Check[] =>
  kvs.flatMap((kv) =>
    (['pairs', 'halves'] as const).map((layout) => ({
      name: `rope by ${layout}, ${kv.name}`, tolerance: ropeTolerance(kv), choice: { kv: kv.name },
      cases: roped.filter(({ rope }) => rope!.layout === layout).map((each) => ropeCase(each, decodeChoice({}), kv)),
    })),
  );

export const checks: OperationChecks<Rope> = {
  all: ropeChecks,
  of({ graph: { config, ropes }, choice, kv }, op) {
    const { heads, kvHeads, headDim } = op.shape ?? config;
    const rope = op.rope === undefined ? undefined : { ...ropes[op.rope], factors: undefined };
    const norm = op.queryNorm !== undefined;
    const how = { normOf: op.normOf, order: op.order, temperature: op.temperature, valueNorm: op.valueNorm, queriesOnly: op.queriesOnly };
    const roped = { heads, kvHeads, headDim, rope, norm, how, position: 250, tokens: 9 };
    const name = `rope of ${nameOfTurn(roped)}, ${nameOfHeads(roped)} in ${kv.name}`;
    return [{ name, tolerance: ropeTolerance(kv), choice: { kv: kv.name }, cases: [ropeCase(roped, choice, kv)] }];
  },
};
