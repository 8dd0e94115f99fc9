// The case of one product: random matrices and activations through its recorded dispatches, with everything fused into them.
import { formats } from '../../formats/catalogue.ts';
import { type KernelChoice, type Mode } from '../../model/choices/kernel-choice.ts';
import { type Op } from '../../model/graph.ts';
import { attend } from '../../model/ops/attend.ts';
import { type Activation, type Project, project as projectOp } from '../../model/ops/project.ts';
import { type Gate, activate, activateAlone } from '../../reference/gate.ts';
import { type Projection, project } from '../../reference/project.ts';
import { roundToBytes } from '../../reference/round-bytes.ts';
import { type Case, type Outcome } from './check.ts';
import { concat } from './heads.ts';
import { normals, random, randomTensor, unpackTensor } from './random.ts';
import { type Tensor, type Workbench, withStage } from './workbench.ts';

export interface Projected {
  /** Types of the matrices, which are stacked; gated: the gate's and the up matrix's. */
  types: string[];
  /** Rows of each. With a bias, multiples of 4. */
  rows: number[];
  cols: number;
  tokens: number;
  norm?: boolean;
  bias?: boolean;
  gate?: Gate;
  activation?: Activation;
  scale?: number;
  add?: boolean;
  softcap?: number;
  /** The output is the logits: of the last row only, in decode. */
  logits?: boolean;
  /** Some activations are 1e4 times as large. */
  large?: boolean;
  /** f16 scales are subnormals. */
  subnormal?: boolean;
  /** Cuts the matrices into bindings of at most this many bytes. */
  maxBindingBytes?: number;
  /** It shares a bind group with what is beside it in decode, as so named; `joined`: one that joins splits is among them. */
  shares?: Sharing;
}

export interface Sharing {
  role: 'up' | 'down';
  joined?: boolean;
}

/** 1e-5 of sum |w x|, of which f32 sums of some thousand terms use a tenth. */
export const tolerance = 1e-5;

/** How a check says it. */
export const nameOf = ({ role, joined }: Sharing): string => `as ${role}${joined ? ' of three' : ''}`;

const describe = ({ types, rows, cols, tokens, ...rest }: Projected): string =>
  [
    types.join('+'),
    `${rows.join('+')} x ${cols}, ${tokens} tokens`,
    ...Object.entries(rest)
      .filter(([, on]) => on)
      .map(([name, on]) => (on === true ? name : `${name} ${typeof on !== 'object' ? on : 'kind' in on ? on.kind : nameOf(on)}`)),
  ].join(' ');

/** The case of one operation in one mode: random weights and activations through the recorded dispatches. */
export function projectCase(given: Projected, mode: Mode, choice: KernelChoice): Case {
  const name = describe(given);
  return { name, run: (bench) => runProject(bench, given, mode, choice, random(name)) };
}

async function runProject(bench: Workbench, given: Projected, mode: Mode, choice: KernelChoice, next: () => number): Promise<Outcome> {
  const { types, rows, cols, tokens, gate, activation, scale, softcap } = given;
  const total = rows.reduce((a, b) => a + b, 0);
  const width = gate ? total / 2 : total;
  const f32 = (values: Float32Array<ArrayBuffer>): Tensor => ({ type: 'F32', shape: [values.length], bytes: new Uint8Array(values.buffer) });
  const matrices = types.map((type, i): Tensor => ({ type, shape: [cols, rows[i]], bytes: randomTensor(type, rows[i], cols, next, given.subnormal) }));
  const biases = given.bias ? rows.map((count) => normals(next, count)) : undefined;
  const norm = given.norm ? normals(next, cols) : undefined;
  const tensors: Record<string, Tensor> = Object.fromEntries(matrices.map((matrix, i) => [`matrix.${i}`, matrix]));
  biases?.forEach((bias, i) => (tensors[`bias.${i}`] = f32(bias)));
  if (norm) tensors.norm = f32(norm);
  // Of what is beside it, so that its weights are not the first of the section.
  if (given.shares?.role === 'down') tensors[besideNorm] = f32(new Float32Array(width).fill(2));

  const x = normals(next, tokens * cols).map((value, i) => (given.large && i % 29 === 3 ? 1e4 * value : value));
  const residual = given.add ? normals(next, tokens * width) : undefined;
  const { input, output, ...among } = placeOf(given, width);
  const op = projectOp({
    input, output, shares: among.shares, cols, gate, activation, scale, softcap, add: given.add, norm: norm && 'norm', bias: biases?.map((_, i) => `bias.${i}`),
    matrices: rows.map((count, i) => ({ tensor: `matrix.${i}`, firstRow: 0, rows: count })),
  });
  const config = { dim: cols, ffn: width, vocab: width, eps: 1e-5 };
  // In decode only the logits are asked of a step of several tokens: after a prefill, of the last one.
  const shown = mode === 'decode' ? 1 : tokens;
  const setting = { config, choice: { ...choice, ...among.choice }, tensors, op, beside: among.beside, mode, tokens, maxBindingBytes: given.maxBindingBytes };
  const found = await withStage(bench, setting, async (stage) => {
    stage.write(input, x, cols);
    if (residual) stage.write(output, residual.subarray(0, shown * width), width);
    await stage.run(stage.dispatches);
    return stage.read(output, shown, width);
  });
  const weights = concat(matrices.map(({ type, bytes }, i) => unpackTensor(type, bytes, rows[i], cols)));
  const projection: Plain = {
    weights, rows: total, cols, x: x.subarray((tokens - shown) * cols), gate, activation, scale, softcap, residual: residual?.subarray(0, shown * width),
    norm: norm && { weight: norm, eps: config.eps }, bias: biases && concat(biases),
  };
  const exact = { expected: project(projection), scale: sizesOf(projection) };
  const activationBytes = mode === 'decode' ? (choice.dot === 'i8' ? 2 : 0) : choice.prefill === 'tile' ? tileBytes[choice.tile] : 0;
  const inBytes = types.map((type) => activationBytes > 0 && formats.get(type)!.codes !== undefined);
  if (activationBytes === 0 || !inBytes.includes(true)) return { found, ...exact };
  const { rounded, sizes } = inputInBytes(projection, activationBytes);
  const bytes = { expected: project(rounded), scale: sizesOf(rounded, sizes) };
  const fromBytes = gate
    ? exact.expected.map(() => flagOf(inBytes.every(Boolean)))
    : concat(rows.map((count, i) => new Float32Array(count).fill(flagOf(inBytes[i]))));
  const choose = (name: 'expected' | 'scale') => exact[name].map((value, i) => (fromBytes[i % fromBytes.length] ? bytes[name][i] : value));
  return { found, expected: choose('expected'), scale: choose('scale') };
}

const besideNorm = 'beside.norm';

/** Which buffers the product has, and what it is chosen and recorded with to share a bind group; `width`: numbers of a row of its output. */
function placeOf(
  { logits, shares }: Projected, width: number,
): Pick<Project, 'input' | 'output' | 'shares'> & { choice?: Partial<KernelChoice>; beside?: Op[] } {
  const [residual, hidden] = ['x', 'hidden'];
  if (!shares) return { input: residual, output: logits ? 'logits' : hidden };
  const joins = { ...attend({ layer: 0, scale: 1 }), projected: true };
  const before = projectOp({ input: residual, output: hidden, norm: besideNorm, cols: width, matrices: [] });
  return {
    ...(shares.role === 'up' ? { input: residual, output: hidden } : { input: hidden, output: residual }),
    shares: { role: shares.role, residual, hidden, ...(shares.joined && { joins }) },
    ...(shares.joined && { choice: { joined: 1 } }),
    beside: [...(shares.joined ? [joins] : []), ...(shares.role === 'down' ? [before] : [])],
  };
}

/** Activations of which one is no number, as of a model that computes wrongly: then no result of its row is one, and all others are. */
export function notNumbersCase(type: string, mode: Mode, choice: KernelChoice, rows = 36): Case {
  const [cols, tokens] = [512, mode === 'decode' ? 1 : 5];
  const name = `${type} ${rows} x ${cols}, ${tokens} tokens, some not numbers`;
  return {
    name,
    async run(bench): Promise<Outcome> {
      const next = random(name);
      const tensor: Tensor = { type, shape: [cols, rows], bytes: randomTensor(type, rows, cols, next) };
      const op = projectOp({ input: 'x', output: 'hidden', cols, matrices: [{ tensor: 'matrix', firstRow: 0, rows }] });
      const x = normals(next, tokens * cols);
      const bad = mode === 'decode' ? [[0, NaN]] : [[1, NaN], [2, Infinity], [4, -NaN]];
      bad.forEach(([token, value], i) => (x[token * cols + 37 * (i + 1)] = value));
      const found = await withStage(bench, { config: { dim: cols, ffn: rows }, choice, tensors: { matrix: tensor }, op, mode, tokens }, async (stage) => {
        stage.write('x', x, cols);
        await stage.run(stage.dispatches);
        return stage.read('hidden', tokens, rows);
      });
      const isBad = (row: number) => bad.some(([token]) => token === row);
      return { found: found.map((value) => flagOf(Number.isFinite(value))), expected: found.map((_, i) => flagOf(!isBad(Math.floor(i / rows)))) };
    },
  };
}

/** Bytes that activations are rounded to in tiles; 0: they are not. */
const tileBytes = { f32: 0, f16: 0, i16: 2, i8: 1 } as const;

const flagOf = (value: boolean) => (value ? 1 : 0);

/** The same product of activations in bytes, the norm among them; and their sizes, in which a rounding in doubt weighs as much as it may change. */
export function inputInBytes(projection: Plain, bytes: 1 | 2): { rounded: Plain; sizes: Float32Array } {
  const { x, cols, norm } = projection;
  const values = new Float32Array(x.length);
  const sizes = new Float32Array(x.length);
  for (let start = 0; start < x.length; start += cols) {
    const row = x.subarray(start, start + cols);
    const scale = norm ? 1 / Math.sqrt(row.reduce((sum, value) => sum + value ** 2, 0) / cols + norm.eps) : 1;
    const found = roundToBytes(norm ? row.map((value, i) => value * norm.weight[i]) : row, bytes);
    found.values.forEach((value, i) => {
      values[start + i] = value * scale;
      sizes[start + i] = scale * (Math.abs(value) + found.doubts[i] / tolerance);
    });
  }
  return { rounded: { ...projection, x: values, norm: undefined }, sizes };
}

/** Without what only experts have. */
type Plain = Projection & { gate?: Gate };

/** What errors are measured against: sum |w x| of every result; gated, as the product carries both sums' errors on. `sizes` are those of x. */
export function sizesOf(projection: Plain, sizes: Float32Array = projection.x.map(Math.abs)): Float32Array {
  const { rows, gate, activation, scale = 1, softcap = 0, norm, bias, residual, weights } = projection;
  const size = (values: Float32Array) => values.map(Math.abs);
  const plain = { ...projection, gate: undefined, activation: undefined, scale: undefined, softcap: undefined, residual: undefined };
  const sums = project({ ...plain, weights: size(weights), x: sizes, norm: norm && { ...norm, weight: size(norm.weight) }, bias: bias && size(bias) });
  const added = (i: number) => (residual ? Math.abs(residual[i]) : 0);
  if (activation) return sumsOf(activation, sums, project(plain)).map((sum, i) => scale * sum + added(i));
  if (!gate) return sums.map((sum, i) => Math.abs(scale) * sum + softcap + added(i));
  const values = project(plain);
  const width = rows / 2;
  return Float32Array.from({ length: sums.length / 2 }, (_, i) => {
    const at = Math.floor(i / width) * rows + (i % width);
    const [value, up] = [values[at], values[at + width]];
    // No activation is steeper than 1.2. GELU's tanh may be off by 1e-5.
    return (
      1.2 * sums[at] * Math.abs(up) +
      Math.abs(activate(value, gate)) * sums[at + width] +
      (gate === 'gelu' ? Math.abs(value * up) : 0) +
      added(i)
    );
  });
}

/** What errors of sums become by an activation that they go through: as steep as it is there, and within reach of what they may be off by. */
function sumsOf(activation: Activation, sums: Float32Array, values: Float32Array): Float32Array {
  const [square, line] = activation.kind === 'relu2' ? [1, 0] : [activation.positive, activation.beta + activation.negative];
  const steepness = (sum: number, value: number) => square * (2 * Math.abs(value) + tolerance * sum) + line;
  return sums.map((sum, i) => sum * steepness(sum, values[i]) + Math.abs(activateAlone(values[i], activation)) + line);
}
