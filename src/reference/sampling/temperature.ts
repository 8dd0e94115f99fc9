import { differences, sum } from './logits.ts';

/** Probabilities of `tokens` at a temperature above 0; their sum is 1. `first`: the most likely of them. */
export function atTemperature(tokens: number[], logits: Float32Array, temperature: number, first: number): number[] {
  const masses = differences(tokens, logits, first).map((below) => Math.exp(below / Math.fround(temperature)));
  const total = sum(masses);
  return masses.map((mass) => mass / total);
}
