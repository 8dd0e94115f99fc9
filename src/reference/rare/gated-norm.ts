// The norm of groups of numbers times a gate, or the norm of their product, in f64.
import { activate } from '../gate.ts';

export interface Gating {
  /** (rows, groups, width) */
  x: Float32Array;
  /** As x, or with `one` (rows). */
  gate: Float32Array;
  one?: boolean;
  activation: 'silu' | 'sigmoid' | 'gelu';
  groups: number;
  width: number;
  /** (groups, width), or (width) for all of them. */
  norm?: { weight: Float32Array; last: boolean };
  eps: number;
}

/** Returns (rows, groups, width). */
export function gatedNorm({ x, gate, one, activation, groups, width, norm, eps }: Gating): Float32Array {
  const gates = x.map((_, i) => {
    const value = gate[one ? Math.floor(i / (groups * width)) : i];
    return activation === 'sigmoid' ? 1 / (1 + Math.exp(-value)) : activate(value, activation);
  });
  const result = new Float32Array(x.length);
  for (let start = 0; start < x.length; start += width) {
    const values = Array.from(x.subarray(start, start + width), (value, i) => (norm?.last ? value * gates[start + i] : value));
    const scale = norm ? 1 / Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / width + eps) : 1;
    values.forEach((value, i) => {
      const weight = norm ? norm.weight[(start + i) % norm.weight.length] : 1;
      result[start + i] = value * scale * weight * (norm?.last ? 1 : gates[start + i]);
    });
  }
  return result;
}
