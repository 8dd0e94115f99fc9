// Checks of the kernels that read weights: matvec, matvec-few, matvec-rows, matvec-broadcast, matmul, matmul-matrix, embed, with everything fused into them.
import { formats } from '../../formats/catalogue.ts';
import { panelLayout } from '../../formats/panel.ts';
import { embed as embedOp } from '../../model/ops/embed.ts';
import { project as projectOp } from '../../model/ops/project.ts';
import { lanesOf, usesTiles } from '../../model/products.ts';
import { type Mode, type KernelChoice, usualChunk, usualAttention } from '../../model/kernel-choice.ts';
import { unitOf } from '../../model/subgroup-matrix.ts';
import { embed } from '../../reference/embed.ts';
import { type Gate, activate } from '../../reference/gate.ts';
import { type Projection, project } from '../../reference/project.ts';
import { roundToBytes } from '../../reference/round-bytes.ts';
import { type Case, type Check, type Outcome } from './check.ts';
import { ggmlBlock, hasHalves, normals, random, randomTensor, unpackTensor } from './random.ts';
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
}

/** 1e-5 of sum |w x|, of which f32 sums of some thousand terms use a tenth. */
const tolerance = 1e-5;
/** Each weight is rounded to f16 once: by 2^-11 of it to nearest, and by 2^-10 where a GPU rounds toward zero. */
const halfTolerance = 2 ** -10;
/** And each activation too. */
const halvesTolerance = 2 ** -9;
const matrixTolerance = (prefill: KernelChoice['prefill']) => (unitOf(prefill)?.component === 'f16' ? halvesTolerance : tolerance);

export const decodeChoice = (choice: Partial<KernelChoice>): KernelChoice => ({ splits: 4, panels: 1, prefill: 'tile', tile: 'f32', few: 0, dot: 'f32', reduce: 'workgroup', ...usualAttention, chunk: usualChunk, ...choice });

const joined = (parts: Float32Array[]): Float32Array => Float32Array.from(parts.flatMap((part) => [...part]));

const describe = ({ types, rows, cols, tokens, ...rest }: Projected): string =>
  [types.join('+'), `${rows.join('+')} x ${cols}, ${tokens} tokens`, ...Object.entries(rest).filter(([, on]) => on).map(([name, on]) => (on === true ? name : `${name} ${on}`))].join(' ');

/** The case of one operation in one mode: random weights and activations through the recorded dispatches. */
export function projectCase(given: Projected, mode: Mode, choice: KernelChoice): Case {
  const name = describe(given);
  return { name, run: (bench) => runProject(bench, given, mode, choice, random(name)) };
}

async function runProject(bench: Workbench, given: Projected, mode: Mode, choice: KernelChoice, next: () => number): Promise<Outcome> {
  const { types, rows, cols, tokens, gate, softcap } = given;
  const total = rows.reduce((a, b) => a + b, 0);
  const width = gate ? total / 2 : total;
  const f32 = (values: Float32Array<ArrayBuffer>): Tensor => ({ type: 'F32', shape: [values.length], bytes: new Uint8Array(values.buffer) });
  const matrices = types.map((type, i): Tensor => ({ type, shape: [cols, rows[i]], bytes: randomTensor(type, rows[i], cols, next, given.subnormal) }));
  const biases = given.bias ? rows.map((count) => normals(next, count)) : undefined;
  const norm = given.norm ? normals(next, cols) : undefined;
  const tensors: Record<string, Tensor> = Object.fromEntries(matrices.map((matrix, i) => [`matrix.${i}`, matrix]));
  biases?.forEach((bias, i) => (tensors[`bias.${i}`] = f32(bias)));
  if (norm) tensors.norm = f32(norm);

  const x = normals(next, tokens * cols).map((value, i) => (given.large && i % 29 === 3 ? 1e4 * value : value));
  const residual = given.add ? normals(next, tokens * width) : undefined;
  const output = given.logits ? 'logits' : 'hidden';
  const op = projectOp({
    input: 'x', output, cols, gate, softcap, add: given.add, norm: norm && 'norm', bias: biases?.map((_, i) => `bias.${i}`),
    matrices: rows.map((count, i) => ({ tensor: `matrix.${i}`, firstRow: 0, rows: count })),
  });
  const config = { dim: cols, ffn: width, vocab: width, eps: 1e-5 };
  // In decode only the logits are asked of a step of several tokens: after a prefill, of the last one.
  const shown = mode === 'decode' ? 1 : tokens;
  const found = await withStage(bench, { config, choice, tensors, op, mode, tokens, maxBindingBytes: given.maxBindingBytes }, async (stage) => {
    stage.write('x', x, cols);
    if (residual) stage.write(output, residual.subarray(0, shown * width), width);
    await stage.run(stage.dispatches);
    return stage.read(output, shown, width);
  });
  const weights = joined(matrices.map(({ type, bytes }, i) => unpackTensor(type, bytes, rows[i], cols)));
  const projection: Projection = {
    weights, rows: total, cols, x: x.subarray((tokens - shown) * cols), gate, softcap, residual: residual?.subarray(0, shown * width),
    norm: norm && { weight: norm, eps: config.eps }, bias: biases && joined(biases),
  };
  const exact = { expected: project(projection), scale: sizesOf(projection) };
  const inBytes = types.map((type) => mode === 'decode' && choice.dot === 'i8' && formats.get(type)!.codes !== undefined);
  if (!inBytes.includes(true)) return { found, ...exact };
  const { rounded, sizes } = inputInBytes(projection);
  const bytes = { expected: project(rounded), scale: sizesOf(rounded, sizes) };
  const fromBytes = gate ? exact.expected.map(() => flagOf(inBytes.every(Boolean))) : joined(rows.map((count, i) => new Float32Array(count).fill(flagOf(inBytes[i]))));
  const choose = (name: 'expected' | 'scale') => exact[name].map((value, i) => (fromBytes[i] ? bytes[name][i] : value));
  return { found, expected: choose('expected'), scale: choose('scale') };
}

const flagOf = (value: boolean) => (value ? 1 : 0);

/** The same product of activations in bytes, the norm among them; and their sizes, in which a rounding in doubt weighs as much as it may change. */
function inputInBytes(projection: Projection): { rounded: Projection; sizes: Float32Array } {
  const { x, cols, norm } = projection;
  const values = new Float32Array(x.length);
  const sizes = new Float32Array(x.length);
  for (let start = 0; start < x.length; start += cols) {
    const row = x.subarray(start, start + cols);
    const scale = norm ? 1 / Math.sqrt(row.reduce((sum, value) => sum + value ** 2, 0) / cols + norm.eps) : 1;
    const found = roundToBytes(norm ? row.map((value, i) => value * norm.weight[i]) : row);
    found.values.forEach((value, i) => {
      values[start + i] = value * scale;
      sizes[start + i] = scale * (Math.abs(value) + found.doubts[i] / tolerance);
    });
  }
  return { rounded: { ...projection, x: values, norm: undefined }, sizes };
}

/** What errors are measured against: sum |w x| of every result; gated, as the product carries both sums' errors on. `sizes` are those of x. */
function sizesOf(projection: Projection, sizes: Float32Array = projection.x.map(Math.abs)): Float32Array {
  const { rows, gate, softcap = 0, norm, bias, residual, weights } = projection;
  const size = (values: Float32Array) => values.map(Math.abs);
  const plain = { ...projection, gate: undefined, softcap: undefined, residual: undefined };
  const sums = project({ ...plain, weights: size(weights), x: sizes, norm: norm && { ...norm, weight: size(norm.weight) }, bias: bias && size(bias) });
  if (!gate) return sums.map((sum, i) => sum + softcap + (residual ? Math.abs(residual[i]) : 0));
  const values = project(plain);
  const width = rows / 2;
  return Float32Array.from({ length: sums.length / 2 }, (_, i) => {
    const at = Math.floor(i / width) * rows + (i % width);
    const [value, up] = [values[at], values[at + width]];
    // No activation is steeper than 1.2. GELU's tanh may be off by 1e-5.
    return 1.2 * sums[at] * Math.abs(up) + Math.abs(activate(value, gate)) * sums[at + width] + (gate === 'gelu' ? Math.abs(value * up) : 0) + (residual ? Math.abs(residual[i]) : 0);
  });
}

/** Fused parts, one set per line; shapes and types go round them. */
const fusions: Partial<Projected>[] = [
  {}, { norm: true }, { norm: true, bias: true }, { gate: 'silu', norm: true }, { gate: 'gelu', norm: true }, { add: true }, { logits: true, softcap: 30, tokens: 5, norm: true },
  { gate: 'gelu', large: true }, { logits: true, tokens: 3 }, { bias: true, add: true, large: true },
];
const sizes = [1, 31, 33, 65, 128, 161, 7];
const columns = (type: string, n: number) => (ggmlBlock(type) === 1 ? [1, 172, 33, 64][n % 4] : ggmlBlock(type) * (1 + (n % 3)));

function fused(type: string, n: number): Projected {
  const fusion = fusions[n % fusions.length];
  const rows = sizes[n % sizes.length] * (fusion.bias ? 4 : 1);
  const count = fusion.gate ? 2 : 1;
  return { types: Array(count).fill(type), rows: Array(count).fill(rows), cols: columns(type, n), tokens: 1, ...fusion };
}

/** One type at an awkward size: plainly, with large activations, with subnormal scales. */
const ofType = (type: string, tokens: number): Projected[] => {
  const plain = { types: [type], rows: [67], cols: ggmlBlock(type) === 1 ? 172 : 3 * ggmlBlock(type), tokens };
  return [plain, { ...plain, large: true, rows: [33] }, ...(hasHalves(type) ? [{ ...plain, subnormal: true, rows: [5] }] : [])];
};

const mixtures: Projected[] = [
  { types: ['Q4_K', 'Q6_K'], rows: [36, 68], cols: 256, tokens: 1, norm: true, bias: true },
  { types: ['Q4_1', 'F16', 'Q4_1'], rows: [33, 1, 40], cols: 96, tokens: 1, add: true },
  { types: ['Q4_K', 'Q6_K'], rows: [45, 45], cols: 256, tokens: 1, gate: 'silu' },
  { types: ['F32'], rows: [161], cols: 40, tokens: 1, bias: false, add: true, maxBindingBytes: 2 * 32 * 64 * 4 },
  { types: ['Q4_1', 'Q4_1'], rows: [97, 97], cols: 96, tokens: 1, gate: 'gelu', norm: true, maxBindingBytes: 2048 + 2048 },
];

const main = ['F32', 'Q4_1', 'Q6_K', 'Q4_K', 'MXFP4'];
const all = [...formats.keys()];

/** Activations in workgroup memory, as they are or in bytes: each of the types, each fusion with one of the grids (each is a pipeline), more columns than there is room for at a time. */
function stagedChecks(dot: 'staged' | 'i8', types: string[], manyColumns: number): Check[] {
  const check = (name: string, choice: Partial<KernelChoice>, cases: Projected[]): Check => ({ name: `matvec ${dot}${name}`, tolerance, choice: { dot, ...choice }, cases: cases.map((each) => projectCase(each, 'decode', decodeChoice({ dot, ...choice }))) });
  return [
    ...types.map((type) => check(` ${type}`, {}, ofType(type, 1))),
    ...[[1, 4], [4, 2], [8, 1]].map(([splits, panels], n) => check(`, ${splits} splits, ${panels} panels`, { splits, panels }, fusions.flatMap((_, i) => (i % 3 === n ? [fused(types[i % types.length], i)] : [])))),
    check(' of many columns', {}, [{ types: ['Q4_1'], rows: [33], cols: manyColumns, tokens: 1, norm: true }]),
    check(' of several types and bindings', { panels: 2 }, mixtures),
  ];
}

function decodeChecks(): Check[] {
  const combinations = [1, 2, 4, 8].flatMap((splits) => [1, 2, 3, 4].map((panels) => ({ splits, panels })));
  return [
    ...combinations.map(({ splits, panels }, n) => ({
      name: `matvec, ${splits} splits, ${panels} panels`, tolerance, choice: { splits, panels },
      // Types and fusions go round at different steps, so that each meets each number of splits and of panels.
      cases: [0, 1, 2].map((i) => projectCase(fused(main[(n + 2 * i) % main.length], 3 * n + 7 * i), 'decode', decodeChoice({ splits, panels }))),
    })),
    ...all.map((type) => ({ name: `matvec ${type}`, tolerance, choice: {}, cases: ofType(type, 1).map((each) => projectCase(each, 'decode', decodeChoice({}))) })),
    { name: 'matvec of many columns', tolerance, choice: {}, cases: [1, 4].map((splits) => projectCase({ types: ['Q4_1'], rows: [33], cols: 4128, tokens: 1, norm: true }, 'decode', decodeChoice({ splits }))) },
    ...stagedChecks('staged', main, 4128),
    ...stagedChecks('i8', all.filter((type) => formats.get(type)!.codes), 10272),
    { name: 'matvec of several types and bindings', tolerance, choice: {}, cases: mixtures.map((each) => projectCase(each, 'decode', decodeChoice({ panels: 2 }))) },
  ];
}

/** `only`: one half of the checks, as each compiles a kernel; what it leaves out is the same for 4 and for 8 threads. `every`: each type with each number of tokens. */
const prefills: { name: string; tolerance: number; choice: Partial<KernelChoice>; tokens: number[]; only?: 'types' | 'fusions'; every?: boolean }[] = [
  { name: 'matvec-rows', tolerance, choice: { prefill: 'rows' }, tokens: [1, 7, 8, 9, 17] },
  { name: 'matvec-broadcast by 4', tolerance, choice: { prefill: 'broadcast4' }, tokens: [9, 1, 8, 17, 7], only: 'types' },
  { name: 'matvec-broadcast by 8', tolerance, choice: { prefill: 'broadcast8' }, tokens: [1, 17, 7, 8, 9], only: 'fusions' },
  { name: 'matvec-few, 1 split', tolerance, choice: { few: 1 }, tokens: [1, 2, 3, 4, 5, 6, 7, 8], only: 'types', every: true },
  { name: 'matvec-few, 8 splits', tolerance, choice: { few: 8 }, tokens: [3, 8, 6, 1, 4, 7, 2, 5], only: 'fusions' },
  { name: 'matmul f32', tolerance, choice: { prefill: 'tile', tile: 'f32' }, tokens: [1, 33, 64, 65] },
  { name: 'matmul f16', tolerance: halfTolerance, choice: { prefill: 'tile', tile: 'f16' }, tokens: [2, 65] },
];

function prefillChecks(matrixPrefills: KernelChoice['prefill'][]): Check[] {
  const byMatrices = matrixPrefills.map((prefill): (typeof prefills)[number] => ({ name: `matmul-matrix ${prefill}`, tolerance: matrixTolerance(prefill), choice: { prefill }, tokens: [65, 2, 33] }));
  return [...prefills, ...byMatrices].flatMap(({ name, tolerance: allowed, choice, tokens, only, every }): Check[] => {
    const cases = (list: Projected[]) => list.map((each, i) => projectCase({ ...each, tokens: tokens[i % tokens.length] }, 'prefill', decodeChoice(choice)));
    // Weights of subnormal scales are below the least f16 number: such a tile holds them as zeros or not, as the GPU likes.
    const types = (type: string) => {
      const list = ofType(type, 1).filter(({ subnormal }) => !(subnormal && allowed > tolerance)).reverse();
      return every ? tokens.map((_, i) => list[i % list.length]) : list;
    };
    const ofTypes = all.map((type) => ({ name: `${name} ${type}`, tolerance: allowed, choice, cases: cases(types(type)) }));
    const ofFusions = [
      { name: `${name}, fused`, tolerance: allowed, choice, cases: cases(fusions.map((_, n) => fused(main[n % 2], n))) },
      { name: `${name} of several types and bindings`, tolerance: allowed, choice, cases: cases(mixtures) },
    ];
    return [...(only === 'fusions' ? [] : ofTypes), ...(only === 'types' ? [] : ofFusions)];
  });
}

/** The embedding of some ids, at a position, by a table in one or several bindings. */
export function embedCase(type: string, vocab: number, cols: number, panelsPerBinding?: number): Case {
  const name = `${type} ${vocab} x ${cols}${panelsPerBinding ? `, ${panelsPerBinding} panels per binding` : ''}`;
  const maxBindingBytes = panelsPerBinding && panelsPerBinding * panelLayout(formats.get(type)!, vocab, cols).panelBytes;
  return {
    name,
    async run(bench) {
      const next = random(name);
      const [tokens, position, scale] = [7, 3, 1.5];
      const bytes = randomTensor(type, vocab, cols, next);
      const ids = Uint32Array.from({ length: tokens }, (_, t) => (t === 0 ? vocab - 1 : Math.floor(next() * vocab)));
      const setting = {
        config: { dim: cols, vocab }, choice: decodeChoice({}), tokens, position, maxBindingBytes,
        tensors: { table: { type, shape: [cols, vocab], bytes } }, op: embedOp({ table: 'table', scale, output: 'x' }),
      };
      const found = await withStage(bench, setting, async (stage) => {
        bench.gpu.device.queue.writeBuffer(stage.sequence.ids.buffer, 4 * position, ids);
        await stage.run(stage.dispatches);
        return stage.read('x', tokens, cols);
      });
      const table = unpackTensor(type, bytes, vocab, cols);
      const largest = table.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0);
      return { found, expected: embed(table, cols, ids, scale), scale: new Float32Array(found.length).fill(scale * largest) };
    },
  };
}

/** Weights come out within 2 ulp of the largest one, and the scale rounds once more. */
export const embedTolerance = 2 ** -21;

const embedChecks = (): Check[] =>
  all.map((type) => {
    const cols = columns(type, 1);
    return { name: `embed ${type}`, tolerance: embedTolerance, choice: {}, cases: [embedCase(type, 1, cols), embedCase(type, 67, cols), embedCase(type, 97, cols, 2)] };
  });

/** Of every kernel; `matrixPrefills`: prefill by the device's subgroup matrices. */
export const projectChecks = (matrixPrefills: KernelChoice['prefill'][] = []): Check[] => [...embedChecks(), ...decodeChecks(), ...prefillChecks(matrixPrefills)];

/** The check of one product of a model for one row of activations. */
export const decodeCheck = (given: Projected, label: string, choice: KernelChoice): Check => {
  const { splits, panels, dot } = choice;
  return { name: `matvec ${dot === 'f32' ? '' : `${dot} `}${label}, ${splits} splits, ${panels} panels`, tolerance, choice: { splits, panels, dot }, cases: [projectCase({ ...given, tokens: 1 }, 'decode', choice)] };
};

/** The check of one product of a model for a few rows of activations, if they have a kernel of their own. */
export const fewCheck = (given: Projected, label: string, choice: KernelChoice): Check[] => {
  const { few } = choice;
  return few ? [{ name: `matvec-few ${label}, ${few} splits`, tolerance, choice: { few }, cases: [projectCase({ ...given, tokens: 5 }, 'prefill', choice)] }] : [];
};

/** More rows and tokens than a tile of 64 x 64, so that each of its lines is compared, and an edge. */
const beyondTile = { rows: 68, tokens: 65 };

/** The check of one product of a model for many rows of activations. */
export const prefillCheck = (given: Projected, label: string, choice: KernelChoice): Check => {
  const { prefill, tile } = choice;
  const sizes = usesTiles(prefill) ? { rows: given.rows.map(() => beyondTile.rows), tokens: beyondTile.tokens } : { tokens: 9 };
  const cases = [projectCase({ ...given, ...sizes }, 'prefill', choice)];
  if (unitOf(prefill)) return { name: `matmul-matrix ${prefill} ${label}`, tolerance: matrixTolerance(prefill), choice: { prefill }, cases };
  if (prefill !== 'tile') return { name: `${prefill === 'rows' ? 'matvec-rows' : `matvec-broadcast by ${lanesOf(prefill)}`} ${label}`, tolerance, choice: { prefill }, cases };
  return { name: `matmul ${tile} ${label}`, tolerance: tile === 'f16' ? halfTolerance : tolerance, choice: { prefill, tile }, cases };
};
