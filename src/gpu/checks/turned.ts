// Checks of attention in decode that turns its queries by itself and appends keys and values.
import { type KvFormat } from '../../kv/formats/format.ts';
import { type KernelChoice } from '../../model/choices/kernel-choice.ts';
import { type RopeSpec } from '../../model/graph.ts';
import { attend } from '../../model/ops/attend.ts';
import { type Rope, rope as ropeOp } from '../../model/ops/rope.ts';
import { ropeFrequencies } from '../../model/rope.ts';
import { attention } from '../../reference/attend.ts';
import { rmsNorm } from '../../reference/rms-norm.ts';
import { rotate } from '../../reference/rope.ts';
import { type Case, type Outcome } from './check.ts';
import { type Heads, concat, nameOfHeads } from './heads.ts';
import { packPages, stored } from './pages.ts';
import { normals, random } from './random.ts';
import { type Tensor, withStage } from './workbench.ts';

export interface Turned extends Heads {
  rope?: RopeSpec;
  norm: boolean;
  how?: Pick<Rope, 'order' | 'temperature' | 'valueNorm'>;
  /** Positions with that of the token. */
  length: number;
  scale?: number;
  window?: number;
  softcap?: number;
}

export const ropeOf = (dims: number, layout: RopeSpec['layout'], magnitude = 1): RopeSpec => ({ dims, layout, base: 10000, scale: 1, magnitude });

/** One token whose queries, key and value are still to be made, after others whose keys and values are there. */
export function turnedCase(given: Turned, choice: KernelChoice, kv: KvFormat): Case {
  const { heads, kvHeads, headDim, rope, norm, how = {}, length, window, softcap, scale = headDim ** -0.5 } = given;
  const of = rope ? `${rope.dims} ${rope.layout}` : 'not turned';
  const label = `${nameOfHeads(given)}, ${of}, ${JSON.stringify(how)}, ${norm ? 'normed, ' : ''}up to ${length}, window ${window ?? 0}`;
  return {
    name: label,
    async run(bench): Promise<Outcome> {
      const next = random(label);
      const shape = { kvHeads, headDim, kv };
      const older = () => stored({ kv, headDim }, normals(next, (length - 1) * kvHeads * headDim));
      const held = { slots: new Array<number>(kvHeads).fill(length - 1), keys: older(), values: older() };
      const parts = { query: normals(next, heads * headDim), key: normals(next, kvHeads * headDim), value: normals(next, kvHeads * headDim) };
      const norms = { query: normals(next, headDim), key: normals(next, headDim) };
      const tensorOf = (weight: Float32Array<ArrayBuffer>): Tensor => ({ type: 'F32', shape: [weight.length], bytes: new Uint8Array(weight.buffer) });
      const tensors: Record<string, Tensor> = norm ? { query: tensorOf(norms.query), key: tensorOf(norms.key) } : {};
      const turns = { ...ropeOp({ layer: 0, rope: rope && 0, ...how, ...(norm ? { queryNorm: 'query', keyNorm: 'key' } : {}) }), attended: true };
      const op = attend({ layer: 0, scale, window, softcap, turns });
      const found: Float32Array = await withStage(
        bench,
        { config: { heads, kvHeads, headDim }, rope, choice, kv, tensors, op, after: turns, mode: 'decode', tokens: 1, position: length - 1 },
        async (stage) => {
          stage.write('qkv', concat([parts.query, parts.key, parts.value]), (heads + 2 * kvHeads) * headDim);
          bench.gpu.device.queue.writeBuffer(stage.segments[0], 0, packPages(shape, held, stage.segments[0].size));
          await stage.run(stage.dispatches);
          return stage.read('attended', 1, heads * headDim);
        },
      );
      const frequencies = rope && ropeFrequencies(rope);
      const made = (numbers: Float32Array, count: number, weight: Float32Array) => {
        const normed = (x: Float32Array) => (norm ? rmsNorm(x, weight, 1e-5) : x);
        const turn = (x: Float32Array) =>
          (rope ? rotate(x, count, headDim, length - 1, { layout: rope.layout, frequencies: frequencies!, magnitude: rope.magnitude }) : x);
        return how.order === 'rotate-norm' ? normed(turn(numbers)) : turn(normed(numbers));
      };
      const { temperature } = how;
      const growth = temperature ? 1 + temperature.scale * Math.log(1 + Math.floor((length - 1) / temperature.period)) : 1;
      const queries = made(parts.query, heads, norms.query).map((value) => value * growth);
      const value = how.valueNorm ? rmsNorm(parts.value, new Float32Array(headDim).fill(1), 1e-5) : parts.value;
      const keys = concat([held.keys, stored({ kv, headDim }, made(parts.key, kvHeads, norms.key))]);
      const values = concat([held.values, stored({ kv, headDim }, value)]);
      const expected = attention({ queries, keys, values, heads, kvHeads, headDim, position: length - 1, scale, window, softcap });
      return { found, expected, scale: new Float32Array(found.length).fill(1) };
    },
  };
}
