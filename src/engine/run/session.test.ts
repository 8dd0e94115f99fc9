// The conversation over a runner that only takes notes: what is fed, where an answer ends, what is shown.
import { describe, expect, it, vi } from 'vitest';
import { RequestError } from '../../errors.ts';
import { samplingFields } from '../../model/sampling/sampler.ts';
import { type GenerateRequest, type SamplingOptions } from '../../protocol.ts';
import { type LoadedModel } from '../load/load.ts';
import { type Text } from '../load/opened.ts';
import { type Runner } from './runner.ts';
import { createSession, runningOf } from './session.ts';

const eot = 0;

/** A model that answers with the bytes of `says`, then the end of turn, whatever it is asked; `bytes`: of a sequence, of which there is room for one then. */
function converse(says: string, { context = 64, withText = true, atOnce = 1, template = '', bytes = 0, ready = () => Promise.resolve() } = {}) {
  const fed: { ids: number[]; position: number }[] = [];
  const next = [...new TextEncoder().encode(says), eot];
  let at = 0; // of `next`
  const runner = {
    mostTogether: 1,
    transfer: () => ({}),
    readsBehind: () => false,
    async decode(_: unknown, most: number, signal?: AbortSignal) {
      signal?.throwIfAborted();
      const made = next.slice(at, at + Math.min(atOnce, most)).map((id) => ({ id }));
      at += made.length;
      return { count: made.length, tokens: [Promise.resolve(made)] };
    },
  } as unknown as Runner;
  const createSequence = (tokens: number[] = []): { tokens: number[]; note(position: number, ids: readonly number[]): void } => {
    const sequence = {
      tokens, byteLength: bytes, bytesFor: () => bytes, close: () => true, fork: async (length: number) => createSequence(tokens.slice(0, length)),
      truncate: (length: number) => (tokens.length = Math.min(length, tokens.length)),
      note: (position: number, ids: readonly number[]) => void tokens.splice(position, Infinity, ...ids),
    };
    return sequence;
  };
  const on = (sequence: ReturnType<typeof createSequence>) => ({
    ...runner,
    async feedChunk(ids: number[], position: number, signal?: AbortSignal) {
      signal?.throwIfAborted();
      fed.push({ ids: [...ids], position });
      sequence.note(position, ids);
    },
    async sample() {
      at = 1;
      return { id: next[0] };
    },
  });
  Object.assign(runner, { of: on });
  const model = {
    sizes: { context },
    graph: { config: { vocab: 256 } },
    planned: { chosen: { options: {} } },
    sequence: createSequence(),
    createSequence,
    home: {},
    plan: { verdict: 'fits', bytes: { kv: bytes } },
    samplerFor: async (options: SamplingOptions) => ({ ...samplingFields(options), ready }),
    ledger: { peakBytes: 1 },
  } as unknown as LoadedModel;
  const text = {
    tokenizer: {
      vocabSize: 256,
      addSpacePrefix: false,
      isControl: () => false,
      find: () => undefined,
      endOfTurn: new Set([eot]),
      piece: (id: number) => Uint8Array.of(id),
      encode: (given: string) => [1, ...new TextEncoder().encode(given)],
    },
    template: {
      encode: (messages: { content: string }[]) => [2, ...messages.flatMap(({ content }) => [...new TextEncoder().encode(content)])],
      endOfTurn: new Set([eot]),
      stop: [],
      source: template,
      render: () => '',
      reads: (name: string) => template.includes(name),
    },
  } as unknown as Text;
  const now = runningOf(model, { runner });
  const session = createSession(() => now, withText ? text : undefined);
  const ask = async (request: GenerateRequest, signal?: AbortSignal, onTokens: (count: number) => void = () => {}) => {
    const ids: number[] = [];
    let shown = '';
    const ended = await session.generate(request, (more, piece) => {
      ids.push(...more.map(({ id }) => id));
      shown += piece;
      onTokens(ids.length);
    }, signal);
    return { ids, shown, ...ended };
  };
  return { ask, fed, sequences: now.sequences };
}

const prompt = { tokens: [10, 11, 12] };

describe('a session', () => {
  it('ends at the end of a turn, which it neither counts nor shows', async () => {
    const { ask } = converse('Hello');
    expect(await ask({ prompt })).toMatchObject({
      shown: 'Hello',
      reason: 'stop',
      ids: [72, 101, 108, 108, 111],
      stats: { promptTokens: 3, newTokens: 5, cachedTokens: 0 },
    });
  });

  it('hears an abort while its sampling is compiled, and holds up nobody else meanwhile', async () => {
    let compiled = (): void => undefined;
    let asked = 0;
    const { ask, fed } = converse('ab', { ready: () => (asked++ ? Promise.resolve() : new Promise<void>((resolve) => (compiled = resolve))) });
    const abort = new AbortController();
    const waiting = ask({ prompt }, abort.signal);
    await vi.waitFor(() => expect(asked).toBe(1));
    expect(await ask({ prompt })).toMatchObject({ shown: 'ab' });
    abort.abort();
    expect(await waiting).toMatchObject({ ids: [], reason: 'abort' });
    expect(fed.map(({ ids }) => ids)).toEqual([prompt.tokens]);
    compiled();
  });

  it('waits for who holds the only sequence that there is room for, and asks for it anew when that is given', async () => {
    const { ask, fed, sequences } = converse('ab', { bytes: 1 });
    const [held] = sequences.live;
    expect(sequences.hold(held)).toBe(true);
    const take = vi.spyOn(sequences, 'take');
    const waiting = ask({ prompt });
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve));
    expect([fed, take.mock.calls.length]).toEqual([[], 1]);
    sequences.give(held);
    expect(await waiting).toMatchObject({ shown: 'ab' });
    expect(sequences.live).toEqual([held]);
  });

  it('compiles no sampling for who asks for no token', async () => {
    const ready = vi.fn(() => Promise.resolve());
    const { ask } = converse('ab', { ready });
    expect(await ask({ prompt, maxTokens: 0, session: 'kept' })).toMatchObject({ ids: [] });
    expect(ready).not.toHaveBeenCalled();
  });

  it('ends with a text that is empty where the model says nothing', async () => {
    expect(await converse('').ask({ prompt })).toMatchObject({ shown: '', ids: [], reason: 'stop', stats: { newTokens: 0 } });
  });

  it('shows whole characters only, and what is left of one when the tokens end', async () => {
    expect((await converse('grün').ask({ prompt })).shown).toBe('grün');
    expect(await converse('grün').ask({ prompt, maxTokens: 3 })).toMatchObject({ shown: 'gr\ufffd', reason: 'length' });
  });

  it('ends before a stop string that tokens make together, whatever follows', async () => {
    expect(await converse('one. Two').ask({ prompt, stop: ['. T'] })).toMatchObject({ shown: 'one', reason: 'stop', ids: { length: 6 } });
    expect(await converse('one.').ask({ prompt, stop: ['. T'] })).toMatchObject({ shown: 'one.', reason: 'stop' });
    expect(await converse('one. Two').ask({ prompt, stop: ['. T'], maxTokens: 4 })).toMatchObject({ shown: 'one.', reason: 'length' });
  });

  it('ends with calls where they are whole: a stop string within one leaves it cut, and stops', async () => {
    const call = '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>';
    const template = '<tool_call>{"name": , "arguments": } {{ tools }}';
    const ask = (stop: string[]) =>
      converse(call, { context: 200, template }).ask({
        prompt: { messages: [{ role: 'user', content: 'hi' }] }, tools: { tools: [{ name: 'f', parameters: {} }], required: false, parallel: true }, stop,
      });
    expect((await ask([])).reason).toBe('tool_calls');
    expect((await ask(['"a"'])).reason).toBe('stop');
  });

  it('ends where the context is full', async () => {
    const { ask } = converse('a long answer', { context: 7 });
    expect(await ask({ prompt })).toMatchObject({ shown: 'a lo', reason: 'length', stats: { newTokens: 4 } });
  });

  it('goes on beyond the context by what is left of it, with shift', async () => {
    const says = 'a text that is longer than the context of the model is';
    const { ask, fed } = converse(says, { context: 16 });
    const request: GenerateRequest = { prompt, overflow: 'shift', maxTokens: 50 };
    const { shown, stats, reason } = await ask(request);
    expect({ shown: shown.slice(0, 13), newTokens: stats.newTokens, reason }).toEqual({ shown: says.slice(0, 13), newTokens: 50, reason: 'length' });
    const said = [...prompt.tokens, ...new TextEncoder().encode(says)];
    // All 16 were there; the first 4 stay, and the latest 4. What answers here says its text from the beginning then.
    expect(fed.slice(0, 2)).toEqual([{ ids: prompt.tokens, position: 0 }, { ids: said.slice(12, 16), position: 4 }]);
    expect(stats.droppedTokens).toBe(8 * (fed.length - 1));
    const long = await ask({ ...request, prompt: { tokens: Array.from({ length: 40 }, (_, i) => i) }, maxTokens: 2 });
    expect(long.stats).toMatchObject({ promptTokens: 8, droppedTokens: 32 });
    await expect(ask({ ...request, maxTokens: undefined })).rejects.toThrow('shift without maxTokens');
    expect(await ask({ prompt, overflow: 'shift', maxTokens: 5 })).toMatchObject({ shown: says.slice(0, 5), stats: { newTokens: 5 } });
  });

  it('feeds only what is new, the last token always', async () => {
    const { ask, fed } = converse('ab');
    await ask({ prompt });
    await ask({ prompt: { tokens: [10, 11, 12, 97, 98, 40] } });
    await ask({ prompt, maxTokens: 2 });
    await ask({ prompt: { tokens: [10, 11, 12, 97, 98, 40] } });
    await ask({ prompt: { tokens: [10, 50] } });
    expect(fed).toEqual([
      { ids: [10, 11, 12], position: 0 },
      { ids: [40], position: 5 },
      { ids: [12], position: 2 },
      { ids: [40], position: 5 }, // the conversation that was left for another prompt is still there
      { ids: [50], position: 1 },
    ]);
  });

  it('forgets what an abort or an error left half done', async () => {
    const { ask, fed } = converse('abc');
    expect(await ask({ prompt }, AbortSignal.abort())).toMatchObject({ reason: 'abort', ids: [] });
    const abort = new AbortController();
    expect(await ask({ prompt }, abort.signal, (count) => count === 2 && abort.abort())).toMatchObject({ reason: 'abort', ids: [97, 98], shown: 'ab' });
    await ask({ prompt: { tokens: [10, 11, 12, 97, 98, 99] } });
    expect(fed.map(({ position }) => position)).toEqual([0, 4]);
  });

  it('takes no notice of tokens that came with the last one', async () => {
    const { ask, fed } = converse('Hello', { atOnce: 4 });
    expect(await ask({ prompt })).toMatchObject({ shown: 'Hello', reason: 'stop' });
    expect(await ask({ prompt, maxTokens: 2 })).toMatchObject({ shown: 'He', reason: 'length', stats: { newTokens: 2 } });
    const other = { tokens: [20, 21, 22] };
    const abort = new AbortController();
    expect(await ask({ prompt: other }, abort.signal, (count) => count === 2 && abort.abort())).toMatchObject({ reason: 'abort', ids: [72, 101] });
    expect(await ask({ prompt: other, stop: ['el'] })).toMatchObject({ shown: 'H', reason: 'stop', ids: [72, 101, 108] });
    await ask({ prompt: { tokens: [20, 21, 22, 72, 101, 108, 40] } });
    expect(fed.at(-1)).toEqual({ ids: [108, 40], position: 5 }); // [22, 72, 101] were run for certain
  });

  it('passes errors on, and those of the receiver too', async () => {
    const { ask } = converse('abc');
    await expect(ask({ prompt }, undefined, () => {
      throw new Error('the receiver broke');
    })).rejects.toThrow('the receiver broke');
    expect((await ask({ prompt })).shown).toBe('abc');
  });

  it('encodes text and messages by the file, and works on tokens without one', async () => {
    const { ask, fed } = converse('x');
    await ask({ prompt: { text: 'hi' } });
    await ask({ prompt: { messages: [{ role: 'user', content: 'hi' }] } });
    expect(fed.map(({ ids }) => ids)).toEqual([[1, 104, 105], [2, 104, 105]]);
    const bare = converse('x', { withText: false });
    expect(await bare.ask({ prompt, maxTokens: 1 })).toMatchObject({ ids: [120], shown: '' });
    await expect(bare.ask({ prompt: { text: 'hi' } })).rejects.toThrow(/no tokenizer; give the prompt as tokens/);
  });

  it.each<[string, GenerateRequest, RegExp]>([
    ['an empty prompt', { prompt: { tokens: [] } }, /prompt is empty/],
    ['no messages', { prompt: { messages: [] } }, /no messages/],
    ['a prompt that leaves no room', { prompt: { tokens: new Array<number>(64).fill(1) } }, /64 tokens; the context of 64 has room for 63/],
    ['no tokens to make', { prompt, maxTokens: 0 }, /maxTokens is 0/],
    ['a bad temperature', { prompt, sampling: { temperature: -2 } }, /temperature is -2/],
    ['an empty stop string', { prompt, stop: [''] }, /stop string is empty/],
  ])('refuses %s before anything is run', async (_, request, message) => {
    const { ask, fed } = converse('x');
    await expect(ask(request)).rejects.toThrow(RequestError);
    await expect(ask(request)).rejects.toThrow(message);
    expect(fed).toEqual([]);
  });
});
