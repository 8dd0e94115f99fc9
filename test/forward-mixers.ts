// What mixes tokens in place of attention, run by the reference kernels: the part of forward.ts that only some families need.
import { type ModelConfig } from '../src/model/graph.ts';
import { type Convolve } from '../src/model/ops/rare/convolve.ts';
import { type GatedNorm } from '../src/model/ops/rare/gated-norm.ts';
import { type Scan } from '../src/model/ops/rare/scan.ts';
import { convolve } from '../src/reference/convolve.ts';
import { gatedNorm } from '../src/reference/gated-norm.ts';
import { scan } from '../src/reference/scan.ts';

/** Runs an operation on the rows of `tokens`, all from the beginning. */
export function mix(
  op: Convolve | Scan | GatedNorm, rows: Record<string, Float32Array>, tokens: number, { eps }: ModelConfig, floats: (tensor: string) => Float32Array,
): void {
  const optional = (tensor?: string) => (tensor === undefined ? undefined : floats(tensor));
  const of = (buffer: string) => (first: number, count: number) => columns(rows[buffer], tokens, first, count);
  switch (op.op) {
    case 'convolve': {
      const { channels, width, gates, silu } = op;
      const part = of(op.input);
      const factor = gates && part(gates.before, channels);
      const x = part(op.first, channels).map((value, i) => value * (factor ? factor[i] : 1));
      const { output } = convolve({ x, channels, weight: floats(op.weight), width, bias: optional(op.bias), silu });
      const last = gates && part(gates.after, channels);
      rows[op.output] = output.map((value, i) => value * (last ? last[i] : 1));
      return;
    }
    case 'scan': {
      const { columns: { query, key, value }, heads, keyHeads, keyDim, valueDim } = op;
      const part = of(op.input);
      const scalars = of(op.scalars);
      const bias = floats(op.stepBias);
      rows[op.output] = scan({
        ...op, eps, queries: part(query, keyHeads * keyDim), keys: part(key, keyHeads * keyDim), values: part(value, heads * valueDim),
        steps: scalars(op.step, heads).map((each, i) => each + bias[i % heads]), betas: op.beta === undefined ? undefined : scalars(op.beta, heads),
        decay: floats(op.decay), skip: optional(op.skip),
      }).output;
      return;
    }
    case 'gated-norm': {
      const { groups, width, norm } = op;
      const gate = of(op.gate)(op.column, op.one ? 1 : groups * width);
      const x = of(op.input)(op.first ?? 0, groups * width);
      rows[op.output] = gatedNorm({ ...op, x, gate, norm: norm && { weight: floats(norm.weight), last: norm.last }, eps });
    }
  }
}

/** Columns `start .. start + count` of x (tokens, width). */
export function columns(x: Float32Array, tokens: number, start: number, count: number): Float32Array {
  const width = x.length / tokens;
  const part = new Float32Array(tokens * count);
  for (let t = 0; t < tokens; t++) part.set(x.subarray(t * width + start, t * width + start + count), t * count);
  return part;
}
