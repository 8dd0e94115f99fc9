// Checks of what a layer takes over of an earlier one.
import { type Blend, blend as blendOp } from '../../../model/ops/rare/blend.ts';
import { blend } from '../../../reference/rare/wkv.ts';
import { type Case, type Check } from '../check.ts';
import { decodeChoice } from '../choice.ts';
import { type OperationChecks } from '../operation-checks.ts';
import { normals, random } from '../random.ts';
import { withStage } from '../workbench.ts';

function blendCase(width: number, tokens: number): Case {
  const name = `${width} wide, ${tokens} rows`;
  return {
    name,
    async run(bench) {
      const next = random(name);
      const [x, first, gate] = [1, 1, 3].map((size) => normals(next, tokens * width, size));
      const op = blendOp({ input: 'first', gate: 'gate', width, output: 'value' });
      const found = await withStage(bench, { choice: decodeChoice({}), op, tokens }, async (stage) => {
        stage.write('first', first, width);
        stage.write('gate', gate, width);
        stage.write('value', x, width);
        await stage.run(stage.dispatches);
        return stage.read('value', tokens, width);
      });
      return { found, expected: blend(x, first, gate), scale: x.map((value, i) => Math.abs(value) + Math.abs(first[i])) };
    },
  };
}

const check: Check = { name: 'blend', tolerance: 1e-6, choice: {}, cases: [blendCase(64, 3), blendCase(70, 1)] };

export const checks: OperationChecks<Blend> = { all: () => [check], of: () => [check] };
