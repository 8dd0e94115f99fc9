import { expect, it } from 'vitest';
import { partialsBytes, spanOf } from './record.ts';
import { spans } from './shapes.ts';

it('gives attention the span chosen, or the largest that leaves its workgroups within 16 KiB', () => {
  expect(spans.map((span) => spanOf({ heads: 9, kvHeads: 3 }, { span }))).toEqual([64, 128, 256, 512]);
  expect(spans.map((span) => spanOf({ heads: 8, kvHeads: 1 }, { span }))).toEqual([64, 128, 256, 256]);
  expect(spanOf({ heads: 6, kvHeads: 1 }, { span: 512 })).toBe(512);
  expect(spanOf({ heads: 7, kvHeads: 1 }, { span: 512 })).toBe(256);
  expect(spanOf({ heads: 10, kvHeads: 1 }, { span: 512 })).toBe(512); // two workgroups of 5 heads
});

it('has room for the partial results of every span', () => {
  const config = { heads: 4, kvHeads: 2, headDim: 32 } as Parameters<typeof partialsBytes>[0];
  for (const positions of [1, 63, 64, 65, 1000]) for (const span of spans) expect(partialsBytes(config, positions)).toBeGreaterThanOrEqual(Math.ceil(positions / span) * 4 * 9 * 16);
});
