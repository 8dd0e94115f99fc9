// What is too much to be in worker memory at once is not saved, nor restored.
import { expect, it } from 'vitest';
import { fixture } from '../../../test/models/fixture.ts';
import { openModel } from '../../engine/load/opened.ts';
import { readHeader } from '../../gguf/read.ts';
import { bytesSource } from '../../weights/source/source.ts';
import { kvFormat } from '../formats/catalogue.ts';
import { policies } from '../policies/catalogue.ts';
import { type SequenceHome } from '../sequence.ts';
import { cachesOf, segmentBytes } from '../segment.ts';
import { shapeOf } from '../shape.ts';
import { leastHome } from '../tiers/away-bytes.ts';
import { checkInMemory } from './away.ts';
import { type ShapedNumbers } from './snapshot.ts';

it('pages that pass the worker memory that is planned for them are refused with both numbers', async () => {
  const { graph } = await openModel(await readHeader(bytesSource(fixture('tiny/tiny-llama-f16.gguf'), 'tiny')));
  const format = kvFormat('f16');
  const room = { context: 1024, chunk: 64, budgetBytes: Infinity, format };
  const rows = cachesOf(graph.config).map((heads) => segmentBytes(heads, 32, format));
  const row = rows.reduce((a, b) => a + b, 0);
  const memory = (leastHome(rows, 32) + 3 * row) / 2 ** 20;
  const homeWith = (options: Record<string, number>) =>
    ({ shape: shapeOf(graph, policies.get('quest')!, { away: 1, ...options }, room), config: graph.config, format }) as unknown as SequenceHome;
  const numbers = (slots: number) => ({
    layers: rows.map((_, layer) => ({ sets: [{ counts: Array.from({ length: cachesOf(graph.config)[layer].kvHeads }, () => slots) }] })),
  }) as unknown as ShapedNumbers;
  const home = homeWith({ memory });
  const planned = home.shape!.away.home;
  const fits = Math.floor(planned / row);
  expect(() => checkInMemory(home, numbers(32 * fits + 31))).not.toThrow();
  expect(() => checkInMemory(home, numbers(32 * (fits + 1)))).toThrow(new RegExp(`\\(${(fits + 1) * row} bytes\\), .* plans .* \\(${planned} bytes\\)`));
  expect(() => checkInMemory(homeWith({}), numbers(1000))).not.toThrow();
});
