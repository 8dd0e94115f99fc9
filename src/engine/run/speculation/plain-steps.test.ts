import { expect, it, vi } from 'vitest';
import { type Answer } from '../answer/answers.ts';
import { createPlainSteps } from './plain-steps.ts';

const steps = () => {
  let at = 0;
  const times = { plain: vi.fn() };
  const worth = { told: vi.fn(), waited: vi.fn() };
  const plain = createPlainSteps(times, () => at);
  const tokens = [1, 2, 3];
  const answer = { tokens } as unknown as Answer;
  const step = (ms: number): void => {
    at += ms;
    plain.note([answer], 1);
  };
  return { times, worth, plain, answer, tokens, step };
};

it('times steps that follow each other, but for the first ones', () => {
  const { times, worth, plain, step } = steps();
  for (const ms of [50, 1, 10, 11]) step(ms);
  plain.end();
  for (const ms of [90, 90]) step(ms);
  expect(times.plain.mock.calls).toEqual([[10], [11]]);
  expect(worth.waited).not.toHaveBeenCalled();
});

it('counts a guess that the tokens under way refute, and what reading those first took until steps follow each other as before', () => {
  const { times, worth, plain, answer, tokens, step } = steps();
  for (const ms of [50, 1, 10]) step(ms);
  plain.readFirst(answer, { worth, alike: 3, ids: [4, 5, 6] });
  tokens.push(4, 9);
  plain.goOn(answer);
  expect(worth.told.mock.calls).toEqual([[3, 3, 1, 2]]);
  for (const ms of [25, 1, 14]) step(ms);
  expect(worth.waited.mock.calls).toEqual([[40, 3]]);
  step(10);
  expect(times.plain.mock.calls).toEqual([[10], [10]]); // not what is no time of a step
});

it('counts it where the next guess is waited for before that, and not where one is checked', () => {
  const { worth, plain, answer, tokens, step } = steps();
  for (const ms of [50, 1, 10]) step(ms);
  for (let time = 0; time < 2; time++) {
    plain.readFirst(answer, { worth, alike: 3, ids: [4] });
    tokens.push(9);
    plain.goOn(answer);
    step(15);
  }
  expect(worth.waited.mock.calls).toEqual([[15, 1]]);
  plain.end();
  expect(worth.waited.mock.calls).toEqual([[15, 1], [15, 1]]);
  for (const ms of [50, 1]) step(ms);
  plain.readFirst(answer, { worth, alike: 3, ids: [4] });
  plain.end();
  expect(worth.waited).toHaveBeenCalledTimes(2);
});
