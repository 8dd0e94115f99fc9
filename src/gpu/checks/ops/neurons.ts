// Checks of products by the columns of neurons that are on: none, few and all of them, one row and many, one binding and several.
import { columnForm } from '../../../formats/columns.ts';
import { type Neurons, neurons as neuronsOp } from '../../../model/ops/rare/neurons.ts';
import { type KernelChoice, type Mode } from '../../../model/choices/kernel-choice.ts';
import { project } from '../../../reference/project.ts';
import { type Case, type Check } from '../check.ts';
import { decodeChoice } from '../choice.ts';
import { type OperationChecks } from '../operation-checks.ts';
import { normals, random, randomTensor, unpackTensor } from '../random.ts';
import { withStage } from '../workbench.ts';

/** Of sums of absolute values: f32 sums of some hundred terms use a tenth. */
const tolerance = 1e-6;

interface Product {
  type: string;
  /** Numbers of a column. */
  rows: number;
  neurons: number;
  /** Of the neurons of a row. */
  on: number;
  tokens: number;
  maxBindingBytes?: number;
}

function neuronsCase({ type, rows, neurons, on, tokens, maxBindingBytes }: Product, mode: Mode, choice: KernelChoice): Case {
  const name = `${type} ${rows} x ${neurons}, ${100 * on} % on, ${tokens} tokens${maxBindingBytes ? ', several bindings' : ''}`;
  return {
    name,
    async run(bench) {
      const next = random(name);
      const bytes = randomTensor(type, rows, neurons, next);
      const op = neuronsOp({ input: 'hidden', down: { tensor: 'down', firstRow: 0, rows }, neurons, output: 'x' });
      const hidden = normals(next, tokens * neurons).map((value) => (next() < on ? value : 0));
      const x = normals(next, tokens * rows);
      const setting = { choice, tensors: { down: { type, shape: [neurons, rows], bytes } }, op, mode, tokens, maxBindingBytes };
      const found = await withStage(bench, setting, async (stage) => {
        stage.write('hidden', hidden, neurons);
        stage.write('x', x, rows);
        await stage.run(stage.dispatches);
        return stage.read('x', tokens, rows);
      });
      const weights = unpackTensor(type, bytes, rows, neurons);
      const size = (values: Float32Array) => values.map(Math.abs);
      return {
        found, expected: project({ weights, rows, cols: neurons, x: hidden, residual: x }),
        scale: project({ weights: size(weights), rows, cols: neurons, x: size(hidden), residual: size(x) }),
      };
    },
  };
}

const both = (each: Omit<Product, 'tokens'>, choice: KernelChoice): Case[] =>
  [['decode', 1] as const, ['prefill', 5] as const].map(([mode, tokens]) => neuronsCase({ ...each, tokens }, mode, choice));

export const checks: OperationChecks<Neurons> = {
  all: (): Check[] => [
    ...['Q8_0', 'Q4_0', 'F16', 'F32'].map((type) => ({
      name: `neurons ${type}`, tolerance, choice: {}, cases: both({ type, rows: 68, neurons: 160, on: 0.2 }, decodeChoice({})),
    })),
    {
      name: 'neurons at their edges', tolerance, choice: {},
      cases: [
        ...both({ type: 'Q8_0', rows: 320, neurons: 64, on: 0 }, decodeChoice({})),
        ...both({ type: 'Q8_0', rows: 128, neurons: 2080, on: 1, maxBindingBytes: 65536 }, decodeChoice({})),
        neuronsCase({ type: 'F32', rows: 4, neurons: 33, on: 0.5, tokens: 70 }, 'prefill', decodeChoice({})),
      ],
    },
  ],
  of({ typeOf, choice }, { down, neurons }) {
    const type = typeOf(down.tensor);
    const name = `neurons ${type} ${down.rows}x${neurons}`;
    return [{
      name, tolerance, choice: columnForm(type)!.scaled || type === 'F16' ? { halves: choice.halves } : {},
      cases: both({ type, rows: Math.min(down.rows, 320), neurons: Math.min(neurons, 2080), on: 0.1 }, choice),
    }];
  },
};
