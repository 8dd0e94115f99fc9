// Checks of activations between narrow products, of small numbers and of large ones.
import { type Squash, squash as squashOp } from '../../../model/ops/rare/squash.ts';
import { squash } from '../../../reference/rare/wkv.ts';
import { type Case, type Check } from '../check.ts';
import { decodeChoice } from '../choice.ts';
import { type OperationChecks } from '../operation-checks.ts';
import { normals, random } from '../random.ts';
import { withStage } from '../workbench.ts';

function squashCase(by: Squash['by'], width: number, tokens: number, size: number): Case {
  const name = `${by} of ${width}, ${tokens} rows, of size ${size}`;
  return {
    name,
    async run(bench) {
      const x = normals(random(name), tokens * width, size);
      const op = squashOp({ buffer: 'narrow', width, by });
      const found = await withStage(bench, { choice: decodeChoice({}), op, tokens }, async (stage) => {
        stage.write('narrow', x, width);
        await stage.run(stage.dispatches);
        return stage.read('narrow', tokens, width);
      });
      return { found, expected: squash(x, by), scale: new Float32Array(x.length).fill(1) };
    },
  };
}

/** WGSL's tanh and exp are within 1e-5 of one. */
const checkOf = (by: Squash['by']): Check =>
  ({ name: `squash by ${by}`, tolerance: 1e-5, choice: {}, cases: [squashCase(by, 16, 3, 1), squashCase(by, 70, 2, 40)] });

export const checks: OperationChecks<Squash> = { all: () => (['tanh', 'sigmoid'] as const).map(checkOf), of: (_model, { by }) => [checkOf(by)] };
