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
  const samples = [
    bytesOf(0xff),
    bytesOf(0xe2, 0x96),
    bytesOf(0x96, 0x81),
    bytesOf(0x61, 0xf0, 0x9f, 0x91),
    bytesOf(0xed, 0xa0, 0x80),
    bytesOf(0xc0, 0x80),
    bytesOf(0xe2, 0x96, 0x81, 0xe2),
  ];
  for (let seed = 1; seed < 300; seed++) samples.push(Uint8Array.from({ length: 9 }, (_, i) => ((seed * 9 + i) * 2654435761) >>> 24));
  const texts = samples.map(fromUtf8);
  texts.forEach((text, i) => expect(toUtf8(text)).toEqual(samples[i]));
  expect(new Set(texts).size).toBe(new Set(samples.map((bytes) => bytes.join())).size);
});

it('takes what TextDecoder takes for characters, and nothing else', () => {
  const lenient = new TextDecoder('utf-8', { ignoreBOM: true });
  const edges = [0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xef, 0xf0, 0xf1, 0xf4, 0xf5];
  const wrong: string[] = [];
  for (const a of edges) for (const b of edges) for (const c of edges) {
    const bytes = bytesOf(a, b, c, 0x80, 0xff); // the last is no UTF-8 ever, so that all are looked at one by one
    const text = fromUtf8(bytes);
    if (text.replaceAll(/[\udc80-\udcff](?<![\ud800-\udbff].)/g, '') !== lenient.decode(bytes).replaceAll('\ufffd', '')) wrong.push(bytes.join());
    if (toUtf8(text).join() !== bytes.join()) wrong.push(`${bytes.join()} again`);
  }
  expect(wrong).toEqual([]);
});
