import { expect, it } from 'vitest';
import { dueOf, isHeldBack, metOf } from './urgency.ts';

const job = (more: object = {}) => ({ job: {}, age: 0, came: 100, taken: 0, ...more });

it('knows when a token is due: the first by when the request came, others on average since the first', () => {
  const targets = { firstTokenMs: 50, tokenMs: 10 };
  expect(dueOf(job({ job: { targets } }))).toBe(150);
  expect(dueOf(job({ job: { targets }, firstAt: 120, taken: 3 }))).toBe(150);
  expect([dueOf(job()), dueOf(job({ firstAt: 120, taken: 3 }))]).toEqual([Infinity, Infinity]);
});

it('holds a prompt back for a token that would come too late, of what is no less urgent and due before it', () => {
  const answering = [job({ job: { targets: { tokenMs: 10 }, priority: 1 }, firstAt: 100, taken: 1 })]; // due at 110
  const prompt = (more: object = {}) => job({ job: { priority: 1, ...more } });
  expect([105, 80].map((now) => isHeldBack(prompt(), answering, now, 20))).toEqual([true, false]);
  expect(isHeldBack(prompt({ targets: { firstTokenMs: 5 } }), answering, 105, 20)).toBe(false);
  expect(isHeldBack(prompt({ priority: 0 }), answering, 105, 20)).toBe(false);
});

it('tells of each target whether it was met', () => {
  expect(metOf({ firstTokenMs: 50, tokenMs: 10 }, { tokens: 5, firstMs: 51, othersMs: 40 })).toEqual({
    firstToken: { targetMs: 50, ms: 51, met: false }, token: { targetMs: 10, ms: 10, met: true },
  });
  expect(metOf({ tokenMs: 10 }, { tokens: 1, firstMs: 51, othersMs: 0 })).toEqual({ token: { targetMs: 10, met: true } });
});
