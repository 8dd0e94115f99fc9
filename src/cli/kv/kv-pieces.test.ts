// What was measured text by text is there for the next process.
import { appendFileSync, mkdirSync, readdirSync, rmdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { documentPiece, rowOf } from '../../bench/memory/row.ts';
import { RequestError } from '../../errors.ts';
import { piecesIn, settingsOf } from './kv-pieces.ts';
import { temporaryFolder } from '../../../test/folder.ts';

const logits = [Float32Array.of(0, 0), Float32Array.of(Math.log(3), 0)];

it('is of the same model and probes alone, and a row when all texts are there', async () => {
  const folder = temporaryFolder('pieces');
  const first = await piecesIn(folder, 'a model');
  expect([first.of('kivi4', 0), await first.logits(0, 2)]).toEqual([undefined, undefined]);
  await first.keepLogits(0, logits);
  await first.keep('kivi4', 0, documentPiece({ logits, bytes: 0.5, ms: 200 }, logits));
  await first.keep('kivi4', 1, { right: [1, 1] });
  const later = await piecesIn(folder, 'a model');
  expect(await later.logits(0, 2)).toEqual(logits);
  expect(rowOf([later.of('kivi4', 0)!, later.of('kivi4', 1)!])).toEqual({ bytes: 0.5, kl: 0, sameToken: 1, recall: 1, tokensPerSecond: 10 });
  expect((await piecesIn(folder, 'another model')).of('kivi4', 0)).toBe(undefined);
  // A write that was broken off.
  const [lines, numbers] = readdirSync(folder).sort((a, b) => Number(a.endsWith('f32')) - Number(b.endsWith('f32'))).map((name) => join(folder, name));
  truncateSync(numbers, 12);
  expect(await (await piecesIn(folder, 'a model')).logits(0, 2)).toBe(undefined);
  appendFileSync(lines, '{"policy":');
  await expect(piecesIn(folder, 'a model')).rejects.toThrow(RequestError);
});

it('has where a text stands, until it is told that it was run to its end', async () => {
  const folder = temporaryFolder('pieces');
  const paused = { tokens: 7, ms: 10, logits, right: [[1, 0]], sequence: Uint8Array.of(1, 2, 3) };
  const first = await piecesIn(folder, 'a model');
  expect(await first.paused('kivi4', 0)).toBe(undefined);
  await first.pause('kivi4', 0, paused);
  await first.pause('h2o', 0, { ...paused, logits: [], tokens: 3 });
  const later = await piecesIn(folder, 'a model');
  expect(await later.paused('kivi4', 0)).toEqual(paused);
  expect(await later.paused('h2o', 0)).toEqual({ ...paused, logits: [], tokens: 3 });
  expect(await later.paused('kivi4', 1)).toBe(undefined);
  await later.pause('kivi4', 0, undefined);
  expect(await later.paused('kivi4', 0)).toBe(undefined);
  expect(readdirSync(folder)).toHaveLength(2);
  for (const name of readdirSync(folder)) if (name.endsWith('.bin')) truncateSync(join(folder, name), 2); // a write that was broken off
  expect(await later.paused('h2o', 0)).toBe(undefined);
});

it('has the logits of before where new ones could not be written whole', async () => {
  const folder = temporaryFolder('pieces');
  const pieces = await piecesIn(folder, 'a model');
  await pieces.keepLogits(0, logits);
  const beside = join(folder, `${readdirSync(folder)[0]}.new`);
  mkdirSync(beside);
  await expect(pieces.keepLogits(0, [Float32Array.of(7, 7), Float32Array.of(7, 7)])).rejects.toThrow(beside);
  rmdirSync(beside);
  expect(await pieces.logits(0, 2)).toEqual(logits);
});

it('tells settings apart', () => {
  const settings = [{}, { f32: true }, { context: 512 }, { kernels: 'splits=1' }, { kvBudget: 2 ** 20 }, { kvHeads: [[1, 0]] }, { kvHeads: [[0, 1]] }];
  expect(new Set(settings.map(settingsOf)).size).toBe(settings.length);
  expect(settingsOf({ context: 512 })).toMatch(/^ context=512 windrow=\d+\.\d+\.\d+/);
});
