// Checks of token shifts: what comes out and what is kept, from the beginning and behind other rows, in many rows and in one.
import { type Mode } from '../../../model/choices/kernel-choice.ts';
import { type Shift, shift as shiftOp } from '../../../model/ops/rare/shift.ts';
import { shift } from '../../../reference/rare/wkv.ts';
import { type Case, type Check } from '../check.ts';
import { decodeChoice } from '../choice.ts';
import { concat } from '../heads.ts';
import { type OperationChecks } from '../operation-checks.ts';
import { normals, random } from '../random.ts';
import { type Tensor, withStage } from '../workbench.ts';

/** A difference, a product and a sum. */
const tolerance = 1e-6;

interface Shifted {
  width: number;
  tokens: number;
  position: number;
  keeps: boolean;
  /** Row of the activations that the step begins at. */
  first?: number;
}

function shiftCase(given: Shifted, mode: Mode): Case {
  const { width, tokens, position, keeps, first = 0 } = given;
  const name = `${JSON.stringify(given)}, ${mode}`;
  return {
    name,
    async run(bench) {
      const next = random(name);
      const weights = normals(next, 3 * width);
      const x = normals(next, tokens * width);
      const before = normals(next, width);
      const tensors: Record<string, Tensor> = { weight: { type: 'F32', shape: [width, 3], bytes: new Uint8Array(weights.buffer) } };
      const op = shiftOp({ name: 'state', input: 'read', width, weight: 'weight', part: 1, parts: 3, shape: [width, 3], keeps, output: 'mixed' });
      const found = await withStage(bench, { choice: decodeChoice({}), tensors, op, mode, tokens, position, first }, async (stage) => {
        stage.write('read', x, width);
        bench.gpu.device.queue.writeBuffer(stage.memory!, 0, before);
        await stage.run(stage.dispatches);
        return concat([await stage.read('mixed', tokens, width), new Float32Array(await stage.readBytes(stage.memory!, 4 * width))]);
      });
      const output = shift(x, weights.subarray(width, 2 * width), position ? before : undefined);
      const expected = concat([output, keeps ? x.subarray((tokens - 1) * width) : before]);
      return { found, expected, scale: new Float32Array(expected.length).fill(10) };
    },
  };
}

export const checks: OperationChecks<Shift> = {
  all: (): Check[] => [{
    name: 'shift', tolerance, choice: {},
    cases: [
      shiftCase({ width: 70, tokens: 9, position: 0, keeps: true }, 'prefill'),
      shiftCase({ width: 64, tokens: 2, position: 5, keeps: true, first: 3 }, 'prefill'),
      shiftCase({ width: 33, tokens: 3, position: 2, keeps: false }, 'prefill'),
      shiftCase({ width: 70, tokens: 1, position: 7, keeps: true, first: 2 }, 'decode'),
      shiftCase({ width: 5, tokens: 1, position: 0, keeps: false }, 'decode'),
    ],
  }],
  of: (_model, { keeps }) => [{
    name: `shift${keeps ? ', kept' : ''}`, tolerance, choice: {},
    cases: [shiftCase({ width: 70, tokens: 3, position: 3, keeps }, 'prefill'), shiftCase({ width: 70, tokens: 1, position: 4, keeps }, 'decode')],
  }],
};
