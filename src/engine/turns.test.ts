import { expect, it } from 'vitest';
import { createTurns } from './turns.ts';

/** Work that ends when it is told to. */
function work(log: string[], name: string) {
  let end!: (error?: Error) => void;
  const ended = new Promise<void>((resolve, reject) => (end = (error) => (error ? reject(error) : resolve())));
  return { end, run: () => (log.push(`${name} begins`), ended.finally(() => log.push(`${name} ends`))) };
}

const settle = async () => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

it('runs some work together, and other work alone, in the order in which it came', async () => {
  const log: string[] = [];
  const turns = createTurns();
  const [a, b, c, d, e] = ['a', 'b', 'c', 'd', 'e'].map((name) => work(log, name));
  const results = [turns.together(a.run), turns.together(b.run), turns.alone(c.run), turns.together(d.run), turns.alone(e.run)];
  await settle();
  expect(log).toEqual(['a begins', 'b begins']);
  b.end();
  await settle();
  expect(log.slice(2)).toEqual(['b ends']);
  a.end(new Error('a failed'));
  await settle();
  expect(log.slice(3)).toEqual(['a ends', 'c begins']);
  c.end(new Error('c failed'));
  await settle();
  expect(log.slice(5)).toEqual(['c ends', 'd begins']);
  d.end();
  await settle();
  expect(log.slice(7)).toEqual(['d ends', 'e begins']);
  e.end();
  expect((await Promise.allSettled(results)).map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
});
