import fc from 'fast-check';
import { expect, test } from 'vitest';
import { exportChats, importChats, matches, newChat, titleOf, type Chat } from './chat.ts';

const chat: Chat = {
  ...newChat(5),
  title: 'Sea',
  system: 'Be brief.',
  seed: 7,
  think: false,
  messages: [
    { role: 'user', content: 'A haiku about the sea' },
    { role: 'assistant', content: 'Waves', note: 'Stopped' },
  ],
};

test('what is exported comes back under a new id', () => {
  const [back] = importChats(exportChats([chat]));
  expect(back).toEqual({ ...chat, id: back.id, maxTokens: undefined });
  expect(back.id).not.toBe(chat.id);
});

test('any chat survives export and import', () => {
  const message = fc.record({ role: fc.constantFrom('user' as const, 'assistant' as const), content: fc.string({ unit: 'binary' }) });
  fc.assert(fc.property(fc.array(message), (messages) => {
    expect(importChats(exportChats([{ ...chat, messages }]))[0].messages).toEqual(messages);
  }));
});

test.each([
  ['{', /not JSON/],
  ['[]', /no chats of windrow/],
  ['{"format":"windrow-chats","version":1}', /no chats/],
  ['{"format":"windrow-chats","version":9,"chats":[]}', /version 9/],
  ['{"format":"windrow-chats","version":1,"chats":[{}]}', /Chat 1 of the file has no list/],
  ['{"format":"windrow-chats","version":1,"chats":[{"messages":[{"role":"system","content":"x"}]}]}', /message 1 must have a role/],
  ['{"format":"windrow-chats","version":1,"chats":[{"messages":[],"temperature":"hot"}]}', /temperature "hot"/],
])('the file %s is refused in words', (text, words) => expect(() => importChats(text)).toThrow(words));

test('whatever else a file holds is left out', () => {
  const [back] = importChats(
    '{"format":"windrow-chats","version":1,"chats":[{"messages":[{"role":"user","content":"hi","onclick":"x"}],"__proto__":{"evil":1},"extra":2}]}',
  );
  expect(back.messages).toEqual([{ role: 'user', content: 'hi' }]);
  expect('evil' in back || 'extra' in back).toBe(false);
  expect(back.title).toBe('hi');
});

test('a title is the first question, cut between words', () => {
  expect(titleOf([{ role: 'user', content: '  Why is\nthe sky blue? ' }])).toBe('Why is the sky blue?');
  expect(titleOf([{ role: 'user', content: 'word '.repeat(40) }])).toBe(`${'word '.repeat(11).trim()}…`);
  expect(titleOf([])).toBe('');
});

test('a search finds all words, in title or messages, in any case', () => {
  expect(matches(chat, 'WAVES haiku')).toBe(true);
  expect(matches(chat, 'waves mountain')).toBe(false);
  expect(matches(chat, '')).toBe(true);
});
