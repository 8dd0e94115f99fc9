import { expect, it } from 'vitest';
import { fromUtf8, toUtf8 } from './utf8.ts';

const bytesOf = (...bytes: number[]) => Uint8Array.from(bytes);

it('gives sound text as it is, byte order marks too', () => {
  for (const text of ['', 'abc', '\ufeffäßé', '日本語', '👍🏽', '\u0000\u007f\u0080']) {
    expect(fromUtf8(new TextEncoder().encode(text))).toBe(text);
    expect(toUtf8(text)).toEqual(new TextEncoder().encode(text));
  }
});

it('gives the same bytes again, whatever they are, and other text for other bytes', () => {
  const samples = [bytesOf(0xff), bytesOf(0xe2, 0x96), bytesOf(0x96, 0x81), bytesOf(0x61, 0xf0, 0x9f, 0x91), bytesOf(0xed, 0xa0, 0x80), bytesOf(0xc0, 0x80), bytesOf(0xe2, 0x96, 0x81, 0xe2)];
  for (let seed = 1; seed < 300; seed++) samples.push(Uint8Array.from({ length: 9 }, (_, i) => ((seed * 9 + i) * 2654435761) >>> 24));
  const texts = samples.map(fromUtf8);
  texts.forEach((text, i) => expect(toUtf8(text)).toEqual(samples[i]));
  expect(new Set(texts).size).toBe(new Set(samples.map((bytes) => bytes.join())).size);
});
