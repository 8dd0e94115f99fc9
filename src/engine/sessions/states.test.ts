// Conversations that are kept are those of a model as it computes.
import { expect, it } from 'vitest';
import { openStates } from '../../../test/doubles/session-states.ts';
import { writeTokens } from '../../kv/pages.ts';

it.each([
  ['f16', undefined, {}, 'prompt'], ['kivi4', 'kivi4', {}, 'prompt'], ['scout', 'scout', {}, 'prompt'], ['streaming', 'streaming', { slots: 40 }, 'state'],
  ['snapkv', 'snapkv', {}, 'state'], ['quest', 'quest', {}, 'state'], ['parts that have not seen each other', undefined, {}, 'state'],
])('a conversation under %s is run again only where that gives what was kept', async (name, policy, options, by) => {
  const costs = { store: { secondsPerRead: 1, secondsPerByte: 1 }, perUploadedByte: 1, prefillTokensPerSecond: 1e6 };
  const { states, sequences, home, runs } = openStates({ policy, options, costs });
  const text = Array.from({ length: 20 }, (_, i) => 65 + i);
  const sequence = (await sequences.take(text, 'a'))!;
  await sequence.makeRoom(text.length);
  writeTokens(home, sequence, text);
  sequence.shaped?.ticked(text.length, 0, true);
  sequence.approximate = name.startsWith('parts');
  sequences.give(sequence);
  await states.save('a', 'mine', 'about');
  const loaded = await states.load('mine', 'b');
  expect(loaded.seconds!.prompt).toBeLessThan(loaded.seconds!.state);
  expect([loaded.by, runs.length]).toEqual([by, by === 'prompt' ? 1 : 0]);
  expect(sequences.of('b')!.approximate).toBe(sequence.approximate);
});

it('a kept conversation is not that of the same weights with another activation', async () => {
  const { states, placed, sequences, home } = openStates();
  const sequence = (await sequences.take([65, 66], 'a'))!;
  await sequence.makeRoom(2);
  writeTokens(home, sequence, [65, 66]);
  sequences.give(sequence);
  await states.save('a', 'mine', 'about');
  placed.opened.activation = 'relu';
  await expect(states.load('mine', 'b')).rejects.toThrow('of another model');
  placed.opened.activation = undefined;
  expect(await states.load('mine', 'b')).toMatchObject({ about: 'about', tokens: 2 });
});
