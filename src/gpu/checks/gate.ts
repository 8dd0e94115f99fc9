// Checks of the gate that joins the halves of a product, on activations alone.
import { project } from '../../model/ops/project.ts';
import { type Gate, gated } from '../../reference/gate.ts';
import { type Case, type Check } from './check.ts';
import { decodeChoice } from './choice.ts';
import { normals, random, randomTensor } from './random.ts';
import { type Tensor, withStage } from './workbench.ts';

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
      const found = await withStage(
        bench,
        { config: { dim: 1, ffn }, choice: decodeChoice({}), tensors: { up: tensor, gate: tensor }, op, tokens },
        async (stage) => {
          stage.write('gated', input, 2 * padded);
          await stage.run(stage.dispatches.slice(-1)); // the product before it would overwrite the input
          return stage.read('hidden', tokens, ffn);
        },
      );
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

export const gateChecks = (): Check[] =>
  (['silu', 'gelu'] as const).map((gate) => ({
    name: `gate ${gate}`,
    tolerance: 1e-5,
    choice: {},
    cases: [
      [1, 1],
      [172, 3],
      [257, 2],
      [256, 65],
    ].flatMap(([ffn, tokens]) => [0.1, 3, 1e4].map((size) => gateCase(ffn, tokens, gate, size))),
  }));
