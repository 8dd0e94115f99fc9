// Checks of mixtures of experts: one row and many, one binding and several, experts that nobody chose.
import { formats } from '../../../formats/catalogue.ts';
import { type Experts, experts as expertsOp, splitsOf } from '../../../model/ops/rare/experts.ts';
import { type KernelChoice, type Mode } from '../../../model/choices/kernel-choice.ts';
import { type Expert, mix } from '../../../reference/rare/experts.ts';
import { rmsNorm } from '../../../reference/rms-norm.ts';
import { type Choice } from '../../../reference/rare/route.ts';
import { type Case, type Check } from '../check.ts';
import { decodeChoice, inRegisters, unpackedIn } from '../choice.ts';
import { type OperationChecks } from '../operation-checks.ts';
import { normals, random, randomTensor, unpackTensor, unpacksHalves } from '../random.ts';
import { type Tensor, type Workbench, withStage } from '../workbench.ts';
import { halvesCheck } from './project.ts';

/** Of sums of absolute values through three products, which are far above the results: f32 sums of some hundred terms use a tenth. */
const tolerance = 1e-6;

interface Mixture {
  /** Of gate and down, and of up where it is another than the gate's. */
  types: [string, string, string?];
  experts: number;
  used: number;
  cols: number;
  hidden: number;
  activation: Experts['activation'];
  tokens: number;
  maxBindingBytes?: number;
  biased?: boolean;
  /** Gate and up are one tensor, and nothing is added. */
  fused?: boolean;
}

function mixtureCase(given: Mixture, mode: Mode, choice: KernelChoice): Case {
  const { types, experts, used, cols, hidden, activation, tokens, maxBindingBytes, biased, fused } = given;
  const also = `${biased ? ', biased' : ''}${fused ? ', fused' : ''}${maxBindingBytes ? ', several bindings' : ''}`;
  const name = `${types.join('+')} ${used} of ${experts}, ${hidden} x ${cols} ${activation}, ${tokens} tokens${also}`;
  return { name, run: (bench) => runMixture(bench, given, mode, choice, random(name)) };
}

async function runMixture(bench: Workbench, given: Mixture, mode: Mode, choice: KernelChoice, next: () => number) {
  const { types, experts: count, used, cols, hidden, activation, tokens, maxBindingBytes, biased, fused } = given;
  const tensor = (type: string, rows: number, width: number): Tensor =>
    ({ type, shape: [width, rows, count], bytes: randomTensor(type, rows * count, width, next) });
  const upType = types[2] ?? types[0];
  const norm = normals(next, cols);
  const tensors: Record<string, Tensor> = {
    norm: { type: 'F32', shape: [cols], bytes: new Uint8Array(norm.buffer) },
    gate: tensor(types[0], hidden, cols), up: tensor(types[2] ?? types[0], hidden, cols), down: tensor(types[1], cols, hidden),
  };
  const biases = biased ? { gate: normals(next, hidden * count), up: normals(next, hidden * count), down: normals(next, cols * count) } : undefined;
  for (const [name, values] of Object.entries(biases ?? {}))
    tensors[`${name}.bias`] = { type: 'F32', shape: [values.length / count, count], bytes: new Uint8Array(values.buffer) };
  if (fused) {
    tensors.both = tensor(types[0], 2 * hidden, cols);
    const each = tensors.both.bytes.length / count / 2;
    const half = (n: number) => concatBytes(Array.from({ length: count }, (_, e) => tensors.both.bytes.subarray((2 * e + n) * each, (2 * e + n + 1) * each)));
    [tensors.gate.bytes, tensors.up.bytes] = [half(0), half(1)];
  }
  const rowsOf = (name: string, rows: number) => ({ tensor: name, firstRow: 0, rows: rows * count });
  const op = expertsOp({
    input: 'x', norm: 'norm', experts: count, used, activation, cols, hidden, output: 'x',
    ...(fused
      ? { fused, add: false, gate: rowsOf('both', 2 * hidden), up: { ...rowsOf('both', 2 * hidden), firstRow: hidden } }
      : { gate: rowsOf('gate', hidden), up: rowsOf('up', hidden) }),
    down: rowsOf('down', cols),
    biases: biases && { gate: 'gate.bias', up: 'up.bias', down: 'down.bias' },
  });
  const x = normals(next, tokens * cols);
  const choices = Array.from({ length: tokens }, () => choose(next, count, used));
  const found = await withStage(bench, { config: { dim: cols, eps: 1e-5 }, choice, tensors, op, mode, tokens, maxBindingBytes }, async (stage) => {
    stage.write('x', x, cols);
    stage.write('chosen', chosenWords(choices), 2 * used);
    await stage.run(stage.dispatches);
    return stage.read('x', tokens, cols);
  });
  const weights = (name: string, type: string, rows: number, width: number) => {
    const all = unpackTensor(type, tensors[name].bytes, rows * count, width);
    return Array.from({ length: count }, (_, e) => all.subarray(e * rows * width, (e + 1) * rows * width));
  };
  const [gate, up, down] = [weights('gate', types[0], hidden, cols), weights('up', upType, hidden, cols), weights('down', types[1], cols, hidden)];
  const biasesOf = ({ gate: g, up: u, down: d }: NonNullable<typeof biases>, e: number) => {
    const own = (all: Float32Array, rows: number) => all.subarray(e * rows, (e + 1) * rows);
    return { gateUp: Float32Array.from([...own(g, hidden), ...own(u, hidden)]), down: own(d, cols) };
  };
  const list = gate.map((each, e): Expert =>
    ({ gateUp: Float32Array.from([...each, ...up[e]]), down: down[e], biases: biases && biasesOf(biases, e) }));
  const normed = rmsNorm(x, norm, 1e-5);
  const added = mix(normed, cols, hidden, list, choices, activation);
  // What errors are measured against: the same with all numbers positive, as for products.
  const size = (values: Float32Array) => values.map(Math.abs);
  const positive = ({ gateUp, down: back, biases: added }: Expert): Expert =>
    ({ gateUp: size(gateUp), down: size(back), biases: added && { gateUp: size(added.gateUp), down: size(added.down) } });
  const sizes = mix(size(normed), cols, hidden, list.map(positive), choices, activation);
  return { found, expected: added.map((value, i) => value + (fused ? 0 : x[i])), scale: sizes.map((value, i) => 2 * value + Math.abs(x[i])) };
}

function concatBytes(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
  return all;
}

/** As `route` leaves them: of each row ids and the bits of weights. */
export function chosenWords(choices: readonly Choice[][]): Float32Array {
  const bitsOf = (row: Choice[]) => new Uint32Array(Float32Array.from(row, ({ weight }) => weight).buffer);
  return new Float32Array(Uint32Array.from(choices.flatMap((row) => [...row.map(({ expert }) => expert), ...bitsOf(row)])).buffer);
}

/** Distinct experts with weights that add up to 1. */
export function choose(next: () => number, count: number, used: number): Choice[] {
  const left = Array.from({ length: count }, (_, expert) => expert);
  const chosen = Array.from({ length: used }, () => ({ expert: left.splice(Math.floor(next() * left.length), 1)[0], weight: 0.1 + next() }));
  const sum = chosen.reduce((all, { weight }) => all + weight, 0);
  return chosen.map(({ expert, weight }) => ({ expert, weight: weight / sum }));
}

const small = { experts: 5, used: 2, cols: 64, hidden: 40, activation: 'silu' } as const;
const main = ['F32', 'Q4_K', 'Q8_0', 'MXFP4', 'Q6_K', 'IQ3_XXS', 'TQ1_0', 'TQ2_0', 'NVFP4'];
const block = (type: string): number => Math.max(32, formats.get(type)!.blockSize);

const decodes: Mixture[] = [
  { ...small, types: ['F32', 'F32'], hidden: 33, tokens: 1 },
  { ...small, types: ['Q4_0', 'Q8_0'], hidden: 96, activation: 'gelu', tokens: 1 },
  { ...small, types: ['Q4_K', 'Q6_K'], cols: 512, hidden: 256, used: 5, tokens: 1 },
  { ...small, types: ['Q4_0', 'Q4_0', 'Q8_0'], hidden: 32, tokens: 1 },
  { ...small, types: ['Q4_0', 'Q8_0'], hidden: 32, activation: 'gelu', fused: true, tokens: 1 },
  { ...small, types: ['MXFP4', 'MXFP4'], hidden: 32, activation: 'clamped', biased: true, tokens: 1 },
];
const prefills: Mixture[] = [
  { ...small, types: ['F32', 'F32'], hidden: 33, tokens: 3 },
  { ...small, types: ['Q4_0', 'Q4_0', 'Q8_0'], hidden: 32, activation: 'gelu', tokens: 5 },
  { ...small, types: ['MXFP4', 'MXFP4'], hidden: 64, used: 1, experts: 17, activation: 'relu', tokens: 70 },
  { ...small, types: ['Q4_K', 'Q6_K'], cols: 256, hidden: 256, tokens: 33 },
  { ...small, types: ['Q4_0', 'Q4_0', 'Q8_0'], hidden: 32, activation: 'clamped', biased: true, tokens: 11 },
  { ...small, types: ['F32', 'F32'], experts: 3, used: 2, tokens: 40, maxBindingBytes: 40000 },
];

export const checks: OperationChecks<Experts> = {
  all: (): Check[] => [
    ...[1, 4].map((splits) => ({
      name: `experts, ${splits} splits`, tolerance, choice: { splits },
      cases: [...decodes, { ...prefills.at(-1)!, tokens: 1 }].map((each) => mixtureCase(each, 'decode', decodeChoice({ splits }))),
    })),
    // A part of a panel with more threads to a row: as many threads as the device was asked for.
    ...[[32, 0.25], [16, 0.5]].map(([splits, panels]) => ({
      name: `experts, ${splits} splits, ${panels} panels`, tolerance, choice: { splits, panels },
      cases: [mixtureCase(decodes[0], 'decode', decodeChoice({ splits, panels }))],
    })),
    ...[0, 4].map((few) => ({
      name: `experts of many rows, ${Math.max(1, few)} splits`, tolerance, choice: { few },
      cases: prefills.map((each) => mixtureCase(each, 'prefill', decodeChoice({ few }))),
    })),
    {
      name: 'experts in 64 registers', tolerance, choice: { registers: 64 },
      cases: [...prefills.slice(1).map((each) => mixtureCase(each, 'prefill', decodeChoice({ registers: 64 }))),
        mixtureCase({ ...small, types: ['TQ1_0', 'TQ1_0'], cols: 256, hidden: 256, tokens: 1 }, 'decode', decodeChoice({ registers: 64 }))],
    },
    ...main.map((type) => ({
      name: `experts ${type}`, tolerance, choice: {},
      cases: [mixtureCase({ ...small, types: [type, type], cols: 2 * block(type), hidden: block(type), tokens: 9 }, 'prefill', decodeChoice({}))],
    })),
  ],
  of({ typeOf, choice }, { gate, up, down, cols, hidden, activation, used, biases, fused }) {
    const types: Mixture['types'] = [typeOf(gate.tensor), typeOf(down.tensor), typeOf(up.tensor)];
    const each = { types, experts: Math.max(4, used), used, cols, hidden: Math.min(hidden, block(types[1])), activation, biased: biases !== undefined, fused };
    const { splits, panels, dot, few } = choice;
    // Their kernels unpack as those of products do.
    const halved = [...new Set(types.flatMap((type) => (type !== undefined && unpacksHalves(type) ? type : [])))];
    const also = `${biases ? ' biased' : ''}${fused ? ' fused' : ''}${inRegisters(choice.registers)}${unpackedIn(choice, halved.length > 0)}`;
    const label = `experts ${types.join('+')} ${hidden}x${cols} ${activation}${also}`;
    const of = (mode: Mode, tokens: number, proves: Check['choice']): Check => ({
      name: `${label}, ${mode}, ${splitsOf(choice, mode)} splits`,
      tolerance, choice: proves, cases: [mixtureCase({ ...each, tokens }, mode, choice)],
    });
    const halves = choice.halves === 'unpack' && halved.length > 0 ? [halvesCheck({ types: halved, rows: halved.map(() => 32), cols, tokens: 1 }, choice)] : [];
    return [of('decode', 1, { splits, panels, dot }), of('prefill', 9, { few }), ...halves];
  },
};
