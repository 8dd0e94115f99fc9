// What mixes tokens in place of attention, run by the reference kernels: the part of forward.ts that only some families need.
import { type ModelConfig } from '../../src/model/graph.ts';
import { type Blend } from '../../src/model/ops/rare/blend.ts';
import { type Convolve } from '../../src/model/ops/rare/convolve.ts';
import { type GatedNorm } from '../../src/model/ops/rare/gated-norm.ts';
import { type HeadProject } from '../../src/model/ops/rare/head-project.ts';
import { type Latent } from '../../src/model/ops/rare/latent.ts';
import { type LayerNorm } from '../../src/model/ops/rare/layer-norm.ts';
import { type Scan } from '../../src/model/ops/rare/scan.ts';
import { type Shift } from '../../src/model/ops/rare/shift.ts';
import { type Squash } from '../../src/model/ops/rare/squash.ts';
import { type Wkv } from '../../src/model/ops/rare/wkv.ts';
import { convolve } from '../../src/reference/rare/convolve.ts';
import { gatedNorm } from '../../src/reference/rare/gated-norm.ts';
import { headProject } from '../../src/reference/rare/head-project.ts';
import { setLatents } from '../../src/reference/rare/latent.ts';
import { layerNorm } from '../../src/reference/rare/layer-norm.ts';
import { scan } from '../../src/reference/rare/scan.ts';
import { blend, shift, squash, wkv } from '../../src/reference/rare/wkv.ts';

export type Mixing = Convolve | Scan | GatedNorm | HeadProject | Latent | LayerNorm | Shift | Squash | Blend | Wkv;

/** Runs an operation on the rows of `tokens`, all from the beginning. */
export function mix(
  op: Mixing, rows: Record<string, Float32Array>, tokens: number, { eps }: ModelConfig,
  floats: (tensor: string) => Float32Array,
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
    case 'head-project':
      return projectHeads(op, rows, tokens, floats(op.matrix.tensor));
    case 'latent': {
      const { latentDim, rotatedDim, heads, first } = op;
      const part = of(op.input);
      setLatents(rows[op.output], {
        latents: part(0, latentDim), keys: part(latentDim, rotatedDim), queries: of(op.queries)(first, heads * rotatedDim), weight: floats(op.norm),
        latentDim, rotatedDim, heads, eps,
      });
      return;
    }
    case 'layer-norm':
      return void (rows[op.output] = layerNorm(rows[op.input], floats(op.weight), eps, floats(op.bias)));
    case 'shift':
      return void (rows[op.output] = shift(rows[op.input], floats(op.weight).subarray(op.part * op.width, (op.part + 1) * op.width)));
    case 'squash':
      return void (rows[op.buffer] = squash(rows[op.buffer], op.by));
    case 'blend':
      return void (rows[op.output] = blend(rows[op.output], rows[op.input], rows[op.gate]));
    case 'wkv': {
      const own = { keyScale: floats(op.keyScale), keyRate: floats(op.keyRate), bonus: floats(op.bonus), weight: floats(op.weight), bias: floats(op.bias) };
      const [receptance, key, value, decay, rate, gate] = [op.receptance, op.key, op.value, op.decay, op.rate, op.gate].map((name) => rows[name]);
      return void (rows[op.output] = wkv({ ...op, ...own, receptance, key, value, decay, rate, gate }).output);
    }
    case 'gated-norm': {
      const { groups, width, norm } = op;
      const gate = of(op.gate)(op.column, op.one ? 1 : groups * width);
      const x = of(op.input)(op.first ?? 0, groups * width);
      rows[op.output] = gatedNorm({ ...op, x, gate, norm: norm && { weight: floats(norm.weight), last: norm.last }, eps });
    }
  }
}

/** The buffer that it writes, if there is none, is as wide as the last head's part of it, or as queries, key and value are. */
function projectHeads(op: HeadProject, rows: Record<string, Float32Array>, tokens: number, weights: Float32Array): void {
  const { heads, matrix, cols, input, first, step, output, to, toStep } = op;
  const parts = Array.from({ length: heads }, (_, head) => columns(rows[input], tokens, first + head * step, cols));
  const at = (i: number) => parts[Math.floor(i / cols) % heads][Math.floor(i / (heads * cols)) * cols + (i % cols)];
  const x = Float32Array.from({ length: tokens * heads * cols }, (_, i) => at(i));
  const made = headProject({ x, weights, heads, cols });
  const each = matrix.rows / heads;
  const width = output === 'qkv' ? (heads + 2) * toStep : to + heads * toStep;
  const target = (rows[output] = new Float32Array(tokens * width));
  for (let t = 0; t < tokens; t++)
    for (let head = 0; head < heads; head++)
      target.set(made.subarray((t * heads + head) * each, (t * heads + head + 1) * each), t * width + to + head * toStep);
}

/** Columns `start .. start + count` of x (tokens, width). */
export function columns(x: Float32Array, tokens: number, start: number, count: number): Float32Array {
  const width = x.length / tokens;
  const part = new Float32Array(tokens * count);
  for (let t = 0; t < tokens; t++) part.set(x.subarray(t * width + start, t * width + start + count), t * count);
  return part;
}
