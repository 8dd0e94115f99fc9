// How far one engine's expectations are from another's of the same vocabulary: quantisations of a model, or ways to keep keys and values.
import { type Divergence, createComparison, divergenceOf } from '../distribution.ts';
import { RequestError } from '../errors.ts';
import { type EvaluateOptions } from './evaluate.ts';
import { type Engine } from './engine.ts';

export { type Divergence };

export type Compared = Pick<Engine, 'distributions'>;

/**
 * Of all tokens of the chunks but the first of each. A chunk, a text or token ids, is by itself; keep them short, as all probabilities are held.
 * @throws RequestError for vocabularies that differ.
 */
export async function divergence(
  base: Compared,
  other: Compared,
  chunks: readonly (string | number[])[],
  { signal, onProgress }: EvaluateOptions = {},
): Promise<Divergence> {
  const comparison = createComparison();
  for (const [i, chunk] of chunks.entries()) {
    const wanted = await base.distributions(chunk, { signal });
    const found = await other.distributions(chunk, { signal });
    if (wanted.length !== found.length || wanted[0]?.length !== found[0]?.length)
      throw new RequestError(
        `The engines make ${wanted.length} and ${found.length} tokens of a text, of ${wanted[0]?.length} and ${found[0]?.length} in all; only models of one ` +
        'vocabulary can be compared.',
      );
    wanted.forEach((p, place) => comparison.add(divergenceOf(p, found[place]), p, found[place]));
    onProgress?.(i + 1, chunks.length);
  }
  const result = comparison.result();
  if (!result.positions) throw new RequestError('There is nothing to compare: give at least one text.');
  return result;
}
