// Keys as positions turn them and as they were before, and the codes of their parts, as plain loops.
import { type Row } from '../vectors.ts';

/** How positions turn keys: of the first `dims` numbers the pairs, and by how much they become longer (YaRN, LongRoPE). */
export interface Turning {
  dims: number;
  halves: boolean;
  magnitude: number;
  /** Radians of a pair at a position. */
  angle(position: number, pair: number): number;
}

/** Each pair of numbers turned by `sign` times its angle, and made longer or, turned back, shorter. */
export function turned(key: Row, position: number, { dims, halves, magnitude, angle }: Turning, sign: 1 | -1): number[] {
  const result = [...key];
  for (let pair = 0; pair < dims / 2; pair++) {
    const [i, j] = halves ? [pair, pair + dims / 2] : [2 * pair, 2 * pair + 1];
    const [cos, sin] = [Math.cos(angle(position, pair)), sign * Math.sin(angle(position, pair))];
    const longer = magnitude ** sign;
    result[i] = longer * (key[i] * cos - key[j] * sin);
    result[j] = longer * (key[j] * cos + key[i] * sin);
  }
  return result;
}

/** Of each of `parts` parts the centroid that is nearest, all directions counting the same; (centroid, number). Of equals the lower. */
export const codesOf = (key: Row, centroids: readonly Row[], parts: number): number[] =>
  Array.from({ length: parts }, (_, part) => {
    const width = key.length / parts;
    const distances = centroids.map((centroid) => {
      let sum = 0;
      for (let i = part * width; i < (part + 1) * width; i++) sum += (key[i] - centroid[i]) ** 2;
      return sum;
    });
    return distances.indexOf(Math.min(...distances));
  });

/** The key that codes stand for. */
export const decoded = (codes: readonly number[], centroids: readonly Row[], headDim: number): number[] =>
  Array.from({ length: headDim }, (_, i) => centroids[codes[Math.floor((i * codes.length) / headDim)]][i]);
