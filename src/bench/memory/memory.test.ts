// Probes of a text, rows of a table, and policies as they are asked for.
import { describe, expect, it } from 'vitest';
import { jsonFixture } from '../../../test/models/fixture.ts';
import { checkProbes, longestOf, probesOf } from './probes.ts';
import { type Loaded } from '../../engine/engine.ts';
import { documentPiece, rowOf, runRecords } from './row.ts';
import { markdownOf, textOf } from './table.ts';

const ids = Array.from({ length: 400 }, (_, i) => i);
const words = Array.from({ length: 60 }, (_, i) => 1000 + i);
const sizes = { prompt: 200, more: 10, records: 3, words: 12, between: 20 };

describe('probes', () => {
  it('are a text that goes on, and records of different words between text, the same every time', () => {
    const probes = probesOf({ ids, words, opening: [7, 8] }, sizes);
    const [{ prompt, more }] = probes.documents;
    expect([prompt.length, more[0], more.length]).toEqual([200, 200, 10]);
    const [{ prompt: text, records }] = probes.records;
    expect(records.map((record) => record.slice(0, 2))).toEqual([[7, 8], [7, 8], [7, 8]]);
    const said = records.flatMap((record) => record.slice(2));
    expect(said).toHaveLength(36);
    expect(new Set(said).size).toBe(36);
    expect(text).toHaveLength(4 * 20 + 3 * 14);
    records.forEach((record, i) => expect(text.slice((i + 1) * 20 + i * 14, (i + 1) * 34)).toEqual(record));
    expect(probes.given).toBe(6);
    expect(longestOf(probes)).toBe(210);
    expect(probesOf({ ids, words, opening: [7, 8] }, sizes)).toEqual(probes);
  });

  it('ask for a text that is long enough, and has words enough', () => {
    expect(() => probesOf({ ids: ids.slice(0, 209), words, opening: [] }, sizes)).toThrow('The text has 209 tokens; 210 are needed.');
    expect(() => probesOf({ ids, words: words.slice(0, 35), opening: [] }, sizes)).toThrow('The text has 35 words that are one token; records need 36');
  });

  it('are refused as JSON that is none', () => {
    const own = jsonFixture<{ given: number; documents: unknown; records: { prompt: number[]; records: number[][] }[] }>('kv/probes.json');
    expect(checkProbes(own, 'probes')).toBe(own);
    for (const wrong of [undefined, [], {}, { ...own, given: 0 }, { ...own, documents: [] }, { ...own, records: [{ prompt: [1], records: [[1, 2]] }] }])
      expect(() => checkProbes(wrong, 'probes')).toThrow('probes has to be { given, documents');
  });
});

describe('a row', () => {
  const run = (logits: number[][]) => ({ logits: logits.map((row) => Float32Array.from(row)), bytes: 0.5, ms: 200 });
  const full = run([[0, 0], [Math.log(3), 0]]);

  it('is how far a run is from the full one', () => {
    const right = { right: [1, 0, 0, 0] };
    expect(rowOf([documentPiece(full, full.logits), right])).toEqual({ bytes: 0.5, kl: 0, sameToken: 1, recall: 0.25, tokensPerSecond: 10 });
    // Once (1/2, 1/2) in place of (3/4, 1/4).
    const { kl } = rowOf([documentPiece(run([[0, 0], [0, 0]]), full.logits), right]);
    expect(kl).toBeCloseTo((0.75 * Math.log(1.5) + 0.25 * Math.log(0.5)) / 2, 6);
    expect(markdownOf([{ policy: 'kivi4', ...rowOf([documentPiece(full, full.logits), right]) }]).split('\n').at(-1))
      .toBe('| kivi4 | 0.500 | 0.0000 | 1.00 | 0.25 | 10.0 |');
  });

  it('are a table that says how many are left', () => {
    const row = { policy: 'kivi4', bytes: 0.5, kl: 0, sameToken: 1, recall: 1, tokensPerSecond: 10 };
    expect(textOf([row], 3)).toMatch(/\n\n2 of 3 policies are left, .*: the same command goes on\.$/);
    expect(textOf([row], 1, true)).toBe(markdownOf([row]));
  });
});

it('records are asked in copies under a policy with an index too, however long they are', async () => {
  const records = [[7, 8, 9, 10, 11, 12], [7, 8, 13, 14]];
  const fed: { of: string; ids: number[]; position: number }[] = [];
  const closed: string[] = [];
  let copies = 0;
  const sequence = {
    name: 'text', truncate: () => expect.unreachable('the text stays as it was read'),
    fork: () => Promise.resolve({ name: `copy ${++copies}`, close: () => closed.push(`copy ${copies}`) }),
    shaped: {
      shape: { plan: { interval: 2, window: 2, layers: [[{ answered: { index: { share: 0.5, least: 3 } } }]] } },
      away: { answers: { counters: { index: { keys: 3 } } } },
    },
  };
  const likeliest = Float32Array.from({ length: 20 }, (_, id) => Number(id === 10));
  const runner = {
    feedChunk: (tokens: number[]) => Promise.resolve(tokens.length),
    of: ({ name }: { name: string }) => ({
      feed: (ids: number[], position: number) => Promise.resolve(fed.push({ of: name, ids, position })), readLogits: () => Promise.resolve(likeliest),
    }),
  };
  const loaded = { model: { sequence }, runner } as unknown as Loaded;
  expect(await runRecords(loaded, { prompt: [1, 2, 3], records, given: 3 }, { isOver: () => true, now: () => 0 })).toEqual({ right: [1, 0, 0, 0] });
  expect(fed).toEqual(records.flatMap((record, i) => record.slice(0, -1).map((id, n) => ({ of: `copy ${i + 1}`, ids: [id], position: 3 + n }))));
  expect(closed).toEqual(['copy 1', 'copy 2']);
});
