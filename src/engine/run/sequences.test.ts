import { expect, it, vi } from 'vitest';
import { type Reusable, createSequences, sharedPrefix } from './sequences.ts';

/** A byte for each position there is room for, in steps of 10. */
class Fake implements Reusable {
  tokens: number[] = [];
  closed = false;
  approximate = false;
  runAnew?: number;
  room = 10;
  get byteLength() {
    return this.room;
  }
  bytesFor(positions: number) {
    return Math.max(10, Math.ceil(positions / 10) * 10);
  }
  truncate(length: number) {
    this.tokens.length = Math.min(this.tokens.length, length);
    this.approximate &&= this.tokens.length > 0;
    return this.tokens.length;
  }
  /** Of what it has, as under a policy that drops. */
  least = 0;
  reaches(length: number) {
    return length < this.least ? 0 : length;
  }
  async fork(length: number) {
    const copy = new Fake();
    Object.assign(copy, { tokens: this.tokens.slice(0, length), approximate: this.approximate });
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

it('runs more of a prompt again where a sequence asks for that, also of one that is one token longer', async () => {
  const sequences = open(1000);
  const { sequence } = await ask(sequences, tokens(0, 20), tokens(100, 5));
  sequence.runAnew = 2;
  expect((await ask(sequences, sequence.tokens.slice(), [])).shared).toBe(23);
  expect((await ask(sequences, [...sequence.tokens, 7], [])).shared).toBe(24);
  expect((await ask(sequences, [...sequence.tokens, 8, 9], [])).shared).toBe(26);
  expect((await ask(sequences, [0], [])).shared).toBe(0);
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

it('copies nothing of one that would be empty where it is cut', async () => {
  const sequences = open(1000);
  const { sequence } = await ask(sequences, tokens(0, 50), [1]);
  sequence.least = 30;
  const fork = vi.spyOn(sequence, 'fork');
  const other = await ask(sequences, [...tokens(0, 4), ...tokens(500, 50)], []);
  expect([other.shared, fork.mock.calls.length, sequences.live.length]).toEqual([0, 0, 2]);
  expect((await ask(sequences, [...tokens(0, 40), ...tokens(700, 100)], [])).shared).toBe(40);
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

it('keeps the sequence of an owner for its next prompt, and copies it for others', async () => {
  const sequences = open(1000);
  const ask = async (prompt: number[], owner?: string): Promise<Fake> => {
    const sequence = (await sequences.take(prompt, owner))!;
    const shared = sequence.tokens.length;
    Object.assign(sequence, { tokens: [...prompt], room: sequence.bytesFor(prompt.length), shared });
    sequences.give(sequence);
    return sequence;
  };
  const mine = await ask(tokens(0, 50), 'a');
  const other = await ask(tokens(0, 60));
  expect([other === mine, (other as Fake & { shared: number }).shared]).toEqual([false, 50]);
  expect(await ask([...tokens(0, 30), 7], 'a')).toBe(mine); // its text has changed: it stays its own
  expect(sequences.of('a')).toBe(mine);
  expect(await sequences.fork('a', 'b')).toBe(true);
  expect(sequences.of('b')!.tokens).toEqual([...tokens(0, 30), 7]);
  expect(await sequences.fork('nobody', 'c')).toBe(false);
  sequences.disown('a');
  expect([mine.closed, sequences.of('a')]).toEqual([true, undefined]);
});

it('has nobody but its owner go on from what was put together of parts, not even where it is taken over', async () => {
  const sequences = open(1000);
  const composed = async (sequence: Fake) => void Object.assign(sequence, { tokens: tokens(0, 20), room: 20, approximate: true });
  expect(await sequences.fill('a', 20, composed)).toBe(true);
  const [mine] = sequences.live;
  const other = (await sequences.take([...tokens(0, 20), 7]))!;
  expect([other === mine, other.tokens.length]).toEqual([false, 0]);
  Object.assign(other, { tokens: [...tokens(0, 20), 7], room: 30 });
  sequences.give(other);
  expect((await sequences.take([...tokens(0, 20), 7, 8], 'b'))!.tokens).toHaveLength(21); // from what was run
  expect(await sequences.take([...tokens(0, 20), 7], 'a')).toBe(mine);
  expect([mine.tokens.length, mine.approximate]).toEqual([20, true]);
  const copied = (await sequences.take([...tokens(0, 20), 9], 'a'))!; // its own is in use
  expect([copied.tokens.length, copied.approximate]).toEqual([20, true]);
});

it('empties what was put together of parts where another prompt takes its room', async () => {
  const sequences = open(20);
  expect(await sequences.fill('a', 20, async (sequence) => void Object.assign(sequence, { tokens: tokens(0, 20), room: 20, approximate: true }))).toBe(true);
  const over = (await sequences.take([...tokens(0, 19), 7]))!;
  expect([over.tokens.length, over.approximate]).toEqual([0, false]);
});

it('has those without an owner give way before others, and frees one in use once it is given back', async () => {
  const sequences = open(60);
  const owned = (await sequences.take(tokens(0, 20), 'a'))!;
  Object.assign(owned, { tokens: tokens(0, 20), room: 20 });
  sequences.give(owned);
  const free = (await sequences.take(tokens(100, 20)))!;
  Object.assign(free, { tokens: tokens(100, 20), room: 20 });
  sequences.give(free);
  const third = (await sequences.take(tokens(200, 30)))!;
  third.room = 30;
  expect([free.closed, owned.closed]).toEqual([true, false]);
  expect(sequences.makeRoom(third, 50)).toBe(true);
  expect([owned.closed, sequences.of('a')]).toEqual([true, undefined]);
  sequences.give(third);
  const used = (await sequences.take(tokens(300, 10), 'b'))!;
  sequences.disown('b');
  expect(used.closed && used !== third).toBe(false);
  sequences.give(used);
  expect(used.closed).toBe(true);
});

it('fills a sequence for an owner, and leaves none where that fails', async () => {
  const sequences = open(40);
  expect(await sequences.fill('a', 20, async (sequence) => void Object.assign(sequence, { tokens: tokens(0, 20), room: 20 }))).toBe(true);
  expect(sequences.of('a')!.tokens).toHaveLength(20);
  await expect(sequences.fill('a', 20, async () => Promise.reject(new Error('cut off')))).rejects.toThrow('cut off');
  expect(sequences.of('a')).toBeUndefined();
  const used = (await sequences.take(tokens(0, 40)))!;
  used.room = 40;
  expect(await sequences.fill('a', 20, async () => {})).toBe(false);
});

/** Gives an owner a sequence of `count` tokens, which is idle then. */
async function own(sequences: ReturnType<typeof open>, owner: string, from: number, count: number): Promise<Fake> {
  const sequence = (await sequences.take(tokens(from, count), owner))!;
  Object.assign(sequence, { tokens: tokens(from, count), room: sequence.bytesFor(count) });
  sequences.give(sequence);
  return sequence;
}

it('leaves owners what they have where it is the number of others that is too large', async () => {
  const sequences = open(10_000, 3);
  const owned = [await own(sequences, 'a', 0, 20), await own(sequences, 'b', 1000, 20)];
  const used = [];
  for (let i = 0; i < 3; i++) used.push((await sequences.take(tokens(2000 + 1000 * i, 20)))!);
  expect(await sequences.take(tokens(9000, 20))).toBeUndefined();
  expect(await sequences.fork('a', 'c')).toBe(true); // those of owners do not count
  expect(await sequences.fill('d', 20, async (sequence) => void (sequence.tokens = tokens(0, 20)))).toBe(true);
  expect(await own(sequences, 'e', 9000, 20)).toBe(sequences.of('e'));
  expect(owned.map(({ closed, tokens: { length } }) => [closed, length])).toEqual([[false, 20], [false, 20]]);
  expect(['a', 'b'].map(sequences.of)).toEqual(owned);
  used.forEach((sequence, i) => (sequence.tokens = tokens(2000 + 1000 * i, 20)));
  sequences.give(used[1]);
  expect(await sequences.take(tokens(9500, 20))).toBeDefined();
  expect([used[1].closed, ...owned.map(({ closed }) => closed)]).toEqual([true, false, false]);
});

it('closes nothing where those in use would leave no room all the same', async () => {
  const sequences = open(100);
  const owned = await own(sequences, 'a', 0, 20);
  const used = [(await sequences.take(tokens(1000, 30)))!, (await sequences.take(tokens(2000, 10)))!];
  used.forEach((sequence, i) => (sequence.room = [50, 10][i]));
  expect(await sequences.take(tokens(3000, 50))).toBeUndefined();
  expect(sequences.makeRoom(used[1], 60)).toBe(false);
  expect(await sequences.fork('a', 'b')).toBe(true);
  expect(await sequences.fill('c', 60, async () => {})).toBe(false);
  expect([owned.closed, sequences.of('a')?.tokens.length, sequences.of('b')?.tokens.length]).toEqual([false, 20, 20]);
  sequences.give(used[0]);
  expect(await sequences.take(tokens(3000, 50))).toBeDefined();
});
