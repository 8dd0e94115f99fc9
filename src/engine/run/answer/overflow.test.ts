import { expect, it } from 'vitest';
import { type ChatMessage } from '../../../protocol.ts';
import { shorten } from './overflow.ts';

/** A token for each letter. */
const encode = (messages: readonly ChatMessage[]): number[] => messages.flatMap(({ content }) => [...content].map((letter) => letter.codePointAt(0)!));
const chat = (...texts: string[]): ChatMessage[] => texts.map((text, i): ChatMessage => ({ role: i % 2 ? 'assistant' : 'user', content: text.repeat(10) }));
const system: ChatMessage = { role: 'system', content: 'S'.repeat(10) };
const told = (messages: ChatMessage[], context: number, maxTokens = Infinity) => {
  const { ids, dropped } = shorten(messages, encode, context, maxTokens);
  return [[...new Set(ids)].map((id) => String.fromCodePoint(id)).join(''), dropped];
};

it('leaves a conversation that fits as it is', () => {
  expect(told([system, ...chat('a', 'b', 'c')], 41)).toEqual(['Sabc', 0]);
  expect(told([system, ...chat('a', 'b', 'c')], 60, 20)).toEqual(['Sabc', 0]);
});

it('leaves out whole turns, the oldest first, until a quarter is free, and keeps what the system says', () => {
  expect(told([system, ...chat('a', 'b', 'c', 'd', 'e')], 60)).toEqual(['Scde', 2]);
  expect(told([system, ...chat('a', 'b', 'c', 'd', 'e')], 50)).toEqual(['Se', 4]);
  expect(told(chat('a', 'b', 'c', 'd', 'e', 'f', 'g'), 64)).toEqual(['defg'.slice(1), 4]);
});

it('makes room for what the answer asks for, up to half', () => {
  expect(told([system, ...chat('a', 'b', 'c', 'd', 'e')], 80, 25)).toEqual(['Scde', 2]);
  expect(told([system, ...chat('a', 'b', 'c', 'd', 'e')], 80, 1000)).toEqual(['Scde', 2]);
  expect(told([system, ...chat('a', 'b', 'c', 'd', 'e')], 70, 1000)).toEqual(['Se', 4]);
});

it('keeps the last turn though it alone is too long', () => {
  expect(told([system, ...chat('a', 'b', 'c')], 15)).toEqual(['Sc', 2]);
  expect(told(chat('a'), 5)).toEqual(['a', 0]);
});
