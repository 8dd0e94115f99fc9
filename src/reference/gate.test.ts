import { describe, expect, it } from 'vitest';
import { activate, gated } from './gate.ts';

describe('activate', () => {
  it('is SiLU and the tanh form of GELU', () => {
    // by the formulas in Python
    expect(activate(1, 'silu')).toBeCloseTo(0.7310585786300049, 12);
    expect(activate(-2, 'silu')).toBeCloseTo(-0.2384058440442351, 12);
    expect(activate(1, 'gelu')).toBeCloseTo(0.8411919906082768, 12);
    expect(activate(-0.5, 'gelu')).toBeCloseTo(-0.15428599017485606, 12);
  });

  it('ends at 0 and at x for large arguments', () => {
    for (const gate of ['silu', 'gelu'] as const) {
      expect(activate(1000, gate)).toBe(1000);
      expect(activate(-1000, gate)).toBeCloseTo(0, 12);
    }
  });
});

it('multiplies the gate half of each row with its up half', () => {
  const result = gated(Float32Array.of(1, 0, 2, 5, -2, 1, 3, 4), 2, 'silu');
  const expected = [2 * activate(1, 'silu'), 0, 3 * activate(-2, 'silu'), 4 * activate(1, 'silu')];
  expected.forEach((value, i) => expect(result[i]).toBeCloseTo(value, 6));
});
