// Checks of the norm that is added to a branch, or put in its place, of one group of numbers or several, scaled at last.
import { type NormAdd, normAdd as normAddOp } from '../../../model/ops/norm-add.ts';
import { type KernelChoice } from '../../../model/choices/kernel-choice.ts';
import { normAdd } from '../../../reference/norm-add.ts';
import { type Case, type Check } from '../check.ts';
import { decodeChoice } from '../choice.ts';
import { normCheck, normChecks } from '../norm.ts';
import { type OperationChecks } from '../operation-checks.ts';
import { normals, random } from '../random.ts';
import { type Tensor, withStage } from '../workbench.ts';

interface Scaled {
  count: number;
  width: number;
  add: boolean;
  factor?: number;
  scaled: boolean;
}

function scaledCase(given: Scaled, choice: KernelChoice): Case {
  const { count, width, add, factor, scaled } = given;
  const name = JSON.stringify(given);
  return {
    name,
    async run(bench) {
      const next = random(name);
      const [tokens, dim] = [3, count * width];
      const [weight, scale, x, before] = [width, 1, tokens * dim, tokens * dim].map((length) => normals(next, length));
      const tensorOf = (values: Float32Array<ArrayBuffer>): Tensor => ({ type: 'F32', shape: [values.length], bytes: new Uint8Array(values.buffer) });
      const tensors = { weight: tensorOf(weight), scale: tensorOf(scale) };
      const groups = count > 1 ? { count, width } : undefined;
      const op = normAddOp({ input: 'branch', weight: 'weight', output: 'x', groups, add, factor, scale: scaled ? 'scale' : undefined });
      const found = await withStage(bench, { config: { dim }, choice, tensors, op, tokens }, async (stage) => {
        stage.write('branch', x, dim);
        stage.write('x', before, dim);
        await stage.run(stage.dispatches);
        return stage.read('x', tokens, dim);
      });
      const by = (factor ?? 1) * (scaled ? scale[0] : 1);
      const expected = normAdd(add ? before : undefined, x, weight, 1e-5).map((value) => value * by);
      return { found, expected, scale: expected.map((value, i) => Math.abs(value) + Math.abs(by) * (1e-3 + Math.abs(before[i]))) };
    },
  };
}

const tolerance = 1e-6;

export const checks: OperationChecks<NormAdd> = {
  all: (): Check[] => [
    ...normChecks('added'),
    {
      name: 'rms-norm of some families', tolerance, choice: {},
      cases: [
        scaledCase({ count: 1, width: 70, add: true, scaled: true }, decodeChoice({})),
        scaledCase({ count: 1, width: 96, add: false, scaled: false }, decodeChoice({})),
        scaledCase({ count: 5, width: 32, add: true, factor: Math.SQRT1_2, scaled: false }, decodeChoice({})),
      ],
    },
  ],
  of({ graph, choice }, { groups, add = true, factor, scale }) {
    const { count, width } = groups ?? { count: 1, width: graph.config.dim };
    if (count === 1 && add && !factor && !scale) return [normCheck(width, 'added', choice)];
    const how = [count > 1 && 'in groups', add && 'added', (factor ?? scale) !== undefined && 'scaled'].filter(Boolean);
    return [{
      name: [`rms-norm by ${choice.reduce} of ${width}`, ...how].join(', '), tolerance, choice: { reduce: choice.reduce },
      cases: [scaledCase({ count: Math.min(count, 3), width, add, factor, scaled: scale !== undefined }, choice)],
    }];
  },
};
