// Documents that are put together, on a device that only takes notes: what is run, what is kept, and what is left where something fails.
import { describe, expect, it } from 'vitest';
import { type OpenStates, openStates } from '../../../test/doubles/session-states.ts';
import { type Asked, askedOf } from '../../kv/policies/documents.ts';
import { type KvTick } from '../../kv/policy.ts';
import { damagedParts, headerOf, packParts, unpackParts } from '../../kv/saved/snapshot.ts';
import { type ComposeRequest } from '../../protocol.ts';
import { keep } from './kept.ts';

const prompt = (text: string) => ({ prompt: { text } });
const requestOf = (documents: string[], how: Partial<ComposeRequest> = {}): ComposeRequest =>
  ({ beginning: prompt('Read:'), whole: prompt(`Read:${documents.join('')}`), documents, mode: 'stacked', ...how });

function open({ documents = false, ...options }: Omit<OpenStates, 'policy'> & { documents?: boolean } = {}) {
  const opened = openStates({ ...options, ...(documents && { policy: 'documents' }) });
  return { ...opened, compose: (id: string, request: ComposeRequest) => opened.states.compose(id, request) };
}

const names = async ({ store }: Pick<ReturnType<typeof open>, 'store'>) => (await store.list()).map(({ name }) => name).sort();

describe('documents that are put together', () => {
  it('run a document once where two are put together at the same time', async () => {
    const { compose, runs, sequences } = open({ ran: () => new Promise((resolve) => setTimeout(resolve)) });
    const made = await Promise.all([compose('a', requestOf([' one', ' two'])), compose('b', requestOf([' two', ' one']))]);
    expect(made.map(({ ranTokens }) => ranTokens)).toEqual([18, 0]);
    expect(runs).toEqual(['Read: one', 'Read: two']);
    expect(['a', 'b'].map((id) => sequences.of(id)!.approximate)).toEqual([true, true]);
  });

  it('are saved as put together of parts, and are taken for it where they are loaded', async () => {
    const { compose, states, store, sequences } = open({ documents: true });
    await compose('a', requestOf([' one', ' two'], { mode: 'ape' }));
    expect(sequences.of('a')!.shaped!.joined).toBe(13);
    await states.save('a', 'mine', JSON.stringify({ defaults: {}, messages: [] }));
    await states.close('a');
    await states.load('mine', 'b');
    const [loaded, fork] = [sequences.of('b')!, await sequences.of('b')!.fork()];
    expect([loaded, fork].map(({ approximate, shaped }) => [approximate, shaped!.joined])).toEqual([[true, 13], [true, 13]]);
    const parts = (await (await store.read('mine'))!.parts())!;
    expect(unpackParts(parts, headerOf(parts[0]).of).approximate).toBe(true);
    // The last tokens of the last document are no last slots: nothing is cut between.
    expect([fork.truncate(12), fork.approximate, fork.shaped!.base]).toEqual([0, false, 0]);
    expect([loaded.truncate(13), loaded.approximate]).toEqual([13, true]);
  });

  it('run kept documents again whose parts are not those of their tokens', async () => {
    const opened = open();
    await opened.compose('a', requestOf([' one']));
    const [kept] = await opened.store.list();
    const [first, ...layers] = (await (await opened.store.read(kept.name))!.parts())!;
    const { of, tokens } = unpackParts([first, ...layers], headerOf(first).of);
    for (const damaged of [layers.map((layer) => layer.subarray(4)), layers.slice(1), [...layers, layers[0]]]) {
      await opened.store.write(kept, packParts({ of, tokens, layers: damaged }));
      expect((await opened.compose('a', requestOf([' one']))).ranTokens).toBe(9);
    }
    expect((await opened.compose('a', requestOf([' one']))).ranTokens).toBe(0);
    const { read } = opened.store;
    Object.assign(opened.store, { read: () => Promise.reject(damagedParts()) });
    expect((await opened.compose('a', requestOf([' one']))).ranTokens).toBe(9);
    Object.assign(opened.store, { read });
    expect((await opened.compose('a', requestOf([' one']))).ranTokens).toBe(0);
  });

  it('leave what others have kept, and are put together where a document cannot be kept', async () => {
    const opened = open();
    const { store, compose } = opened;
    const mine = packParts({ of: { model: 'm', format: 'f16', pages: 1 }, tokens: [1], layers: [new Uint8Array(64)] });
    const byteLength = mine.reduce((sum, part) => sum + part.byteLength, 0);
    await keep(store, { name: 'mine', model: 'm', modelName: 'M', byteLength, tokens: 1, lastUsed: 1, about: '' }, mine, Infinity);
    expect(await compose('a', requestOf([' one', ' two'], { mostBytes: byteLength }))).toMatchObject({ tokens: 13, ranTokens: 18 });
    expect(await names(opened)).toEqual(['mine']);
    await compose('a', requestOf([' one']));
    const [document] = (await store.list()).filter(({ name }) => name !== 'mine');
    expect(await compose('a', requestOf([' two'], { mostBytes: byteLength + document.byteLength }))).toMatchObject({ ranTokens: 9 });
    expect(await names(opened)).toHaveLength(2);
    expect(await names(opened)).not.toContain(document.name);
    store.write = () => Promise.reject(new DOMException('no room', 'QuotaExceededError'));
    expect(await compose('a', requestOf([' six']))).toMatchObject({ ranTokens: 9 });
    store.write = () => Promise.reject(new Error('a broken disk'));
    await expect(compose('a', requestOf([' ten']))).rejects.toThrow('a broken disk');
  });

  it('look at what the question pays on its own copy alone', async () => {
    let asked: Asked | undefined;
    let copy: object | undefined;
    const { compose, home, sequences, runs, states } = open({
      documents: true,
      async ran(tokens, owner, sequence) {
        if (!owner.endsWith('asked')) return;
        [asked, copy] = [askedOf.get(sequence), sequence];
        const { policy, plan } = home.shape!;
        const tick = (of: object) => policy.tick({ phase: 'prompt', of, length: tokens.length, base: 0, plan, layers: [] } as unknown as KvTick);
        await tick({}); // of somebody else's prompt of that length
        expect(asked!.paid).toBeUndefined();
        await tick(sequence);
        expect(asked!.paid).toHaveLength(tokens.length);
        // Whatever conversation is saved meanwhile is of the same plan.
        expect(await states.save('b', 'meanwhile', '')).toMatchObject({ tokens: 9 });
      },
    });
    await compose('b', requestOf([' six']));
    expect((await compose('a', requestOf([' one', ' two'], { repair: { question: ' Which?', share: 0.1 } }))).repairedTokens).toBe(2);
    expect(asked).toMatchObject({ length: 20, queries: 7 });
    expect([runs.at(-1), sequences.of('a asked'), askedOf.get(copy!)]).toEqual(['Read: one two Which?', undefined, undefined]);
    await states.close('b');
    expect(await states.load('meanwhile', 'b')).toMatchObject({ tokens: 9 });
  });

  it('leave nothing where the repair fails', async () => {
    const ran = async (_: number[], owner: string) => (owner.endsWith('asked') ? Promise.reject(new Error('lost')) : undefined);
    const { compose, sequences } = open({ documents: true, ran });
    await expect(compose('a', requestOf([' one'], { repair: { question: ' Which?', share: 0.1 } }))).rejects.toThrow('lost');
    expect([sequences.of('a'), sequences.of('a asked')]).toEqual([undefined, undefined]);
  });

  it.each([0.5, 1])('leave nothing where they are ended in the repair of a share of %s', async (share) => {
    const stop = new AbortController();
    const { compose, sequences } = open({
      documents: true, signal: stop.signal, fed: async () => stop.abort(new Error('enough')),
      async ran(tokens, owner, sequence) {
        const { policy, plan } = sequence.shaped!.shape;
        const tick = { phase: 'prompt', of: sequence, length: tokens.length, base: 0, plan, layers: [] };
        if (owner.endsWith('asked')) await policy.tick(tick as unknown as KvTick);
      },
    });
    await expect(compose('a', requestOf([' one', ' two'], { repair: { question: ' Which?', share } }))).rejects.toThrow('enough');
    expect([sequences.of('a'), sequences.of('a asked')]).toEqual([undefined, undefined]);
  });

  it.each(['in a run', 'in what the question is tried on', 'while they wait'])('leave nothing but whole documents where they are ended %s', async (when) => {
    const stop = new AbortController();
    const isIn = { 'in a run': ' two', 'in what the question is tried on': ' Which?', 'while they wait': 'never' }[when]!;
    const ran = async (tokens: number[]) => void (String.fromCharCode(...tokens).endsWith(isIn) && stop.abort(new Error('enough')));
    const { compose, runs, sequences, states, store } = open({ documents: true, signal: stop.signal, ran });
    const [one, two] = [' one', ' two'];
    const repair = { question: ' Which?', share: 0.1 };
    if (when === 'while they wait') stop.abort(new Error('enough'));
    await expect(compose('a', requestOf([one, two], { repair }))).rejects.toThrow('enough');
    expect(runs).toEqual({ 'in a run': ['Read: one', 'Read: two'], 'while they wait': [] }[when] ?? ['Read: one', 'Read: two', 'Read: one two Which?']);
    expect([sequences.of('a'), sequences.of('a asked')]).toEqual([undefined, undefined]);
    expect(await names({ store })).toHaveLength({ 'in a run': 1, 'while they wait': 0 }[when] ?? 2);
    await states.close('a');
  });

  it('refuse a repair that there is no room for before anything is run', async () => {
    const repair = { question: ' Which?', share: 0.5 };
    const one = open({ documents: true, sequences: 1 });
    await expect(one.compose('a', requestOf([' one'], { repair }))).rejects.toThrow(/room for 2 conversations, and the model was loaded with 1.*sequences: 2/s);
    const long = [' a b'.repeat(60)]; // 245 tokens with the prefix
    const two = open({ documents: true, sequences: 2 });
    await expect(two.compose('a', requestOf(long, { repair: { ...repair, question: ' Which one?' } }))).rejects.toThrow(
      'The prefix and the documents have 245 tokens, the question of repair 11; the context has room for 256',
    );
    expect([...one.runs, ...two.runs]).toEqual([]);
    expect((await two.compose('a', requestOf(long))).tokens).toBe(245);
  });
});
