// Distributions over a vocabulary, compared.

/** The index of the largest number, the first of equals. */
export const argmax = (values: Float32Array): number => values.reduce((best, value, i) => (value > values[best] ? i : best), 0);

/** KL(p || q) in nats, of ln of their probabilities; what the first holds for impossible adds nothing. */
export function divergenceOf(p: Float32Array | Float64Array, q: Float32Array | Float64Array): number {
  let sum = 0;
  for (const [i, value] of p.entries()) if (value !== -Infinity) sum += Math.exp(value) * (value - q[i]);
  return sum;
}

export interface Divergence {
  /** Places that were compared. */
  positions: number;
  /** Kullback-Leibler divergence of what is compared from what it is compared with, KL(that || this), in nats. */
  meanKl: number;
  mostKl: number;
  /** Share of the places where both hold the same token for likeliest. */
  sameToken: number;
}

/** Of places one by one: what is compared with (`p`) and what is compared (`q`), in numbers of which the largest is the likeliest token's. */
export function createComparison() {
  let [positions, total, mostKl, same] = [0, 0, 0, 0];
  return {
    add(kl: number, p: Float32Array, q: Float32Array): void {
      positions++;
      total += kl;
      mostKl = Math.max(mostKl, kl);
      same += Number(argmax(p) === argmax(q));
    },
    result: (): Divergence => ({ positions, meanKl: total / positions, mostKl, sameToken: same / positions }),
  };
}
