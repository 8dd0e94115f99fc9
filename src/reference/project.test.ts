import { describe, expect, it } from 'vitest';
import { activate } from './gate.ts';
import { project } from './project.ts';
import { rmsNorm } from './rms-norm.ts';

const weights = Float32Array.of(1, 2, 3, /**/ 0, -1, 1, /**/ 2, 0, 0, /**/ 1, 1, 1);
const matrix = { weights, rows: 4, cols: 3 };
const x = Float32Array.of(1, 0, 2, /**/ 0.5, 1, -1);

describe('project', () => {
  it('is the product of every row with every token', () => {
    expect([...project({ ...matrix, x })]).toEqual([7, 2, 2, 3, /**/ -0.5, -2, 1, 0.5]);
  });

  it('adds bias and residual', () => {
    const result = project({ ...matrix, x, bias: Float32Array.of(1, 2, 3, 4), residual: new Float32Array(8).fill(10) });
    expect([...result]).toEqual([18, 14, 15, 17, /**/ 10.5, 10, 14, 14.5]);
  });

  it('normalises the input before the product', () => {
    const norm = { weight: Float32Array.of(1, 0.5, 2), eps: 1e-5 };
    const apart = project({ ...matrix, x: rmsNorm(x, norm.weight, norm.eps) });
    project({ ...matrix, x, norm }).forEach((value, i) => expect(value).toBeCloseTo(apart[i], 5));
  });

  it('lets the first half of the rows gate the second, bias inside and residual outside', () => {
    const bias = Float32Array.of(1, 0, 0, 1);
    const result = project({ ...matrix, x, bias, gate: 'gelu', residual: Float32Array.of(1, 2, 3, 4) });
    const expected = [1 + activate(8, 'gelu') * 2, 2 + activate(2, 'gelu') * 4, 3 + activate(0.5, 'gelu') * 1, 4 + activate(-2, 'gelu') * 1.5];
    expect(result.length).toBe(4);
    expected.forEach((value, i) => expect(result[i]).toBeCloseTo(value, 5));
  });

  it('bends values softly towards the cap', () => {
    const [large, small] = project({ weights: Float32Array.of(1000, 0.001), rows: 2, cols: 1, x: Float32Array.of(1), softcap: 30 });
    expect(large).toBeCloseTo(30, 5);
    expect(small).toBeCloseTo(0.001, 7);
  });
});
