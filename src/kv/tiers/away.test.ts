// What goes on behind a step that was ended, on a device that only takes notes.
import { expect, it } from 'vitest';
import { type FakeBuffer } from '../../../test/doubles/fake-device.ts';
import { openStates } from '../../../test/doubles/session-states.ts';
import { createSequence } from '../sequence.ts';

it.each([
  ['that stays', true], ['that goes', false],
])('nothing is written of an answer that is still being made when the sequence %s is closed', async (_, stays) => {
  const { home } = openStates({ policy: 'scout', options: { ahead: 1 } });
  const { device } = home;
  const written: [label: string, isThere: boolean][] = [];
  const writeBuffer = (buffer: GPUBuffer) => void written.push([buffer.label, !(buffer as unknown as FakeBuffer).destroyed]);
  const sequence = createSequence(home, stays);
  Object.assign(device.queue, { writeBuffer });
  const { answers } = sequence.shaped!.away!;
  const ask = () => (answers!.ask(device.createCommandEncoder(), 1, 0), answers!.asked());
  ask();
  await answers!.answer(1);
  expect(written).toEqual([['kv.away.answers', true]]);
  ask();
  written.length = 0;
  sequence.close(); // the step was ended, which waits for no answer
  const emptied = written.splice(0); // by the sets that it has anew
  await answers!.settled();
  expect(written).toEqual([]);
  expect(emptied.every(([, isThere]) => isThere)).toBe(true);
  expect(answers!.counters.answers).toBe(1);
});
