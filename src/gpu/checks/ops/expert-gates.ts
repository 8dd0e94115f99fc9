// Checks of the gates of chosen experts, of a matrix in one binding and in several.
import { type ExpertGates, expertGates } from '../../../model/ops/rare/expert-gates.ts';
import { splitsOf } from '../../../model/ops/rare/experts.ts';
import { type KernelChoice, type Mode } from '../../../model/choices/kernel-choice.ts';
import { gatesOf } from '../../../reference/rare/neurons.ts';
import { rmsNorm } from '../../../reference/rms-norm.ts';
import { type Case, type Check } from '../check.ts';
import { decodeChoice, unpackedIn } from '../choice.ts';
import { type OperationChecks } from '../operation-checks.ts';
import { normals, random, randomTensor, unpackTensor, unpacksHalves } from '../random.ts';
import { withStage } from '../workbench.ts';
import { choose, chosenWords } from './experts.ts';
import { halvesCheck } from './project.ts';

const tolerance = 1e-6;

interface Gates {
  type: string;
  experts: number;
  used: number;
  cols: number;
  hidden: number;
  tokens: number;
  maxBindingBytes?: number;
}

function gatesCase({ type, experts, used, cols, hidden, tokens, maxBindingBytes }: Gates, mode: Mode, choice: KernelChoice): Case {
  const name = `${type} ${used} of ${experts}, ${hidden} x ${cols}, ${tokens} tokens${maxBindingBytes ? ', several bindings' : ''}`;
  return {
    name,
    async run(bench) {
      const next = random(name);
      const bytes = randomTensor(type, hidden * experts, cols, next);
      const norm = normals(next, cols);
      const x = normals(next, tokens * cols);
      const choices = Array.from({ length: tokens }, () => choose(next, experts, used));
      const gate = { tensor: 'gate', firstRow: 0, rows: hidden * experts };
      const op = expertGates({ input: 'x', norm: 'norm', experts, used, gate, cols, hidden, normed: 'normed', output: 'gates' });
      const tensors = {
        gate: { type, shape: [cols, hidden, experts], bytes }, norm: { type: 'F32', shape: [cols], bytes: new Uint8Array(norm.buffer) },
      };
      const found = await withStage(bench, { config: { eps: 1e-5 }, choice, tensors, op, mode, tokens, maxBindingBytes }, async (stage) => {
        stage.write('x', x, cols);
        stage.write('chosen', chosenWords(choices), 2 * used);
        await stage.run(stage.dispatches);
        return stage.read('gates', tokens, used * hidden);
      });
      const weights = unpackTensor(type, bytes, hidden * experts, cols);
      const normed = rmsNorm(x, norm, 1e-5);
      const size = (values: Float32Array) => values.map(Math.abs);
      return { found, expected: gatesOf(normed, cols, weights, hidden, choices), scale: gatesOf(size(normed), cols, size(weights), hidden, choices) };
    },
  };
}

const small = { experts: 5, used: 2, cols: 96, hidden: 64 };

export const checks: OperationChecks<ExpertGates> = {
  all: (): Check[] => ['Q8_0', 'Q4_0', 'F32'].map((type) => ({
    name: `expert-gates ${type}`, tolerance, choice: {},
    cases: [undefined, 20000].flatMap((maxBindingBytes) => [['decode', 1] as const, ['prefill', 20] as const].map(([mode, tokens]) =>
      gatesCase({ ...small, type, tokens, maxBindingBytes }, mode, decodeChoice({})))),
  })),
  of({ typeOf, choice }, { gate, cols, hidden, used }) {
    const type = typeOf(gate.tensor);
    const each = { type, experts: Math.max(4, used), used, cols, hidden: Math.min(hidden, 64) };
    const { splits, panels, dot, few } = choice;
    const halves = choice.halves === 'unpack' && unpacksHalves(type) ? [halvesCheck({ types: [type], rows: [32], cols, tokens: 1 }, choice)] : [];
    const label = `expert-gates ${type} ${hidden}x${cols}${unpackedIn(choice, halves.length > 0)}`;
    const of = (mode: Mode, tokens: number, proves: Check['choice']): Check => ({
      name: `${label}, ${mode}, ${splitsOf(choice, mode)} splits`, tolerance, choice: proves,
      cases: [gatesCase({ ...each, tokens }, mode, choice)],
    });
    return [of('decode', 1, { splits, panels, dot }), of('prefill', 9, { few }), ...halves];
  },
};
