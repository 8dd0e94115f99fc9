// A text that is gone on with from where it stands, and pieces that are there in another visit.
import { expect, it } from 'vitest';
import { memoryRecords } from '../../../test/doubles/memory-store.ts';
import { BudgetError, RequestError } from '../../errors.ts';
import { goOn, piecesInMemory } from './pieces.ts';
import { forgetOthers, forgetPieces, piecesInRecords } from './pieces-in-records.ts';
import { type Pace, type Paused } from './row.ts';

it('a text is begun anew where what is kept of it is refused, and nowhere else', async () => {
  const pieces = piecesInMemory();
  const paused: Paused = { tokens: 7, ms: 10, logits: [], right: [], sequence: Uint8Array.of(1) };
  const told: unknown[] = [];
  const pace = { isOver: () => true, now: () => 0, onAnew: (why: string) => told.push(why), onPaused: (tokens: number) => told.push(tokens) };
  const refusing = (error: Error, found: Paused | { right: number[] }) => ({ from }: Pace) => (from ? Promise.reject(error) : Promise.resolve(found));

  await pieces.pause('kivi4', 0, paused);
  const later = { ...paused, tokens: 3 };
  expect(await goOn(pieces, 'kivi4', 0, pace, refusing(new RequestError('of another plan'), later))).toBe(undefined);
  expect([told, await pieces.paused('kivi4', 0)]).toEqual([['of another plan', 3], later]);
  await expect(goOn(pieces, 'kivi4', 0, pace, refusing(new BudgetError('no room'), later))).rejects.toThrow('no room');
  await expect(goOn(pieces, 'kivi4', 1, pace, () => Promise.reject(new RequestError('of its own')))).rejects.toThrow('of its own');
  expect(await goOn(pieces, 'kivi4', 0, pace, ({ from }) => Promise.resolve({ right: [from!.tokens] }))).toEqual({ right: [3] });
  expect([told.length, await pieces.paused('kivi4', 0)]).toEqual([2, undefined]);
});

it('are in records of a model and its probes alone, until they are forgotten', async () => {
  const records = memoryRecords<unknown>(new Map());
  const logits = [Float32Array.of(0, 1), Float32Array.of(2, 3)];
  const paused: Paused = { tokens: 7, ms: 10, logits, right: [], sequence: Uint8Array.of(1) };
  const first = await piecesInRecords(records, 'a model');
  await first.keep('kivi4', 1, { right: [1, 0] });
  await first.keepLogits(0, logits);
  await first.pause('h2o', 0, paused);
  await first.pause('kivi4', 0, paused);
  await first.pause('kivi4', 0, undefined);
  const later = await piecesInRecords(records, 'a model');
  expect([later.of('kivi4', 1), later.of('kivi4', 0)]).toEqual([{ right: [1, 0] }, undefined]);
  expect([await later.logits(0, 2), await later.logits(0, 3), await later.logits(1, 2)]).toEqual([logits, undefined, undefined]);
  expect([await later.paused('h2o', 0), await later.paused('kivi4', 0)]).toEqual([paused, undefined]);
  const other = await piecesInRecords(records, 'another model');
  expect([other.of('kivi4', 1), await other.logits(0, 2), await other.paused('h2o', 0)]).toEqual([undefined, undefined, undefined]);
  await other.keep('kivi4', 1, { right: [1] });
  await forgetOthers(records, (of) => of !== 'a model');
  expect((await piecesInRecords(records, 'another model')).of('kivi4', 1)).toEqual({ right: [1] });
  expect([...new Set((await records.keys()).map((key) => (JSON.parse(key) as string[])[0]))]).toEqual(['another model']);
  await first.keep('kivi4', 1, { right: [1, 0] });
  await forgetPieces(records, 'a model');
  expect((await piecesInRecords(records, 'a model')).of('kivi4', 1)).toBeUndefined();
  expect((await piecesInRecords(records, 'another model')).of('kivi4', 1)).toEqual({ right: [1] });
});
