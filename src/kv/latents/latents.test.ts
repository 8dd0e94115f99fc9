// Eigenvectors, and the basis that latents have of a layer's weights.
import { describe, expect, it } from 'vitest';
import { fixture } from '../../../test/models/fixture.ts';
import { openModel } from '../../engine/load/opened.ts';
import { RequestError } from '../../errors.ts';
import { readHeader } from '../../gguf/read.ts';
import { normals, random } from '../../gpu/checks/random.ts';
import { latentsOf, madeOf } from '../../reference/kv/kv-latent.ts';
import { bytesSource } from '../../weights/source/source.ts';
import { kvFormat } from '../formats/catalogue.ts';
import { shapeWithin } from '../policies/catalogue.ts';
import { basisBytes, basisFloats, basisOf } from './basis.ts';
import { symmetricEigen } from './eigen.ts';

const rowsOf = (matrix: Float64Array, n: number): number[][] => Array.from({ length: n }, (_, i) => [...matrix.subarray(i * n, i * n + n)]);
const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * b[i], 0);

function symmetric(n: number): Float64Array {
  const numbers = normals(random(`symmetric ${n}`), n * n);
  return Float64Array.from({ length: n * n }, (_, i) => numbers[i] + numbers[(i % n) * n + Math.floor(i / n)]);
}

describe.each<[string, Float64Array, number]>([
  ['one number', Float64Array.of(-3), 1], ['two rows', Float64Array.of(2, 1, 1, 2), 2], ['zeros', new Float64Array(16), 4],
  ['a diagonal with equals', Float64Array.of(1, 0, 0, 0, 5, 0, 0, 0, 1), 3], ['40 rows', symmetric(40), 40], ['97 rows', symmetric(97), 97],
])('eigenvectors of %s', (_, matrix, n) => {
  it('are those of their values, at right angles and of length 1, the largest value first', async () => {
    const { values, vectors } = await symmetricEigen(matrix, n);
    const rows = rowsOf(vectors, n);
    const size = Math.max(1, ...values.map(Math.abs));
    rows.forEach((row, i) => {
      rowsOf(matrix, n).forEach((own, c) => expect(Math.abs(dot(own, row) - values[i] * row[c])).toBeLessThan(1e-13 * n * size));
      rows.forEach((other, j) => expect(Math.abs(dot(row, other) - (i === j ? 1 : 0))).toBeLessThan(1e-13 * n));
    });
    expect([...values]).toEqual([...values].sort((a, b) => b - a));
  });
});

describe('the basis of 24 rows of weights', async () => {
  const [n, cols] = [24, 40];
  const rows = normals(random('weights'), n * cols);
  const basis = rowsOf(await basisOf({ rows, cols }), n);
  const made = (x: readonly number[]) => Array.from({ length: n }, (_, i) => dot([...rows.subarray(i * cols, i * cols + cols)], x));

  it('has latents that are the inputs along directions at right angles, of which the same numbers are made', () => {
    // A row for each input: what that input alone makes.
    const none = new Array<number>(n).fill(0);
    const directions = Array.from({ length: cols }, (_, c) => latentsOf(made(Array.from({ length: cols }, (_, i) => (i === c ? 1 : 0))), basis, none));
    for (let i = 0; i < n; i++)
      for (let j = 0; j <= i; j++)
        expect(directions.reduce((sum, row) => sum + row[i] * row[j], 0)).toBeCloseTo(i === j ? 1 : 0, 10);
    const numbers = made([...normals(random('input'), cols)]);
    const bias = [...normals(random('bias'), n)];
    madeOf(latentsOf(numbers, basis, bias), basis, bias).forEach((x, i) => expect(x).toBeCloseTo(numbers[i], 10));
  });

  it('has longer rows first, whose number of largest size is positive', () => {
    const lengths = basis.map((row) => Math.hypot(...row));
    expect(lengths).toEqual([...lengths].sort((a, b) => b - a));
    for (const row of basis) expect(Math.max(...row)).toBe(Math.max(...row.map(Math.abs)));
  });

  it('lies in a buffer head by head, padded, and what weights of a lower rank do not make counts nothing', async () => {
    const heads = { kvHeads: 4, headDim: 6 };
    const low = Float32Array.from(rows, (_, i) => rows[i % (cols * 12)]); // 12 rows, twice
    const floats = await basisFloats(heads, [{ rows, cols, bias: new Float32Array(n).fill(3) }, { rows: low, cols }], kvFormat('f32'));
    expect(floats.byteLength).toBe(basisBytes(heads));
    const padded = 32;
    const at = (c: number) => Math.floor(c / 6) * 8 + (c % 6);
    expect(floats[at(7) * padded + at(13)]).toBe(Math.fround(basis[7][13]));
    expect(floats[6 * padded + 6]).toBe(0);
    const factors = 2 * padded * padded;
    expect(floats[factors + at(7)]).toBeCloseTo(1 / dot(basis[7], basis[7]), 5);
    expect([floats[factors + padded + at(11)] > 0, floats[factors + padded + at(12)]]).toEqual([true, 0]);
    expect([floats[factors + 2 * padded + at(23)], floats[factors + 3 * padded + at(23)]]).toEqual([3, 0]);
  });
});

/** (128, cols) */
const alike = (() => {
  const half = normals(random('alike'), 64 * 96);
  return { rows: Float32Array.from([...half, ...half]), cols: 96 };
})();

it.each([['f16', 3e-4, 1e-3], ['f32', 1e-7, 1e-5]])('along a row that is too short for what %s rounds lies nothing', async (name, nothing, some) => {
  const lengths = [1, some, nothing, 0.5]; // each row has a column of its own
  const weights = { rows: Float32Array.from({ length: 16 }, (_, i) => (i % 5 ? 0 : lengths[i / 5])), cols: 4 };
  const floats = await basisFloats({ kvHeads: 1, headDim: 4 }, [weights, weights], kvFormat(name));
  for (const first of [32, 36]) {
    const factors = [...floats.subarray(first, first + 4)];
    expect([factors[0], factors[1], factors[3]]).toEqual([1, 4, 0]);
    expect(factors[2] * some ** 2).toBeCloseTo(1, 4);
  }
});

it('what decomposes weights ends where it is told to between two rows', async () => {
  let left = 100;
  const ended = symmetricEigen(symmetric(97), 97, () => {
    if (!left--) throw new Error('enough');
  });
  await expect(ended).rejects.toThrow('enough');
});

it.each([['two heads alike', alike], ['64 inputs', { rows: normals(random('low'), 128 * 64), cols: 64 }]])(
  'weights of 128 rows of rank 64 have a basis: %s', async (_, { rows, cols }) => {
    const n = 128;
    let most = 0;
    const basis = await basisOf({ rows, cols }, (operations) => void (most = Math.max(most, operations)));
    expect(most).toBeLessThanOrEqual(4 * n * Math.max(n, cols)); // of some 5 n³
    const lengths = rowsOf(basis, n).map((row) => Math.hypot(...row));
    expect(lengths[63]).toBeGreaterThan(1e-3 * lengths[0]);
    expect(Math.max(...lengths.slice(64))).toBeLessThan(1e-6 * lengths[0]);
    // What the weights' rows have as products with each other, its columns have too.
    let off = 0;
    for (let a = 0; a < n; a++)
      for (let b = 0; b <= a; b++) {
        let sum = 0;
        for (let c = 0; c < cols; c++) sum -= rows[a * cols + c] * rows[b * cols + c];
        for (let i = 0; i < n; i++) sum += basis[i * n + a] * basis[i * n + b];
        off = Math.max(off, Math.abs(sum));
      }
    expect(off).toBeLessThan(1e-12 * lengths[0] ** 2);
  },
);

it('a model whose keys are normed is refused with why', async () => {
  const { graph } = await openModel(await readHeader(bytesSource(fixture('tiny/tiny-qwen3.gguf'), 'tiny')));
  const room = { context: 256, chunk: 64, budgetBytes: Infinity, format: kvFormat('f16'), sequences: 1 };
  expect(() => shapeWithin(graph, 'xquant4', {}, room)).toThrow(RequestError);
  expect(() => shapeWithin(graph, 'xquant4', {}, room)).toThrow('layer 0 of this model norms its keys or values by token');
});
