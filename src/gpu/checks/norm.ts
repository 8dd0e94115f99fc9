// Cases of the RMS norm, alone as it stands before a product of many rows, or added to a branch; and of the LayerNorm before a product.
import { type KernelChoice } from '../../model/choices/kernel-choice.ts';
import { normAdd } from '../../model/ops/norm-add.ts';
import { project } from '../../model/ops/project.ts';
import { layerNorm } from '../../reference/rare/layer-norm.ts';
import { normAdd as added } from '../../reference/norm-add.ts';
import { rmsNorm } from '../../reference/rms-norm.ts';
import { type Case, type Check } from './check.ts';
import { decodeChoice } from './choice.ts';
import { normals, random, randomTensor } from './random.ts';
import { type Tensor, withStage } from './workbench.ts';

/** What a norm does beside dividing: it is added to a branch, or subtracts the mean first. */
type Kind = 'plain' | 'added' | 'centered';
const suffix = (kind: Kind) => (kind === 'plain' ? '' : `, ${kind}`);

/** output += norm(x), or the norm alone as it stands before a product of many rows. */
function normCase(dim: number, tokens: number, kind: Kind, choice: KernelChoice, size = 1): Case {
  const name = `${dim} wide, ${tokens} tokens, of size ${size}${suffix(kind)}`;
  const add = kind === 'added';
  return {
    name,
    async run(bench) {
      const next = random(name);
      const weight = normals(next, dim);
      const x = normals(next, tokens * dim, size);
      const before = normals(next, tokens * dim);
      const tensors: Record<string, Tensor> = { weight: { type: 'F32', shape: [dim], bytes: new Uint8Array(weight.buffer) } };
      const product = project({
        input: 'x', norm: 'weight', center: kind === 'centered', output: 'hidden', cols: dim, matrices: [{ tensor: 'matrix', firstRow: 0, rows: 32 }],
      });
      if (!add) tensors.matrix = { type: 'F32', shape: [dim, 32], bytes: randomTensor('F32', 32, dim, next) };
      const output = add ? 'branch' : 'normed';
      const op = add ? normAdd({ input: 'x', weight: 'weight', output: 'branch' }) : product;
      const found = await withStage(bench, { config: { dim }, choice, tensors, op, tokens }, async (stage) => {
        stage.write('x', x, dim);
        if (add) stage.write('branch', before, dim);
        await stage.run(stage.dispatches.slice(0, 1));
        return stage.read(output, tokens, dim);
      });
      const normed = (kind === 'centered' ? layerNorm : rmsNorm)(x, weight, 1e-5);
      return {
        found,
        expected: add ? added(before, x, weight, 1e-5) : normed,
        // A mean is off by a rounding or two of the numbers that it is of, which are a few deviations away from it.
        scale: normed.map((value, i) => Math.abs(value) + (add ? Math.abs(before[i]) : 0) + (kind === 'centered' ? Math.abs(weight[i % dim]) : 1e-30)),
      };
    },
  };
}

/** Four roundings, a sum of squares in f32 and inverseSqrt within 2 ulp: some 2^-21. */
const normTolerance = 1e-6;

const widths = [1, 3, 64, 255, 256, 257, 260, 1025];

/** At awkward widths. */
export const normChecks = (kind: Kind): Check[] =>
  (['workgroup', 'subgroup'] as const).map((reduce) => {
    const choice = decodeChoice({ reduce });
    const cases = widths.flatMap((dim, i) => [normCase(dim, 1 + (i % 3), kind, choice), normCase(dim, 2, kind, choice, i % 2 ? 1e4 : 1e-3)]);
    return { name: `rms-norm by ${reduce}${suffix(kind)}`, tolerance: normTolerance, choice: { reduce }, cases };
  });

/** Of a width of a model. */
export const normCheck = (dim: number, kind: Kind, choice: KernelChoice): Check => ({
  name: `rms-norm by ${choice.reduce} of ${dim}${suffix(kind)}`,
  tolerance: normTolerance,
  choice: { reduce: choice.reduce },
  cases: [normCase(dim, 3, kind, choice)],
});
