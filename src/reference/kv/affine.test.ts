// Codes, scales and minimums against float64 goldens, and that pages give back what they were made of.
import { describe, expect, it } from 'vitest';
import { fixture, floatsFixture, jsonFixture } from '../../../test/models/fixture.ts';
import { halfToFloat } from '../../formats/half.ts';
import { affineFormats, factoredFormats } from '../../kv/formats/affine.ts';
import { affine, openPage, sealPage } from './affine.ts';

const block = floatsFixture('kv/block.f32'); // (token, channel), 32 x 64
const golden = jsonFixture<{ formats: Record<string, { codes: string; scales: number[]; minimums: number[] }> }>('kv/block.json');

/** The numbers that share each pair, as indices into the block. */
const groupsOf = (by: string): number[][] =>
  by === 'channel'
    ? Array.from({ length: 64 }, (_, c) => Array.from({ length: 32 }, (_, t) => t * 64 + c))
    : Array.from({ length: 64 }, (_, g) => Array.from({ length: 32 }, (_, c) => g * 32 + c));

describe.each(['channel4', 'channel3', 'channel2', 'token4', 'token3', 'token2'])('%s', (name) => {
  it('has the codes, scales and minimums of the golden', () => {
    const { codes, scales, minimums } = golden.formats[name];
    const wanted = fixture(`kv/${codes}`);
    groupsOf(name.slice(0, -1)).forEach((group, g) => {
      const found = affine(group.map((i) => block[i]), Number(name.slice(-1)));
      expect([halfToFloat(found.scale), halfToFloat(found.minimum)]).toEqual([scales[g], minimums[g]]);
      expect(found.codes).toEqual(group.map((i) => wanted[i]));
    });
  });
});

describe.each([...affineFormats.values(), ...factoredFormats.values()])('a page in $name', (format) => {
  it.each([64, 36])('gives back heads of %i within half a step', (headDim) => {
    const numbers = (seed: number) => Float32Array.from({ length: 32 * headDim }, (_, i) => Math.sin(seed + i * 1.7) * (1 + (i % headDim)));
    const [keys, values] = [numbers(1), numbers(2)];
    const factors = Array.from({ length: headDim }, (_, c) => 1 + c);
    const page = sealPage(format, headDim, keys, values, factors);
    expect(page).toHaveLength(format.words(headDim));
    const opened = openPage(format, headDim, page, factors);
    const most = (c: number) => (1 + c) / (2 ** format.bits - 1);
    const last = (i: number, each = 32) => Math.min(headDim - 1, Math.floor((i % headDim) / each) * each + each - 1); // of its group
    // With factors as large as the numbers all are as alike as those of one channel.
    const largestKey = (i: number) => (format.keysBy === 'channel' || format.factored === 'keys' ? i % headDim : last(i));
    const largestValue = (i: number) => (format.factored === 'values' ? i % headDim : last(i));
    /** In steps of codes, that of the page, or of what the largest number of those that share one makes it. */
    const off = (found: Float32Array, given: Float32Array, step: (i: number) => number) => Math.max(...found.map((x, i) => Math.abs(x - given[i]) / step(i)));
    expect(off(opened.keys, keys, (i) => most(largestKey(i)))).toBeLessThan(1.01);
    expect(off(opened.values, values, (i) => most(largestValue(i)))).toBeLessThan(1.01);
    expect(off(opened.keys, keys, (i) => opened.keySteps[i])).toBeLessThan(0.51);
    expect(off(opened.values, values, (i) => opened.valueSteps[i])).toBeLessThan(0.51);
  });
});
