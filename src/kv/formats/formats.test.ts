// Every format of keys and values on numbers alone: what it keeps of them, within what it states.
import { describe, expect, it } from 'vitest';
import { RequestError } from '../../errors.ts';
import { kvFormat, kvFormats, moreExact } from './catalogue.ts';
import { affineFormats } from './affine.ts';
import { unitsOf } from './format.ts';

const roundTrip = (name: string, head: Float32Array) => kvFormat(name).decode(kvFormat(name).encode(head), head.length);
const waves = (length: number, size: number) => Float32Array.from({ length }, (_, i) => size * Math.sin(1 + i * 1.3));

it('there are f32, f16 and q8, the most exact first, and no other name is taken', () => {
  expect([...kvFormats.keys()]).toEqual(['f32', 'f16', 'q8']);
  expect(() => kvFormat('q3')).toThrow(RequestError);
  expect(() => kvFormat('q3')).toThrow('kv is "q3"; it must be one of f32, f16, q8.');
});

it('where one fails the next more exact one is taken', () => {
  expect(moreExact(kvFormat('q8')).map(({ name }) => name)).toEqual(['f16', 'f32']);
  expect(moreExact(kvFormat('f32'))).toEqual([]);
});

it('a page of heads of 64 has the words of the design', () => {
  expect([...kvFormats.values(), ...affineFormats.values()].map((format) => format.words(64))).toEqual([4096, 2048, 1088, 640, 384, 640, 512, 384]);
});

describe.each([...kvFormats.values()])('$name', (format) => {
  it.each([1, 4, 6, 80, 255])('keeps %i numbers of any size within what it states, in the units it states', (length) => {
    for (const size of [1e-4, 1, 1e4]) {
      const head = waves(length, size);
      const words = format.encode(head);
      expect(words).toHaveLength(unitsOf(format, length) * format.unitWords);
      const largest = head.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      format.decode(words, length).forEach((value, d) => expect(Math.abs(value - head[d]) / largest).toBeLessThanOrEqual(format.rounding));
    }
  });

  it('keeps zeros, and what it has rounded already', () => {
    expect(format.decode(format.encode(new Float32Array(6)), 6)).toEqual(new Float32Array(6));
    const once = format.decode(format.encode(waves(24, 3)), 24);
    format.decode(format.encode(once), 24).forEach((value, d) => expect(value).toBeCloseTo(once[d], 6));
  });
});

describe('f16', () => {
  it('clamps what is beyond its range', () => {
    expect([...roundTrip('f16', Float32Array.of(1e9, -1e9, 65520))]).toEqual([65504, -65504, 65504]);
  });
});

describe('q8', () => {
  it('takes the largest size as the scale and the nearest step of 1/127 of it', () => {
    const words = kvFormat('q8').encode(Float32Array.of(0.5, -127, 126.4, 126.6, 0.4, -0.6));
    expect(new Float32Array(words.slice(-1).buffer)[0]).toBe(127);
    expect([...new Int8Array(words.buffer, 0, 6)]).toEqual([1, -127, 126, 127, 0, -1]);
  });

  it('has a scale that sizes far below those of f16 do not underflow', () => {
    const head = waves(20, 1e-29);
    roundTrip('q8', head).forEach((value, d) => expect(Math.abs(value - head[d])).toBeLessThan(1e-29 * 0.0041));
  });
});
