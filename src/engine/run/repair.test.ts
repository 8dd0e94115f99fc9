// Which tokens a question has run again, and in which stretches.
import { expect, it } from 'vitest';
import { type Sequence } from '../../kv/sequence.ts';
import { mostPaid, repair, stretches } from './repair.ts';
import { type Runner } from './runner.ts';

it('takes those whose neighbourhood was paid most, of equals the first, in order', () => {
  expect(mostPaid([0, 0, 0, 9, 0, 0, 0, 0, 0, 1], 0.3)).toEqual([1, 2, 3]);
  expect(mostPaid([1, 1, 1, 1, 1, 1], 0.5)).toEqual([2, 3, 1].sort()); // beyond the ends there is nothing
  expect(mostPaid([3, 1, 2], 1)).toEqual([0, 1, 2]);
});

it('runs stretches of neighbours, the first one first, and leaves what is behind them', async () => {
  expect(stretches([0, 1, 4, 6, 7])).toEqual([[0, 2], [4, 5], [6, 8]]);
  expect(stretches([])).toEqual([]);
  const tokens = [10, 11, 12, 13, 14, 15];
  const fed: unknown[] = [];
  const sequence = {
    tokens,
    note: (at: number, more: readonly number[]) => void (tokens.length = at, tokens.push(...more)),
    shaped: { ticked: (...at: unknown[]) => fed.push(at), queried: { goOn: (...at: unknown[]) => fed.push(['queries', ...at]) } },
  } as unknown as Sequence;
  const feed = async (ids: readonly number[], at: number) => {
    fed.push([at, ...ids]);
    sequence.note(at, ids); // as a feed leaves it: what was behind is forgotten
  };
  await repair({ feed } as unknown as Runner, sequence, [1, 2, 5]);
  expect(fed).toEqual([[1, 11, 12], [5, 15], [6, 0, true], ['queries', 6, 6]]);
  expect(tokens).toEqual([10, 11, 12, 13, 14, 15]);
});

it('is ended between stretches, and within one by what runs it', async () => {
  const stop = new AbortController();
  const fed: unknown[] = [];
  const sequence = { tokens: [10, 11, 12, 13], note() {} } as unknown as Sequence;
  const feed = async (_: readonly number[], at: number, signal?: AbortSignal) => {
    fed.push([at, signal]);
    stop.abort(new Error('enough'));
  };
  await expect(repair({ feed } as unknown as Runner, sequence, [0, 2], stop.signal)).rejects.toThrow('enough');
  expect(fed).toEqual([[0, stop.signal]]);
});
