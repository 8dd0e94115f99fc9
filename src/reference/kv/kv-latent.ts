// Latents of keys or values, and what is made of them again, as plain loops.
import { type Row, dot } from '../vectors.ts';

/** How far `numbers` less `bias` lie along each row of a basis whose rows are at right angles, in lengths of that row. */
export const latentsOf = (numbers: Row, basis: readonly Row[], bias: Row): number[] =>
  basis.map((row) => dot(numbers.map((x, c) => x - bias[c]), row) / dot(row, row));

/** The sum of the rows, each as often as its latent says, and of `bias`. */
export const madeOf = (latents: Row, basis: readonly Row[], bias: Row): number[] =>
  bias.map((x, c) => basis.reduce((sum, row, i) => sum + latents[i] * row[c], x));
