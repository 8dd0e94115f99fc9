// Checks of the LayerNorm with a bias.
import { type KernelChoice } from '../../../model/choices/kernel-choice.ts';
import { type LayerNorm, layerNorm as layerNormOp } from '../../../model/ops/rare/layer-norm.ts';
import { layerNorm } from '../../../reference/rare/layer-norm.ts';
import { type Case, type Check } from '../check.ts';
import { decodeChoice } from '../choice.ts';
import { type OperationChecks } from '../operation-checks.ts';
import { normals, random } from '../random.ts';
import { type Tensor, withStage } from '../workbench.ts';

function normCase(dim: number, tokens: number, choice: KernelChoice): Case {
  const name = `${dim} wide, ${tokens} tokens`;
  return {
    name,
    async run(bench) {
      const next = random(name);
      const [weight, bias, x] = [dim, dim, tokens * dim].map((length) => normals(next, length));
      const tensorOf = (values: Float32Array<ArrayBuffer>): Tensor => ({ type: 'F32', shape: [dim], bytes: new Uint8Array(values.buffer) });
      const op = layerNormOp({ input: 'x', weight: 'weight', bias: 'bias', output: 'read' });
      const tensors = { weight: tensorOf(weight), bias: tensorOf(bias) };
      const found = await withStage(bench, { config: { dim }, choice, tensors, op, tokens }, async (stage) => {
        stage.write('x', x, dim);
        await stage.run(stage.dispatches);
        return stage.read('read', tokens, dim);
      });
      const expected = layerNorm(x, weight, 1e-5, bias);
      return { found, expected, scale: expected.map((value, i) => Math.abs(value) + Math.abs(weight[i % dim]) + Math.abs(bias[i % dim])) };
    },
  };
}

/** As of the norm without a bias. */
const tolerance = 1e-6;
const widths = [1, 64, 255, 260, 1025];

export const checks: OperationChecks<LayerNorm> = {
  all: (): Check[] => (['workgroup', 'subgroup'] as const).map((reduce) => (
    { name: `layer-norm by ${reduce}`, tolerance, choice: { reduce }, cases: widths.map((dim, i) => normCase(dim, 1 + (i % 3), decodeChoice({ reduce }))) })),
  of: ({ graph: { config: { dim } }, choice }) =>
    [{ name: `layer-norm by ${choice.reduce} of ${dim}`, tolerance, choice: { reduce: choice.reduce }, cases: [normCase(dim, 3, choice)] }],
};
