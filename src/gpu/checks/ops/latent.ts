// Checks of what attention to latents takes: queries, key and value of a row.
import { type Latent, latent as latentOp } from '../../../model/ops/rare/latent.ts';
import { setLatents } from '../../../reference/rare/latent.ts';
import { type Case, type Check } from '../check.ts';
import { decodeChoice } from '../choice.ts';
import { concat } from '../heads.ts';
import { type OperationChecks } from '../operation-checks.ts';
import { normals, random } from '../random.ts';
import { withStage } from '../workbench.ts';

/** A sum of squares and inverseSqrt. */
const tolerance = 1e-6;

function latentCase(heads: number, rotatedDim: number, latentDim: number, tokens: number): Case {
  const name = `${heads} heads of ${rotatedDim} + ${latentDim}, ${tokens} tokens`;
  return {
    name,
    async run(bench) {
      const next = random(name);
      const first = 8;
      const width = (heads + 2) * (rotatedDim + latentDim);
      const weight = normals(next, latentDim);
      const [latents, keys] = [normals(next, tokens * latentDim), normals(next, tokens * rotatedDim)];
      const [queries, before] = [normals(next, tokens * heads * rotatedDim), normals(next, tokens * width)];
      const rows = (parts: [Float32Array, number][]) =>
        concat(Array.from({ length: tokens }, (_, t) => concat(parts.map(([part, each]) => part.subarray(t * each, (t + 1) * each)))));
      const op = latentOp({ input: 'latent', norm: 'norm', latentDim, rotatedDim, queries: 'query-parts', first, heads, output: 'qkv' });
      const tensors = { norm: { type: 'F32', shape: [latentDim], bytes: new Uint8Array(weight.buffer) } };
      const found = await withStage(bench, { config: { eps: 1e-5 }, choice: decodeChoice({}), tensors, op, tokens }, async (stage) => {
        stage.write('latent', rows([[latents, latentDim], [keys, rotatedDim]]), latentDim + rotatedDim);
        stage.write('query-parts', rows([[new Float32Array(tokens * first), first], [queries, heads * rotatedDim]]), first + heads * rotatedDim);
        stage.write('qkv', before, width);
        await stage.run(stage.dispatches);
        return stage.read('qkv', tokens, width);
      });
      const expected = before.slice();
      setLatents(expected, { latents, weight, keys, queries, latentDim, rotatedDim, heads, eps: 1e-5 });
      return { found, expected, scale: expected.map((value) => Math.abs(value) + 1e-3) };
    },
  };
}

export const checks: OperationChecks<Latent> = {
  all: (): Check[] => [{ name: 'latent', tolerance, choice: {}, cases: [latentCase(3, 16, 64, 4), latentCase(5, 4, 100, 1)] }],
  of: (_model, { heads, rotatedDim, latentDim }) => [
    { name: `latent of ${rotatedDim} + ${latentDim}`, tolerance, choice: {}, cases: [latentCase(Math.min(heads, 3), rotatedDim, latentDim, 3)] },
  ],
};
