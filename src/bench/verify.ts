// What makes a speed worth telling: the kernels that a loaded model runs give the numbers of the plain loops, and the tokens
// are those that were expected. A benchmark with a wrong output fails.
import { testable } from '../engine/measure/tune/kinds.ts';
import { type LoadedModel } from '../engine/load/load.ts';
import { selfTest } from '../gpu/self-test.ts';

/** Tests every kernel of the model, also those that the load knew from before; how many checks there were. Throws, naming those that fail. */
export async function verifyKernels(model: LoadedModel): Promise<number> {
  const { gpu, choice, kv, planned: { chosen: { kernels } } } = model;
  const results = await selfTest(gpu, { model: testable(model, { choice, kv }), kernels });
  const failed = results.filter(({ passed }) => !passed);
  if (failed.length) {
    const lines = failed.map(
      ({ name, error, tolerance, message }) => `"${name}" ${message?.split('\n')[0] ?? `is off by ${error}, where ${tolerance} is allowed`}`,
    );
    throw new Error(
      `${failed.length} of ${results.length} kernels of this model compute wrongly on ${gpu.adapterName}, so their speed means nothing: ${lines.join('; ')}.`,
    );
  }
  return results.length;
}

/** Throws if the tokens do not begin as `expected` does. */
export function verifyTokens(ids: readonly number[], expected: readonly number[]): void {
  const begin = ids.slice(0, expected.length);
  if (begin.join() !== expected.join()) throw new Error(`The tokens are ${begin.join()}; expected were ${expected.join()}.`);
}
