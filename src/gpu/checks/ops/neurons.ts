// Checks of products by neurons that are on: none, few and all of them, one row and many, one binding and several; with gates, and of experts.
import { columnForm } from '../../../formats/columns.ts';
import { groupExperts } from '../../../model/ops/rare/experts.ts';
import { expertGates } from '../../../model/ops/rare/expert-gates.ts';
import { type Neurons, neurons as neuronsOp } from '../../../model/ops/rare/neurons.ts';
import { type KernelChoice, type Mode } from '../../../model/choices/kernel-choice.ts';
import { type Choice } from '../../../reference/rare/route.ts';
import { neuronsAdded } from '../../../reference/rare/neurons.ts';
import { rmsNorm } from '../../../reference/rms-norm.ts';
import { type Case, type Check } from '../check.ts';
import { decodeChoice, inRegisters, unpackedIn } from '../choice.ts';
import { type OperationChecks } from '../operation-checks.ts';
import { type Random, normals, random, randomTensor, unpackTensor } from '../random.ts';
import { type Tensor, type Workbench, withStage } from '../workbench.ts';
import { choose, chosenWords } from './experts.ts';

/** Of sums of absolute values, of gated ones through two products: f32 sums of some hundred terms use a tenth. */
const tolerance = 1e-6;

interface Product {
  /** Of the columns, and of up rows, if there are any. */
  type: string;
  up?: string;
  /** Numbers of a column, and of an up row. */
  rows: number;
  cols?: number;
  neurons: number;
  /** Of all neurons, those of so many experts, of which a row has some. */
  experts?: { count: number; used: number };
  /** Of the neurons of a row. */
  on: number;
  tokens: number;
  maxBindingBytes?: number;
}

function neuronsCase(given: Product, mode: Mode, choice: KernelChoice): Case {
  const { type, up, rows, cols, neurons, experts, on, tokens, maxBindingBytes } = given;
  const gated = up ? `, gated ${up} of ${cols}` : '';
  const of = experts ? `, ${experts.used} of ${experts.count} experts` : '';
  const name = `${type} ${rows} x ${neurons}${gated}${of}, ${100 * on} % on, ${tokens} tokens${maxBindingBytes ? ', several bindings' : ''}`;
  return { name, run: (bench) => runNeurons(bench, given, mode, choice, random(name)) };
}

/** The operation, its tensors and what its buffers have before it. */
function made({ type, up, rows, cols = 0, neurons, experts, on, tokens }: Product, next: Random) {
  const [count, used] = [experts?.count ?? 1, experts?.used ?? 1];
  const tensor = (kind: string, height: number, width: number): Tensor =>
    ({ type: kind, shape: [width, height, count], bytes: randomTensor(kind, height * count, width, next) });
  const rowsOf = (name: string, height: number) => ({ tensor: name, firstRow: 0, rows: height });
  const norm = normals(next, cols);
  const tensors: Record<string, Tensor> = {
    down: tensor(type, rows, neurons),
    ...(up && { up: tensor(up, neurons, cols), norm: { type: 'F32', shape: [cols], bytes: new Uint8Array(norm.buffer) } }),
  };
  const op = neuronsOp({
    input: 'hidden', down: rowsOf('down', rows * count), neurons, output: 'x', experts,
    ...(up && { gated: { ...(experts ? { input: 'normed' } : { input: 'in', norm: 'norm' }), cols, up: rowsOf('up', neurons * count) } }),
  });
  const off = (): number => (up ? -next() : 0);
  const hidden = normals(next, tokens * used * neurons).map((value) => (next() < on ? (up ? Math.abs(value) : value) : off()));
  const choices = Array.from({ length: tokens }, (): Choice[] => (experts ? choose(next, count, used) : [{ expert: 0, weight: 1 }]));
  return { op, tensors, norm, hidden, choices, x: normals(next, tokens * rows), input: normals(next, tokens * cols), count, used };
}

async function runNeurons(bench: Workbench, given: Product, mode: Mode, choice: KernelChoice, next: Random) {
  const { type, up, rows, cols = 0, neurons, experts, tokens, maxBindingBytes } = given;
  const { op, tensors, norm, hidden, choices, x, input, count, used } = made(given, next);
  const before = experts && expertGates({
    input: 'in', norm: 'norm', experts: count, used, gate: op.down, cols, hidden: neurons, normed: 'normed', output: 'hidden',
  });
  const setting = { choice, tensors, op, after: before, mode, tokens, maxBindingBytes, config: { eps: 1e-5 } };
  const found = await withStage(bench, setting, async (stage) => {
    stage.write('hidden', hidden, used * neurons);
    stage.write('x', x, rows);
    if (up) stage.write(op.gated!.input, input, cols);
    if (experts) stage.write('chosen', chosenWords(choices), 2 * used);
    const grouped = experts && mode === 'prefill' ? [groupExperts({ experts: count, used }, { activations: stage.activations }, 'check')] : [];
    await stage.run([...grouped, ...stage.dispatches]);
    return stage.read('x', tokens, rows);
  });
  const size = (values: Float32Array) => values.map(Math.abs);
  const weights = unpackTensor(type, tensors.down.bytes, count * rows, neurons);
  const ups = up ? unpackTensor(up, tensors.up.bytes, count * neurons, cols) : undefined;
  const read = op.gated?.norm === undefined ? input : rmsNorm(input, norm, 1e-5);
  const added = (of: (values: Float32Array) => Float32Array) => neuronsAdded(
    up ? hidden : of(hidden), { dim: rows, neurons, down: of(weights), gated: ups && { x: of(read), cols, up: of(ups) } }, choices);
  const sizes = added(size);
  return {
    found, expected: added((values) => values).map((value, i) => value + x[i]),
    scale: sizes.map((value, i) => (up ? 2 : 1) * value + Math.abs(x[i])),
  };
}

const both = (each: Omit<Product, 'tokens'>, choice: KernelChoice): Case[] =>
  [['decode', 1] as const, ['prefill', 5] as const].map(([mode, tokens]) => neuronsCase({ ...each, tokens }, mode, choice));

const types = ['Q8_0', 'Q4_0', 'F16', 'F32'];
const experts = { count: 5, used: 2 };

export const checks: OperationChecks<Neurons> = {
  all: (): Check[] => [
    ...types.map((type) => ({
      name: `neurons ${type}`, tolerance, choice: {}, cases: both({ type, rows: 68, neurons: 160, on: 0.2 }, decodeChoice({})),
    })),
    {
      name: 'neurons in 64 registers', tolerance, choice: { registers: 64 },
      cases: ['Q4_0', 'F16'].map((type) => neuronsCase({ type, rows: 68, neurons: 160, on: 0.2, tokens: 7 }, 'prefill', decodeChoice({ registers: 64 }))),
    },
    {
      name: 'neurons at their edges', tolerance, choice: {},
      cases: [
        ...both({ type: 'Q8_0', rows: 320, neurons: 64, on: 0 }, decodeChoice({})),
        ...both({ type: 'Q8_0', rows: 128, neurons: 2080, on: 1, maxBindingBytes: 65536 }, decodeChoice({})),
        neuronsCase({ type: 'F32', rows: 4, neurons: 33, on: 0.5, tokens: 70 }, 'prefill', decodeChoice({})),
      ],
    },
    ...types.map((up, i) => ({
      name: `neurons gated, ${up}`, tolerance, choice: {},
      cases: [undefined, experts].flatMap((of) =>
        both({ type: types[(i + 1) % 4], up, rows: 68, cols: 96, neurons: 96, experts: of, on: 0.2 }, decodeChoice({}))),
    })),
    {
      name: 'neurons gated, at their edges', tolerance, choice: {},
      cases: [
        ...both({ type: 'Q8_0', up: 'Q8_0', rows: 320, cols: 320, neurons: 64, on: 0 }, decodeChoice({})),
        ...both({ type: 'Q8_0', up: 'Q4_0', rows: 128, cols: 352, neurons: 1056, on: 1, maxBindingBytes: 65536 }, decodeChoice({})),
        ...[
          { type: 'F32', up: 'F32', rows: 4, cols: 36, neurons: 32, experts: { count: 17, used: 1 }, on: 0.5, tokens: 70 },
          { type: 'Q8_0', up: 'Q8_0', rows: 64, cols: 64, neurons: 64, experts: { count: 3, used: 3 }, on: 0.4, tokens: 33 },
        ].map((each) => neuronsCase(each, 'prefill', decodeChoice({}))),
      ],
    },
  ],
  of({ typeOf, choice }, { down, neurons, gated, experts: chosen }) {
    const type = typeOf(down.tensor);
    const up = gated && typeOf(gated.up.tensor);
    const name = `neurons ${type} ${down.rows}x${neurons}${gated ? ` gated ${up} of ${gated.cols}` : ''}${chosen ? `, ${chosen.used} of ${chosen.count}` : ''}`;
    const halved = [type, up].some((each) => each === 'F16' || (each !== undefined && columnForm(each)!.scaled));
    const count = chosen && { count: Math.max(4, chosen.used), used: chosen.used };
    const product = {
      type, up, rows: Math.min(down.rows / (chosen?.count ?? 1), 320), cols: gated && Math.min(gated.cols, 2080), neurons: Math.min(neurons, 2080),
      experts: count, on: 0.1,
    };
    const also = `${inRegisters(choice.registers)}${unpackedIn(choice, halved)}`;
    return [{ name: `${name}${also}`, tolerance, choice: halved ? { halves: choice.halves } : {}, cases: both(product, choice) }];
  },
};
