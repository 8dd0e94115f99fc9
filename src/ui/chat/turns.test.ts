import { expect, test } from 'vitest';
import { type Message } from './chat.ts';
import { fewestToDrop, firstRead, isOpen, promptOf, turnsBefore } from './turns.ts';

const user = (content: string): Message => ({ role: 'user', content });
const assistant = (content: string, reasoning?: string): Message => ({ role: 'assistant', content, ...(reasoning === undefined ? {} : { reasoning }) });
const said = (messages: Message[], system?: string, dropped?: number): string[] =>
  promptOf(messages, system, dropped).map(({ role, content }) => `${role}: ${content}`);

test('a prompt is the turns and the last question, behind the system prompt', () =>
  expect(said([user('a'), assistant('b'), user('c')], 'Be brief.')).toEqual(['system: Be brief.', 'user: a', 'assistant: b', 'user: c']));

test.each([
  ['a question that was left without an answer', [user('lost'), user('now')]],
  ['... and one whose answer was stopped before its first word', [user('lost'), assistant(''), user('now')]],
  ['... or in its reasoning', [user('lost'), assistant('', 'Well,'), user('now')]],
  ['an answer whose question was deleted', [assistant('lost'), user('now')]],
])('%s is left out', (_, messages) => expect(said(messages)).toEqual(['user: now']));

test('whatever was deleted, roles take turns', () =>
  expect(said([user('x'), user('a'), assistant('b'), assistant('y'), user('z'), assistant(''), user('c')])).toEqual(['user: a', 'assistant: b', 'user: c']));

test('reasoning is not sent back, be it kept apart or in an older conversation', () =>
  expect(said([user('a'), assistant('b', 'Hmm'), user('c'), assistant('<think>\nHmm\n</think>\n\nd'), user('e')])).toEqual([
    'user: a',
    'assistant: b',
    'user: c',
    'assistant: d',
    'user: e',
  ]));

test('the oldest turns are left out, and where the model begins to read is known', () => {
  const messages = [user('a'), assistant('b'), user('lost'), user('c'), assistant('d'), user('e')];
  expect(turnsBefore(messages)).toBe(2);
  expect(said(messages, 'S', 1)).toEqual(['system: S', 'user: c', 'assistant: d', 'user: e']);
  expect([0, 1, 2].map((dropped) => firstRead(messages, dropped))).toEqual([0, 3, 5]);
});

test('no more turns are dropped than it takes, or all', async () => {
  for (let least = 0; least <= 9; least++) expect(await fewestToDrop(9, async (dropped) => dropped >= least)).toBe(least);
  expect(await fewestToDrop(9, async () => false)).toBe(9);
  expect(await fewestToDrop(0, async () => false)).toBe(0);
});

test('a question is open while no answer follows', () =>
  expect([user('a'), assistant(''), user('b'), user('c')].map((_, at, all) => isOpen(all, at))).toEqual([false, false, true, true]));
