import { expect, it } from 'vitest';
import { createQueried } from './queried.ts';

/** A ring of queries as rope writes it: the positions whose queries lie there, run after run. */
function ringOf(rows: number) {
  const ring = new Map<number, string>();
  return {
    run: (first: number, end: number, text: string) => {
      for (let position = first; position < end; position++) ring.set(position % rows, `${text}${position}`);
    },
    /** The first position from which on all up to `length` are those of `texts`, of each stretch [first, text]. */
    first(length: number, texts: [number, string][]): number {
      let at = length;
      while (at > 0 && ring.get((at - 1) % rows) === `${texts.findLast(([from]) => from < at)![1]}${at - 1}`) at--;
      return at;
    },
  };
}

it('queries are there but for those whose place was taken by what was run in vain', () => {
  const [ring, queried] = [ringOf(16), createQueried(16)];
  const run = (first: number, end: number, text: string) => {
    queried.goOn(first);
    queried.willRun(end);
    ring.run(first, end, text);
  };
  run(0, 40, 'a');
  queried.ticked(40);
  for (let at = 40; at < 46; at++) run(at, at + 1, 'b');
  expect(queried.at(43)).toBe(ring.first(43, [[0, 'a'], [40, 'b']]));
  run(43, 48, 'c'); // cut to 43, and gone on otherwise
  queried.ticked(48);
  expect(Math.max(queried.first, 48 - 16)).toBe(ring.first(48, [[0, 'a'], [40, 'b'], [43, 'c']]));
  run(48, 60, 'd'); // of a prompt that was stopped within its chunk
  run(48, 50, 'e');
  queried.ticked(50);
  expect([queried.first, ring.first(50, [[0, 'a'], [40, 'b'], [43, 'c'], [48, 'e']])]).toEqual([44, 44]);
  run(20, 22, 'f'); // far back
  queried.ticked(22);
  expect([queried.first, ring.first(22, [[0, 'a'], [20, 'f']])]).toEqual([20, 20]);
});

it('chunks of a prompt leave them, those of another sequence are as they were there, and none of what is emptied is there', () => {
  const queried = createQueried(32);
  for (const [first, end] of [[0, 64], [64, 128], [128, 150]]) {
    queried.goOn(first);
    queried.willRun(end);
    queried.ticked(end);
  }
  expect(queried.first).toBeLessThanOrEqual(150 - 32);
  const copy = createQueried(32);
  copy.goOn(150, queried.at(150));
  expect([copy.first, copy.at(140), copy.at(100)]).toEqual([118, 118, 100]);
  const longer = createQueried(32); // in whose place they are put
  longer.willRun(300);
  longer.goOn(150, queried.at(150));
  expect([longer.first, longer.at(140)]).toEqual([118, 118]);
  queried.goOn(0);
  expect(queried.first).toBe(0);
  const alone = createQueried();
  alone.willRun(100);
  alone.goOn(50);
  expect(alone.first).toBe(0);
});
