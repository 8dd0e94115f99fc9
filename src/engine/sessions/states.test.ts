// Conversations that are kept are those of a model as it computes.
import { expect, it } from 'vitest';
import { openStates } from '../../../test/doubles/session-states.ts';
import { writeTokens } from '../../kv/pages.ts';

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
