import { expect, it } from 'vitest';
import { attentionOf } from '../blocks/decode-attention.ts';
import { partialsBytes } from '../ops/attend.ts';
import { type AttentionChoice, attentions } from './kernel-choice.ts';

const spansIn = (threads: number, heads: number, kvHeads: number): number[] =>
  attentions
    .filter((each) => each.threads === threads)
    .map((each): AttentionChoice => attentionOf({ heads, kvHeads }, each))
    .map(({ span }) => span)
    .sort((a, b) => a - b);

it('gives attention the span chosen, or the largest that leaves its workgroups within 16 KiB', () => {
  expect(spansIn(32, 9, 3)).toEqual([64, 128, 256, 512]);
  expect(spansIn(32, 8, 1)).toEqual([64, 128, 256, 256]);
  expect(spansIn(32, 6, 1)).toEqual([64, 128, 256, 512]);
  expect(spansIn(32, 7, 1)).toEqual([64, 128, 256, 256]);
  expect(spansIn(32, 10, 1)).toEqual([64, 128, 256, 512]); // two workgroups of 5 heads
  expect(spansIn(128, 9, 3)).toEqual([128, 256, 512]);
  expect(spansIn(128, 7, 1)).toEqual([128, 256, 256]);
  expect(spansIn(128, 8, 1)).toEqual([128, 128, 128]); // 256 positions would take 32 bytes too much
});

it('has room for the partial results of all shapes', () => {
  const config = { heads: 4, kvHeads: 2, headDim: 32 } as Parameters<typeof partialsBytes>[0];
  for (const positions of [1, 63, 64, 65, 1000]) for (const { span } of attentions) {
    const bytes = (segments: number) => partialsBytes(config, { context: positions, chunk: 64, segments });
    expect(bytes(1)).toBeGreaterThanOrEqual(Math.ceil(positions / span) * 4 * 9 * 16);
    expect(bytes(3)).toBeGreaterThanOrEqual(3 * Math.ceil(positions / 3 / span) * 4 * 9 * 16);
  }
});
