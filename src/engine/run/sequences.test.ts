import { expect, it } from 'vitest';
import { type Reusable, createSequences, sharedPrefix } from './sequences.ts';

/** A byte for each position there is room for, in steps of 10. */
class Fake implements Reusable {
  tokens: number[] = [];
  closed = false;
  room = 10;
  get byteLength() {
    return this.room;
  }
  bytesFor(positions: number) {
    return Math.max(10, Math.ceil(positions / 10) * 10);
  }
  truncate(length: number) {
    this.tokens.length = Math.min(this.tokens.length, length);
    return this.tokens.length;
  }
  async fork(length: number) {
    const copy = new Fake();
    copy.tokens = this.tokens.slice(0, length);
    copy.room = copy.bytesFor(length);
    return copy as this;
  }
  close() {
    this.closed = true;
    return true;
  }
}

const tokens = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);
const open = (mostBytes: number, most = 8) => createSequences<Fake>({ first: new Fake(), create: () => new Fake(), mostBytes, most });

/** A request from its beginning to its end. */
async function ask(sequences: ReturnType<typeof open>, prompt: number[], answer: number[]): Promise<{ sequence: Fake; shared: number }> {
  const sequence = (await sequences.take(prompt))!;
  const shared = sequence.tokens.length;
  const all = [...prompt, ...answer];
  sequences.makeRoom(sequence, all.length);
  sequence.room = sequence.bytesFor(all.length);
  sequence.tokens = all;
  sequences.give(sequence);
  return { sequence, shared };
}

it('goes on in the sequence that a prompt begins with, and runs the last token of a prompt again', async () => {
  const sequences = open(1000);
  const first = await ask(sequences, tokens(0, 20), tokens(100, 5));
  expect(first.shared).toBe(0);
  const second = await ask(sequences, [...tokens(0, 20), ...tokens(100, 5), 7], [8]);
  expect(second).toEqual({ sequence: first.sequence, shared: 25 });
  expect((await ask(sequences, second.sequence.tokens.slice(), [])).shared).toBe(26);
});

it('keeps the texts of two conversations that alternate', async () => {
  const sequences = open(1000);
  const a = tokens(0, 50);
  const b = [...tokens(0, 4), ...tokens(500, 50)];
  await ask(sequences, a, [1]);
  expect((await ask(sequences, b, [2])).shared).toBe(4); // copied
  expect((await ask(sequences, [...a, 1, 3], [4])).shared).toBe(51);
  expect((await ask(sequences, [...b, 2, 5], [6])).shared).toBe(55);
  expect(sequences.live).toHaveLength(2);
});

it('copies a beginning that several have in common', async () => {
  const sequences = open(1000);
  const system = tokens(0, 40);
  const first = await ask(sequences, [...system, ...tokens(100, 60)], [1]);
  const second = await ask(sequences, [...system, ...tokens(300, 60)], [2]);
  expect(second.shared).toBe(40);
  expect(first.sequence.tokens).toEqual([...system, ...tokens(100, 60), 1]);
});

it('never gives one to two requests at once', async () => {
  const sequences = open(1000);
  const prompt = tokens(0, 20);
  const [a, b] = [await sequences.take(prompt), await sequences.take(prompt)];
  expect(a).not.toBe(b);
});

it('lets the least recently used give way where room is short, and never one that is in use', async () => {
  const sequences = open(100);
  const a = (await ask(sequences, tokens(0, 30), [])).sequence;
  const b = (await ask(sequences, tokens(100, 30), [])).sequence;
  const c = (await sequences.take(tokens(200, 30)))!;
  sequences.makeRoom(c, 30);
  c.room = 30;
  expect([a.closed, b.closed]).toEqual([false, false]);
  sequences.makeRoom(c, 60);
  expect([a.closed, b.closed]).toEqual([true, false]);
  sequences.makeRoom(c, 100);
  expect([b.closed, c.closed]).toEqual([true, false]);
  expect(sequences.live).toEqual([c]);
});

it('has a prompt wait that those in use leave no room for', async () => {
  const sequences = open(60);
  const a = (await sequences.take(tokens(0, 20)))!;
  sequences.makeRoom(a, 40);
  a.room = 40;
  expect(await sequences.take(tokens(100, 30))).toBeUndefined();
  expect(sequences.makeRoom(a, 70)).toBe(false);
  const b = (await sequences.take(tokens(100, 20)))!;
  expect([b === a, a.closed]).toEqual([false, false]);
  expect(await sequences.take(tokens(0, 20))).toBeUndefined();
  sequences.drop(b);
  expect([b.closed, sequences.live]).toEqual([true, [a]]);
  sequences.give(a);
  expect(await sequences.take(tokens(100, 60))).toBe(a);
});

it('keeps no more than it may, and closes all at the end', async () => {
  const sequences = open(1000, 3);
  const all = [];
  for (let i = 0; i < 5; i++) all.push((await ask(sequences, tokens(1000 * i, 20), [])).sequence);
  expect(all.map(({ closed }) => closed)).toEqual([true, true, false, false, false]);
  sequences.closeAll();
  expect(all.every(({ closed }) => closed)).toBe(true);
  expect(sequences.live).toEqual([]);
});

it('counts what two have in common', () => {
  expect(sharedPrefix([1, 2, 3], [1, 2, 4])).toBe(2);
  expect(sharedPrefix([1, 2, 3], [1, 2, 3], 2)).toBe(2);
  expect(sharedPrefix([], [1])).toBe(0);
});
