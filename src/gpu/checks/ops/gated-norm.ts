// Checks of gates with norms: before, after and without, of one group and several.
import { type GatedNorm, gatedNorm as gatedNormOp } from '../../../model/ops/rare/gated-norm.ts';
import { gatedNorm } from '../../../reference/rare/gated-norm.ts';
import { type Case, type Check } from '../check.ts';
import { decodeChoice } from '../choice.ts';
import { concat } from '../heads.ts';
import { type OperationChecks } from '../operation-checks.ts';
import { normals, random } from '../random.ts';
import { type Tensor, withStage } from '../workbench.ts';

/** A sum of squares, inverseSqrt and an exp. */
const tolerance = 1e-5;

interface Gated extends Pick<GatedNorm, 'activation' | 'groups' | 'width' | 'one' | 'first'> {
  norm?: { each: 'own' | 'same'; last: boolean };
  tokens: number;
}

function gatedCase(given: Gated): Case {
  const { activation, groups, width, one, first = 0, norm, tokens } = given;
  const name = JSON.stringify(given);
  return {
    name,
    async run(bench) {
      const next = random(name);
      const numbers = groups * width;
      const x = normals(next, tokens * numbers);
      const gates = one ? 1 : numbers;
      const gate = normals(next, tokens * gates, 2);
      const weight = normals(next, norm?.each === 'own' ? numbers : width);
      const shape = norm?.each === 'own' ? [width, groups] : [width];
      const tensors: Record<string, Tensor> = norm ? { weight: { type: 'F32', shape, bytes: new Uint8Array(weight.buffer) } } : {};
      const op = gatedNormOp({
        input: 'scanned', first, gate: 'mixer', column: 3, one, activation, groups, width, norm: norm && { ...norm, weight: 'weight' }, output: 'mixed',
      });
      const found = await withStage(bench, { config: { eps: 1e-5 }, choice: decodeChoice({}), tensors, op, tokens }, async (stage) => {
        const input = (t: number) => concat([new Float32Array(first).fill(9), x.subarray(t * numbers, (t + 1) * numbers)]);
        stage.write('scanned', concat(Array.from({ length: tokens }, (_, t) => input(t))), first + numbers);
        const row = (t: number) => concat([new Float32Array(3), gate.subarray(t * gates, (t + 1) * gates)]);
        stage.write('mixer', concat(Array.from({ length: tokens }, (_, t) => row(t))), 3 + gates);
        await stage.run(stage.dispatches);
        return stage.read('mixed', tokens, numbers);
      });
      const expected = gatedNorm({ x, gate, one, activation, groups, width, norm: norm && { weight, last: norm.last }, eps: 1e-5 });
      return { found, expected, scale: expected.map((value) => Math.abs(value) + 0.1) };
    },
  };
}

export const checks: OperationChecks<GatedNorm> = {
  all: (): Check[] => [{
    name: 'gated-norm', tolerance, choice: {},
    cases: [
      gatedCase({ activation: 'silu', groups: 2, width: 96, norm: { each: 'own', last: true }, tokens: 3 }),
      gatedCase({ activation: 'silu', groups: 5, width: 32, norm: { each: 'same', last: false }, tokens: 4 }),
      gatedCase({ activation: 'silu', groups: 1, width: 257, tokens: 2 }),
      gatedCase({ activation: 'sigmoid', groups: 3, width: 64, tokens: 2 }),
      gatedCase({ activation: 'gelu', groups: 1, width: 32, first: 64, tokens: 3 }),
      gatedCase({ activation: 'sigmoid', groups: 1, width: 70, one: true, tokens: 5 }),
    ],
  }],
  of(_model, { activation, groups, width, one, norm }) {
    const each = { activation, groups: Math.min(groups, 3), width, one, norm: norm && { each: norm.each, last: norm.last } };
    const order = norm ? (norm.last ? ', then a norm' : ' behind a norm') : '';
    const name = `gated-norm ${activation}${one ? ' of rows' : ''} of ${width}${order}`;
    return [{ name, tolerance, choice: {}, cases: [gatedCase({ ...each, tokens: 3 })] }];
  },
};
