// Conversations of which one episode answers, on a device that only takes notes: which episode a question is answered by, what is run for it, what is kept,
// and what is left where something fails.
import { describe, expect, it } from 'vitest';
import { type OpenStates, openStates } from '../../../test/doubles/session-states.ts';
import { blockOf } from '../../kv/policies/epicache.ts';
import { type KvTick } from '../../kv/policy.ts';
import { damagedParts, headerOf, withHeader } from '../../kv/saved/snapshot.ts';
import { type RecallRequest } from '../../protocol.ts';

const said = [
  { role: 'system', content: 'Help.' },
  { role: 'user', content: 'cats purr, cats nap' }, { role: 'assistant', content: 'cats purr' },
  { role: 'user', content: 'boats sink' }, { role: 'assistant', content: 'boats do sink' },
  { role: 'user', content: 'cats nap' }, { role: 'assistant', content: 'naps, cats' },
] as const;
const requestOf = (question: string, how: Partial<RecallRequest> = {}): RecallRequest =>
  ({ conversation: { prompt: { messages: [...said, { role: 'user', content: question }] } }, episodes: 2, ...how });
const all = '<s>Help.<u>cats purr, cats nap<a>cats purr<u>boats sink<a>boats do sink<u>cats nap<a>naps, cats<u>';
const [first, second, third] = ['boats sink<a>', 'cats nap<a>naps', ''].map((next) => (next ? all.slice(0, all.indexOf(next)) : all));
const boats = second.slice(first.length);

function open(options: OpenStates = {}) {
  const notes: (number | undefined)[] = [];
  const reads: string[] = [];
  let of: object | undefined;
  const blockNow = () => of && blockOf.get(of);
  const opened = openStates({
    policy: 'epicache', options: { chunk: 64, share: 0.4, window: 8 }, ...options,
    async fed(feed) {
      const { sequence } = feed;
      const shaped = sequence.shaped!;
      const { policy, plan, options: own } = shaped.shape;
      const { length } = sequence.tokens;
      of = sequence;
      notes.push(blockNow()?.until);
      reads.push(String.fromCharCode(...sequence.tokens));
      const tick = { phase: 'prompt', of: sequence, length, base: shaped.base, plan, options: own, layers: [] };
      await policy.tick({ ...tick, advance: (base: number) => shaped.ticked(length, base, true) } as unknown as KvTick);
      await options.fed?.(feed);
    },
  });
  return { ...opened, notes, reads, blockNow, recall: (id: string, request: RecallRequest) => opened.states.recall(id, request) };
}

const namesOf = async ({ store }: Pick<ReturnType<typeof open>, 'store'>) => (await store.list()).map(({ name }) => name).sort();

describe('recalled conversations', () => {
  it('are read turn by turn, with the middle of the nearest episode behind each that leaves too much', async () => {
    const { recall, reads, sequences, notes, blockNow } = open();
    expect(await recall('a', requestOf('do boats sink'))).toEqual({ episode: 1, episodes: 2, turns: [1], tokens: all.length, ranTokens: all.length });
    const query = boats.slice(-8);
    expect(reads).toEqual([first + query, second + query, third + query]); // 40 slots stay
    expect(notes).toEqual([first, second, third].map(({ length }) => length));
    const { tokens, approximate } = sequences.of('a')!;
    expect([String.fromCharCode(...tokens), approximate]).toEqual([all, true]);
    expect(blockNow()).toBeUndefined();
  });

  it.each([false, true])('run nothing for an episode that is there, and another for a question of another; without storage: %s', async (storeless) => {
    const { recall, reads, sequences, store } = open({ storeless });
    await recall('a', requestOf('do boats sink'));
    const ran = reads.length;
    expect(await recall('b', requestOf('boats sink?'))).toMatchObject({ episode: 1, ranTokens: 0 });
    expect(reads).toHaveLength(ran);
    expect([...sequences.of('b')!.tokens]).toEqual([...sequences.of('a')!.tokens]);
    expect(sequences.of('b')!.approximate).toBe(true);
    expect(await recall('c', requestOf('cats, purr, nap?'))).toMatchObject({ episode: 0, turns: [0, 2], ranTokens: all.length });
    expect((await store.list()).filter(({ name }) => name.startsWith('episode '))).toHaveLength(storeless ? 0 : 2);
  });

  it('cut turns that are longer than a step, and have their beginning before them where both are too long for one', async () => {
    const { recall, notes } = open({ options: { chunk: 64, share: 0.4, window: 8 } });
    const long = [{ role: 'system' as const, content: 's'.repeat(40) }, { role: 'user' as const, content: 'u'.repeat(92) }];
    const messages = [...long, { role: 'user' as const, content: 'u?' }];
    expect(await recall('a', requestOf('', { conversation: { prompt: { messages } } }))).toMatchObject({ episodes: 2, turns: [0], tokens: 141 });
    expect(notes).toEqual([46, 94, 141]);
  });

  it('leave nothing where reading fails, and no copy for which others would make way', async () => {
    const lost = open({ fed: () => Promise.reject(new Error('lost')) });
    await expect(lost.recall('a', requestOf('cats?'))).rejects.toThrow('lost');
    expect([lost.sequences.of('a'), lost.blockNow()]).toEqual([undefined, undefined]);
    const one = open({ storeless: true, sequences: 1 });
    expect(await one.recall('a', requestOf('cats?'))).toMatchObject({ ranTokens: all.length });
    expect(one.sequences.live).toHaveLength(1);
  });

  it('have others wait between two blocks where there is room for one conversation, until what was read is kept', async () => {
    const others = Array.from(first, (letter) => letter.charCodeAt(0) + 1);
    const taken: unknown[] = [];
    let given: Promise<void> | undefined;
    const opened: ReturnType<typeof open> = open({
      sequences: 1,
      async before() {
        if (!opened.notes.length) return;
        taken.push(await opened.sequences.take(others));
        given ??= opened.sequences.whenHeldGiven();
      },
    });
    expect(await opened.recall('a', requestOf('do boats sink'))).toMatchObject({ ranTokens: all.length });
    expect(taken).toEqual([undefined, undefined, undefined]); // before two blocks, and before it is kept
    await given;
    expect(opened.sequences.whenHeldGiven()).toBeUndefined();
    expect(await opened.sequences.take(others)).toBeDefined();
    expect(await namesOf(opened)).toHaveLength(1);
  });

  it('wait for those that answer where they leave no room, and can be ended meanwhile', async () => {
    const stop = new AbortController();
    const opened: ReturnType<typeof open> = open({ sequences: 1, signal: stop.signal });
    const answering = (await opened.sequences.take([1, 2, 3]))!;
    const first = opened.recall('a', requestOf('cats?'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(opened.notes).toEqual([]);
    opened.sequences.give(answering);
    expect(await first).toMatchObject({ ranTokens: all.length });
    await opened.sequences.take([1, 2, 3]);
    const second = opened.recall('b', requestOf('boats?'));
    await new Promise((resolve) => setImmediate(resolve));
    stop.abort(new Error('enough'));
    await expect(second).rejects.toThrow('enough');
  });

  it.each(['is closed', 'is emptied'])('are refused where what is read %s between two blocks', async (how) => {
    let [isBetween, isDone] = [false, false];
    const opened: ReturnType<typeof open> = open({
      sequences: how === 'is closed' ? 2 : 1,
      async fed() {
        isBetween = true;
      },
      async before() {
        const { sequences } = opened;
        if (!isBetween || isDone) return;
        isDone = true;
        const reading = sequences.of('a')!;
        if (how === 'is emptied') return void reading.truncate(0);
        return void sequences.disown('a');
      },
    });
    await expect(opened.recall('a', requestOf('cats?'))).rejects.toMatchObject({
      name: 'BudgetError', message: expect.stringContaining('gave way to other conversations') as string,
    });
    expect([isDone, opened.notes.length, opened.blockNow(), opened.sequences.of('a')]).toEqual([true, 1, undefined, undefined]);
    expect(await namesOf(opened)).toEqual([]);
  });

  it.each(['in a block', 'between two', 'while they wait'])('leave nothing where they are ended %s', async (when) => {
    const stop = new AbortController();
    let turns = 0;
    const end = () => stop.abort(new Error('enough'));
    const opened: ReturnType<typeof open> = open({
      signal: stop.signal,
      fed: async () => void (when === 'in a block' && opened.notes.length === 2 && end()),
      before: async () => void (when === 'between two' && opened.notes.length === 2 && ++turns === 1 && end()),
    });
    if (when === 'while they wait') end();
    await expect(opened.recall('a', requestOf('cats?'))).rejects.toThrow('enough');
    expect(opened.notes).toHaveLength({ 'in a block': 2, 'between two': 2 }[when] ?? 0);
    expect([opened.sequences.of('a'), opened.blockNow(), await namesOf(opened)]).toEqual([undefined, undefined, []]);
  });

  it('are read again where what is kept under their name is of other tokens, or by another query', async () => {
    const { recall, store } = open();
    const ran = async (id: string) => (await recall(id, requestOf('do boats sink'))).ranTokens;
    expect([await ran('a'), await ran('b')]).toEqual([all.length, 0]);
    const [kept] = await store.list();
    const parts = (await (await store.read(kept.name))!.parts())!;
    const { tokens } = headerOf(parts[0]);
    await store.write(kept, [withHeader(parts[0], { tokens: tokens.map((token, at) => token + Number(at === 5)) }), ...parts.slice(1)]);
    expect([await ran('c'), await ran('d')]).toEqual([all.length, 0]);
    for (const about of [{}, { query: [] }, { query: [1, 2] }].map((told) => JSON.stringify({ defaults: {}, messages: [], ...told }))) {
      await store.write({ ...kept, about }, parts);
      expect([await ran('e'), await ran('f')]).toEqual([all.length, 0]);
    }
    const { read } = store;
    Object.assign(store, { read: () => Promise.reject(damagedParts()) });
    expect(await ran('g')).toBe(all.length);
    Object.assign(store, { read });
    expect(await ran('h')).toBe(0);
  });

  it('go where the conversation went on, and stay where another question or another conversation is read', async () => {
    const opened = open();
    const { recall } = opened;
    const of = (...messages: { role: 'system' | 'user' | 'assistant'; content: string }[]) => requestOf('', { conversation: { prompt: { messages } } });
    const question = { role: 'user' as const, content: 'do boats sink' };
    await recall('a', of(...said, question));
    await recall('a', of(...said, { ...question, content: 'cats, purr, nap?' }));
    await recall('a', of({ role: 'system', content: 'Hold.' }, ...said.slice(1, 3), question));
    const before = await namesOf(opened);
    expect(before).toHaveLength(3);
    const more = [...said, { role: 'user' as const, content: 'boats float' }, { role: 'assistant' as const, content: 'they do' }];
    await recall('a', of(...more, question));
    const after = await namesOf(opened);
    expect(after.filter((name) => before.includes(name))).toHaveLength(1); // of the other conversation
    expect(after).toHaveLength(2);
  });

  it('are refused by name', async () => {
    const others = open({ policy: 'documents', options: {} });
    await expect(others.recall('a', requestOf('cats?'))).rejects.toThrow("loaded with kv: 'epicache'; this one has documents");
    const long = said.map((each) => ({ ...each, content: each.content.repeat(4) }));
    const conversation = { prompt: { messages: [...long, { role: 'user' as const, content: 'cats?' }] } };
    await expect(open().recall('a', requestOf('', { conversation }))).rejects.toThrow(/have \d+ tokens; the context has room for 256/);
    await expect(open().recall('a', requestOf('', { conversation: { prompt: { text: 'cats' } } }))).rejects.toThrow('no conversation');
  });
});
