// Checks of convolutions: what comes out and what is kept, from the beginning and behind other rows, in many rows and in one.
import { type Mode } from '../../../model/choices/kernel-choice.ts';
import { type Convolve, convolve as convolveOp } from '../../../model/ops/rare/convolve.ts';
import { convolve } from '../../../reference/rare/convolve.ts';
import { type Case, type Check } from '../check.ts';
import { decodeChoice } from '../choice.ts';
import { concat } from '../heads.ts';
import { type OperationChecks } from '../operation-checks.ts';
import { normals, random } from '../random.ts';
import { type Tensor, withStage } from '../workbench.ts';

/** A sum of some products, and SiLU's exp. */
const tolerance = 1e-5;

interface Convolved {
  channels: number;
  width: number;
  tokens: number;
  position: number;
  bias?: boolean;
  silu?: boolean;
  gated?: boolean;
  /** Row of the activations that the step begins at. */
  first?: number;
}

function convolveCase(given: Convolved, mode: Mode): Case {
  const { channels, width, tokens, position, bias, silu = false, gated, first = 0 } = given;
  const name = `${JSON.stringify(given)}, ${mode}`;
  return {
    name,
    async run(bench) {
      const next = random(name);
      const weight = normals(next, channels * width, 0.5);
      const biases = bias ? normals(next, channels) : undefined;
      const columns = { before: 0, after: channels, first: 2 * channels };
      const parts = [normals(next, tokens * channels), normals(next, tokens * channels), normals(next, tokens * channels)];
      const before = normals(next, (width - 1) * channels);
      const tensors: Record<string, Tensor> = { weight: { type: 'F32', shape: [width, channels], bytes: new Uint8Array(weight.buffer) } };
      if (biases) tensors.bias = { type: 'F32', shape: [channels], bytes: new Uint8Array(biases.buffer) };
      const op = convolveOp({
        name: 'state', input: 'mixer', first: columns.first, gates: gated ? columns : undefined, channels, width, weight: 'weight', bias: biases && 'bias',
        silu, output: 'convolved',
      });
      const found = await withStage(bench, { choice: decodeChoice({}), tensors, op, mode, tokens, position, first }, async (stage) => {
        const row = (t: number, part: Float32Array) => part.subarray(t * channels, (t + 1) * channels);
        stage.write('mixer', concat(Array.from({ length: tokens }, (_, t) => concat(parts.map((part) => row(t, part))))), 3 * channels);
        bench.gpu.device.queue.writeBuffer(stage.memory!, 0, before);
        await stage.run(stage.dispatches);
        const output = await stage.read('convolved', tokens, channels);
        return concat([output, new Float32Array(await stage.readBytes(stage.memory!, 4 * before.length))]);
      });
      const [factor, last, x] = parts;
      const wanted = convolve({
        x: gated ? x.map((value, i) => value * factor[i]) : x, channels, weight, width, bias: biases, silu, before: position ? before : undefined,
      });
      const output = gated ? wanted.output.map((value, i) => value * last[i]) : wanted.output;
      const expected = concat([output, wanted.after]);
      return { found, expected, scale: expected.map((_, i) => 1 + (gated && i < output.length ? 3 * Math.abs(last[i]) : 2)) };
    },
  };
}

export const checks: OperationChecks<Convolve> = {
  all: (): Check[] => [{
    name: 'convolve', tolerance, choice: {},
    cases: [
      convolveCase({ channels: 70, width: 4, tokens: 9, position: 0, bias: true, silu: true }, 'prefill'),
      convolveCase({ channels: 64, width: 4, tokens: 2, position: 5, bias: true, silu: true, first: 3 }, 'prefill'),
      convolveCase({ channels: 5, width: 3, tokens: 1, position: 1, gated: true }, 'prefill'),
      convolveCase({ channels: 96, width: 3, tokens: 17, position: 2, gated: true }, 'prefill'),
      convolveCase({ channels: 70, width: 4, tokens: 1, position: 7, bias: true, silu: true }, 'decode'),
      convolveCase({ channels: 64, width: 3, tokens: 1, position: 0, gated: true, first: 2 }, 'decode'),
      convolveCase({ channels: 33, width: 2, tokens: 1, position: 1 }, 'decode'),
    ],
  }],
  of(_model, { channels, width, bias, silu, gates }) {
    const some = { channels: Math.min(channels, 70), width, position: 3, bias: bias !== undefined, silu, gated: gates !== undefined };
    return [{
      name: `convolve ${width} wide${bias ? ', biased' : ''}${silu ? ' silu' : ''}${gates ? ', gated' : ''}`, tolerance, choice: {},
      cases: [convolveCase({ ...some, tokens: 9 }, 'prefill'), convolveCase({ ...some, tokens: 1 }, 'decode')],
    }];
  },
};
