// Which pages in worker memory the processor is to attend to: none of those that have not left the GPU.
import { describe, expect, it } from 'vitest';
import { kvFormat } from '../formats/catalogue.ts';
import { type Shape } from '../shape.ts';
import { createAttended } from './attended.ts';
import { type AwayLayer } from './away-layer.ts';
import { type PageHome } from './page-home.ts';

const format = kvFormat('f32');
const heads = { kvHeads: 2, headDim: 8 };
const shape = { attended: [{ queryHeads: 4, scale: 1 }], format, plan: { layers: [[{ mostSlots: [1024, 1024] }]] } } as unknown as Shape;
const query = new Float32Array(4 * 8).fill(1);

/** Notes rows of pages that are asked for, of which `there` are at home, by a query that attends to `counts` slots of each head behind the first `first`. */
function attending(first: number, counts: readonly number[], there: number, signal?: AbortSignal) {
  const rows: number[] = [];
  const home = {
    pageInMemory(_: number, row: number) {
      if (row >= there) throw new TypeError(`Row ${row} is not at home.`);
      rows.push(row);
      return new Uint8Array(4 * format.words(heads.headDim));
    },
  } as unknown as PageHome;
  const tails = counts.map((count) => Math.max(first, count - (count % 32))); // as a tick has it (tick/answered.ts, sets.ts)
  const layer = { layer: 0, heads, pick: { first }, answered: {}, sets: { all: [{ counts, tails }] } } as unknown as AwayLayer;
  return { rows, attended: createAttended(home, shape).attend(layer, query, signal) };
}

async function rowsAsked(...given: Parameters<typeof attending>): Promise<number[]> {
  const { rows, attended } = attending(...given);
  await attended;
  return rows;
}

describe('where slots are few beside the first ones', () => {
  const few = [[4, 0], [4, 3], [4, 4], [4, 8], [4, 31], [520, 512], [520, 525], [520, 543], [32, 40], [0, 20]];
  it.each(few)('of %i, %i, no page is asked for', async (first, count) => {
    expect(await rowsAsked(first, [count, count], Math.floor(Math.min(first, count) / 32))).toEqual([]);
  });

  const more = [[4, 32, [0]], [4, 70, [0, 1]], [520, 545, [16]], [32, 64, [1]], [40, 100, [1, 2]]] as const;
  it.each(more)('of %i, %i, those are that are full', async (first, count, rows) => {
    expect(await rowsAsked(first, [count, 0], Math.floor(count / 32))).toEqual(rows);
  });
});

it('others have turns while it attends to many pages, and an abort ends it', async () => {
  const pages = 3000;
  const abort = new AbortController();
  const { rows, attended } = attending(0, [32 * pages, 32 * pages], pages, abort.signal);
  expect(rows).toHaveLength(1); // what follows has its turn
  await new Promise((resolve) => setTimeout(resolve));
  expect(rows.length).toBeLessThan(pages);
  abort.abort();
  await expect(attended).rejects.toBe(abort.signal.reason);
  expect(rows.length).toBeLessThan(pages);
});
