// Checks of the kernels between the products: RMS norm and gate, on activations alone.
import { normAdd } from '../../model/ops/norm-add.ts';
import { project } from '../../model/ops/project.ts';
import { type KernelChoice } from '../../model/kernel-choice.ts';
import { type Gate, gated } from '../../reference/gate.ts';
import { rmsNorm } from '../../reference/rms-norm.ts';
import { type Case, type Check } from './check.ts';
import { decodeChoice } from './project.ts';
import { normals, random, randomTensor } from './random.ts';
import { type Tensor, withStage } from './workbench.ts';

/** output += norm(x), or the norm alone as it stands before a product of many rows. */
export function normCase(dim: number, tokens: number, add: boolean, choice: KernelChoice, size = 1): Case {
  const name = `${dim} wide, ${tokens} tokens, of size ${size}${add ? ', added' : ''}`;
  return {
    name,
    async run(bench) {
      const next = random(name);
      const weight = normals(next, dim);
      const x = normals(next, tokens * dim, size);
      const before = normals(next, tokens * dim);
      const tensors: Record<string, Tensor> = { weight: { type: 'F32', shape: [dim], bytes: new Uint8Array(weight.buffer) } };
      const product = project({ input: 'x', norm: 'weight', output: 'hidden', cols: dim, matrices: [{ tensor: 'matrix', firstRow: 0, rows: 32 }] });
      if (!add) tensors.matrix = { type: 'F32', shape: [dim, 32], bytes: randomTensor('F32', 32, dim, next) };
      const output = add ? 'branch' : 'normed';
      const op = add ? normAdd({ input: 'x', weight: 'weight', output: 'branch' }) : product;
      const found = await withStage(bench, { config: { dim }, choice, tensors, op, tokens }, async (stage) => {
        stage.write('x', x, dim);
        if (add) stage.write('branch', before, dim);
        await stage.run(stage.dispatches.slice(0, 1));
        return stage.read(output, tokens, dim);
      });
      const normed = rmsNorm(x, weight, 1e-5);
      return { found, expected: add ? normed.map((value, i) => value + before[i]) : normed, scale: normed.map((value, i) => Math.abs(value) + (add ? Math.abs(before[i]) : 1e-30)) };
    },
  };
}

/** Four roundings, a sum of squares in f32 and inverseSqrt within 2 ulp: some 2^-21. */
export const normTolerance = 1e-6;

const widths = [1, 3, 64, 255, 256, 257, 260, 1025];

const normChecks = (): Check[] =>
  (['workgroup', 'subgroup'] as const).flatMap((reduce) => {
    const choice = decodeChoice({ reduce });
    const cases = (add: boolean) => widths.flatMap((dim, i) => [normCase(dim, 1 + (i % 3), add, choice), normCase(dim, 2, add, choice, i % 2 ? 1e4 : 1e-3)]);
    return [
      { name: `rms-norm by ${reduce}`, tolerance: normTolerance, choice: { reduce }, cases: cases(false) },
      { name: `rms-norm by ${reduce}, added`, tolerance: normTolerance, choice: { reduce }, cases: cases(true) },
    ];
  });

function gateCase(ffn: number, tokens: number, gate: Gate, size: number): Case {
  const name = `${gate} ${ffn} wide, ${tokens} tokens, of size ${size}`;
  return {
    name,
    async run(bench) {
      const next = random(name);
      const padded = Math.ceil(ffn / 32) * 32;
      const input = normals(next, tokens * 2 * padded, size);
      const tensor: Tensor = { type: 'F32', shape: [1, ffn], bytes: randomTensor('F32', ffn, 1, next) };
      const op = project({ input: 'x', output: 'hidden', cols: 1, gate, matrices: ['up', 'gate'].map((name) => ({ tensor: name, firstRow: 0, rows: ffn })) });
      const found = await withStage(bench, { config: { dim: 1, ffn }, choice: decodeChoice({}), tensors: { up: tensor, gate: tensor }, op, tokens }, async (stage) => {
        stage.write('gated', input, 2 * padded);
        await stage.run(stage.dispatches.slice(-1)); // the product before it would overwrite the input
        return stage.read('hidden', tokens, ffn);
      });
      const expected = new Float32Array(tokens * ffn);
      const wide = gated(input, padded, gate);
      for (let t = 0; t < tokens; t++) expected.set(wide.subarray(t * padded, t * padded + ffn), t * ffn);
      // |x| * |up| is the size of either product; exp and tanh may be off by 1e-5 of it.
      const scale = expected.map((_, i) => {
        const at = Math.floor(i / ffn) * 2 * padded + (i % ffn);
        return Math.abs(input[at] * input[at + padded]);
      });
      return { found, expected, scale };
    },
  };
}

const gateChecks = (): Check[] =>
  (['silu', 'gelu'] as const).map((gate) => ({
    name: `gate ${gate}`, tolerance: 1e-5, choice: {}, cases: [[1, 1], [172, 3], [257, 2], [256, 65]].flatMap(([ffn, tokens]) => [0.1, 3, 1e4].map((size) => gateCase(ffn, tokens, gate, size))),
  }));

export const elementwiseChecks = (): Check[] => [...normChecks(), ...gateChecks()];
