// Angles of rotary position embeddings, computed in f64 as two tables whose product by the addition theorem gives any
// position, so that no GPU sine is needed. Sources: RoFormer (arXiv 2104.09864), YaRN (arXiv 2309.00071), llama.cpp.
import { wgslNumber } from '../gpu/kernels.ts';
import { type RopeSpec } from './graph.ts';

/** The tensor with the divisors of frequencies where there is room for so many positions. */
export const factorsOf = ({ factors, long }: RopeSpec, positions: number): string | undefined => (long && positions > long.above ? long.factors : factors);

/** Radians per position of each pair, (dims / 2). `factors` divides them, one per pair, as in Llama 3. */
export function ropeFrequencies(spec: RopeSpec, factors?: Float32Array): Float64Array {
  const pairs = spec.dims / 2;
  const { yarn } = spec;
  let low = 0;
  let high = 0;
  if (yarn) {
    const turns = (beta: number) => (spec.dims * Math.log(yarn.originalContext / (beta * 2 * Math.PI))) / (2 * Math.log(spec.base));
    low = Math.max(0, Math.floor(turns(yarn.betaFast)));
    high = Math.min(spec.dims - 1, Math.ceil(turns(yarn.betaSlow)));
  }
  return Float64Array.from({ length: pairs }, (_, pair) => {
    const plain = spec.base ** ((-2 * pair) / spec.dims) / (factors ? factors[pair] : 1);
    if (!yarn) return plain * spec.scale;
    const ramp = 1 - Math.min(1, Math.max(0, (pair - low) / Math.max(0.001, high - low)));
    const keep = ramp * yarn.extFactor;
    return plain * spec.scale * (1 - keep) + plain * keep;
  });
}

/** Positions of the low table. */
const lowPositions = wgslNumber('turn', 'LowPositions');

/** Entries (cos, sin) of one rope for positions below `positions`. */
export const angleEntries = (spec: RopeSpec, positions: number): number => (lowPositions + Math.ceil(positions / lowPositions)) * (spec.dims / 2);

/**
 * (cos, sin) of the low positions, then of the multiples of their number, each (position, pair); f32 pairs. The magnitude is in
 * the first table.
 */
export function angleTable(spec: RopeSpec, positions: number, factors?: Float32Array): Float32Array<ArrayBuffer> {
  const frequencies = ropeFrequencies(spec, factors);
  const table = new Float32Array(2 * angleEntries(spec, positions));
  let at = 0;
  const put = (position: number, magnitude: number) => {
    for (const frequency of frequencies) {
      table[at++] = Math.cos(position * frequency) * magnitude;
      table[at++] = Math.sin(position * frequency) * magnitude;
    }
  };
  for (let position = 0; position < lowPositions; position++) put(position, spec.magnitude);
  for (let start = 0; start < positions; start += lowPositions) put(start, 1);
  return table;
}
