// Conversations of which one episode answers, on a device that only takes notes: which episode a question is answered by, what is run for it, what is kept,
// and what is left where something fails.
import { describe, expect, it } from 'vitest';
import { type OpenStates, openStates } from '../../../test/doubles/session-states.ts';
import { type EpicachePlan } from '../../kv/policies/epicache.ts';
import { type KvTick } from '../../kv/policy.ts';
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
  const opened = openStates({
    policy: 'epicache', options: { chunk: 64, share: 0.4, window: 8 }, ...options,
    async ran(tokens, owner, sequence) {
      const { policy, plan, options: own } = opened.home.shape!;
      notes.push((plan as EpicachePlan).block?.until);
      const { length } = tokens;
      const shaped = sequence.shaped!;
      const tick = { phase: 'prompt', of: sequence, length, base: shaped.base, plan, options: own, layers: [] };
      await policy.tick({ ...tick, advance: (base: number) => shaped.ticked(length, base, true) } as unknown as KvTick);
      await options.ran?.(tokens, owner, sequence);
    },
  });
  return { ...opened, notes, recall: (id: string, request: RecallRequest) => opened.states.recall(id, request) };
}

describe('recalled conversations', () => {
  it('are read turn by turn, with the middle of the nearest episode behind each that leaves too much', async () => {
    const { recall, runs, sequences, notes, home } = open();
    expect(await recall('a', requestOf('do boats sink'))).toEqual({ episode: 1, episodes: 2, turns: [1], tokens: all.length, ranTokens: all.length });
    const query = boats.slice(-8);
    expect(runs).toEqual([first + query, second + query, third + query]); // 40 slots stay
    expect(notes).toEqual([first, second, third].map(({ length }) => length));
    const { tokens, approximate } = sequences.of('a')!;
    expect([String.fromCharCode(...tokens), approximate]).toEqual([all, true]);
    expect((home.shape!.plan as EpicachePlan).block).toBeUndefined();
  });

  it.each([false, true])('run nothing for an episode that is there, and another for a question of another; without storage: %s', async (storeless) => {
    const { recall, runs, sequences, store } = open({ storeless });
    await recall('a', requestOf('do boats sink'));
    const ran = runs.length;
    expect(await recall('b', requestOf('boats sink?'))).toMatchObject({ episode: 1, ranTokens: 0 });
    expect(runs).toHaveLength(ran);
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
    const lost = open({ ran: () => Promise.reject(new Error('lost')) });
    await expect(lost.recall('a', requestOf('cats?'))).rejects.toThrow('lost');
    expect([lost.sequences.of('a'), (lost.home.shape!.plan as EpicachePlan).block]).toEqual([undefined, undefined]);
    const one = open({ storeless: true, sequences: 1 });
    expect(await one.recall('a', requestOf('cats?'))).toMatchObject({ ranTokens: all.length });
    expect(one.sequences.live).toHaveLength(1);
    // It gave way while it was read.
    const away = open({ ran: async (_, owner) => away.sequences.disown(owner) });
    await expect(away.recall('a', requestOf('cats?'))).rejects.toThrow('was not read to its end');
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
