// How far one engine's expectations are from another's of the same vocabulary: quantisations of a model, or ways to keep keys and values.
import { RequestError } from '../errors.ts';
import { type EvaluateOptions } from './evaluate.ts';
import { type Engine } from './engine.ts';

export type Compared = Pick<Engine, 'distributions'>;

export interface Divergence {
  /** Places that were compared: all tokens of the chunks but the first of each. */
  positions: number;
  /** Kullback-Leibler divergence of the other from the base, KL(base || other), in nats. */
  meanKl: number;
  mostKl: number;
  /** Share of the places where both hold the same token for likeliest. */
  sameToken: number;
}

/** Each chunk, a text or token ids, by itself; keep them short, as all probabilities are held. @throws RequestError for vocabularies that differ. */
export async function divergence(
  base: Compared,
  other: Compared,
  chunks: readonly (string | number[])[],
  { signal, onProgress }: EvaluateOptions = {},
): Promise<Divergence> {
  let [positions, total, mostKl, same] = [0, 0, 0, 0];
  for (const [i, chunk] of chunks.entries()) {
    const wanted = await base.distributions(chunk, { signal });
    const found = await other.distributions(chunk, { signal });
    if (wanted.length !== found.length || wanted[0].length !== found[0].length)
      throw new RequestError(
        `The engines make ${wanted.length} and ${found.length} tokens of a text, of ${wanted[0].length} and ${found[0].length} in all; only models of one ` +
        'vocabulary can be compared.',
      );
    for (const [place, p] of wanted.entries()) {
      const kl = klOf(p, found[place]);
      positions++;
      total += kl;
      mostKl = Math.max(mostKl, kl);
      same += Number(likeliest(p) === likeliest(found[place]));
    }
    onProgress?.(i + 1, chunks.length);
  }
  if (!positions) throw new RequestError('There is nothing to compare: give at least one text.');
  return { positions, meanKl: total / positions, mostKl, sameToken: same / positions };
}

/** Of natural logarithms; what the first holds for impossible adds nothing. */
const klOf = (p: Float32Array, q: Float32Array): number => p.reduce((sum, value, i) => (value === -Infinity ? sum : sum + Math.exp(value) * (value - q[i])), 0);

const likeliest = (values: Float32Array): number => values.reduce((best, value, i) => (value > values[best] ? i : best), 0);
