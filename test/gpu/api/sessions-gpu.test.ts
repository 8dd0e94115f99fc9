// Sessions on Dawn: a second turn runs only what is new, what is kept goes on elsewhere without its prompt, a fork leaves its parent as it
// is, and what is closed leaves nothing on the GPU.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Sessions, createSessions } from '../../../src/api/sessions.ts';
import { type Engine } from '../../../src/engine/engine.ts';
import { type GpuCosts } from '../../../src/engine/measure/measure-gpu.ts';
import { openKeptFiles } from '../../../src/engine/sessions/in-files.ts';
import { backendOf } from '../../../src/node/backend.ts';
import { harmonyMetadata } from '../../api/harmony-template.ts';
import { adapterFile } from '../../dawn.ts';
import { answer, bytesOf, openEngine, quick, stories } from '../../engine.ts';
import { typed, vary } from '../../models/vary.ts';
import { isFull } from '../../verified.ts';
import { temporaryFolder } from '../../folder.ts';

const user = (content: string) => ({ role: 'user' as const, content });
const system = { role: 'system' as const, content: 'You tell stories of dogs and cats, and of the red ball that Tom had in the park.' };

describe.skipIf(!adapterFile)('sessions', () => {
  const folder = temporaryFolder('sessions');
  const open = (): Engine => openEngine({ keptStates: async () => openKeptFiles(folder) });
  const engine = adapterFile ? open() : undefined!;
  let sessions: Sessions;
  const bytes = () => ({ ...engine.stats().gpuBytes });

  beforeAll(async () => {
    await engine.load(stories(), { ...quick, sequences: 4 });
    sessions = createSessions(backendOf(engine));
    await answer(engine, { prompt: { tokens: [1, 2, 3] }, maxTokens: 2 }); // scratch of the sampler
  });
  afterAll(async () => {
    await engine.unload();
  });

  it('run only what is new, also where others ask meanwhile, and answer as a chat does', async () => {
    const before = bytes();
    const session = await sessions.create();
    const begun = await session.append([system]);
    expect(begun.cachedTokens).toBeLessThan(2); // another text may begin alike
    const first = await session.create({ messages: [user('Of a dog.')], max_tokens: 12 });
    // The system prompt was run; of what comes after it nothing.
    expect(first.stats.cachedTokens).toBeGreaterThan(0.6 * begun.promptTokens);
    for (let i = 0; i < 9; i++) await answer(engine, { prompt: { tokens: [1, 100 + i, 7] }, maxTokens: 2 });
    const second = await session.create({ messages: [user('And a cat.')], max_tokens: 12 });
    // The last token of an answer was chosen, and is run with what comes after it.
    const { promptTokens, newTokens } = first.stats;
    expect(second.stats.cachedTokens).toBe(promptTokens + newTokens - 1);
    const { messages } = session;
    expect(messages.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'user', 'assistant']);
    const { text, sequences } = engine.loaded();
    const tokens = sequences.live.at(-1)!.tokens.slice(0, second.stats.promptTokens);
    const { template, tokenizer } = text!;
    const said = template.encode(messages.slice(0, 4).map(({ role, content }) => ({ role, content })));
    expect(tokenizer.decode(tokens)).toBe(tokenizer.decode(said)); // in other tokens, perhaps
    await session.close();
    expect(sequences.live.length).toBeLessThanOrEqual(9);
    sequences.closeAll();
    expect((await answer(engine, { prompt: { tokens }, maxTokens: 12 })).text).toBe(second.choices[0].message.content);
    await answer(engine, { prompt: { tokens: [1, 2, 3] }, maxTokens: 2 });
    expect(bytes().weights).toBe(before.weights);
  });

  it('run exactly what is new of a text that goes on, whatever others ask meanwhile', async () => {
    const turn = async (tokens: number[]) => {
      const { ids, stats } = await answer(engine, { prompt: { tokens }, maxTokens: 6, session: 'mine' });
      for (let i = 0; i < 12; i++) await answer(engine, { prompt: { tokens: [1, 200 + i, 7, 9] }, maxTokens: 2 });
      return { text: [...tokens, ...ids], run: stats.promptTokens - stats.cachedTokens };
    };
    const first = await turn([1, 30, 31, 32, 33, 34, 35, 36]);
    const second = await turn([...first.text, 40, 41, 42]);
    // The last token of an answer was chosen, and is run with what comes after it.
    expect([second.run, (await turn([...second.text, 50, 51])).run]).toEqual([4, 3]);
    await engine.session('close', 'mine');
  });

  it('are forked without a change of the parent, and leave nothing when they are closed', async () => {
    const { sequences } = engine.loaded();
    sequences.closeAll();
    const before = bytes();
    const parent = await sessions.create({ messages: [system, user('Of a dog.')] });
    const child = await parent.fork();
    const held = sequences.live.map(({ tokens }) => tokens.length);
    expect(held.filter((length) => length > 0)).toHaveLength(2);
    const [ofChild, ofParent] = await Promise.all([child.create({ max_tokens: 10 }), parent.create({ max_tokens: 10 })]);
    expect(ofChild.choices[0].message).toEqual(ofParent.choices[0].message);
    const cachedOf = async (asked: string, on: typeof parent) => (await on.create({ messages: [user(asked)], max_tokens: 10 })).stats;
    const [a, b] = [await cachedOf('A ball.', child), await cachedOf('A tree in the park.', parent)];
    expect(Math.min(a.cachedTokens, b.cachedTokens)).toBeGreaterThan(ofChild.stats.promptTokens);
    expect(child.messages).not.toEqual(parent.messages);
    for (const session of [parent, child]) await session.close();
    expect(bytes()).toEqual(before);
    await expect(parent.create({})).rejects.toThrow('was closed');
  });

  it('are kept, and go on in another process with the same text, of whose prompt nothing is run', async () => {
    const session = await sessions.create({ messages: [system, user('Of a dog.')] });
    await session.create({ max_tokens: 12 });
    await session.append(user('And then?'));
    const kept = await session.save('dogs');
    const expected = await session.create({ max_tokens: 24 });
    await session.close();
    expect(await sessions.list()).toMatchObject([{ name: 'dogs', tokens: kept.tokens, byteLength: kept.byteLength }]);
    const other = open();
    await other.load(stories(), { ...quick, sequences: 4 });
    const there = createSessions(backendOf(other));
    const loaded = await there.load('dogs');
    const { stats, choices } = await loaded.create({ max_tokens: 24 });
    expect(choices[0].message).toEqual(expected.choices[0].message);
    // The last token of a prompt is the step that chooses the first one of the answer, here as without a break.
    expect([stats.cachedTokens, stats.cachedTokens]).toEqual([expected.stats.promptTokens - 1, stats.promptTokens - 1]);
    const { prefill, steps } = { prefill: stats.promptTokens - 1 - stats.cachedTokens, steps: stats.newTokens };
    expect({ prefill, steps }).toEqual({ prefill: 0, steps: 24 });
    expect(loaded.restored).toEqual({ by: 'state', tokens: kept.tokens }); // nothing was measured here
    await loaded.close();
    await other.unload();
  });

  it('are run again where that is expected to be sooner, by costs that are handed in, with the same text', async () => {
    const session = await sessions.create({ messages: [system, user('Of a dog.')] });
    const plain = await session.save('plain');
    const kept = await session.save('sooner', { compact: true });
    expect([kept.tokens, kept.byteLength < 0.95 * plain.byteLength]).toEqual([plain.tokens, true]);
    const expected = await session.create({ max_tokens: 12 });
    await session.close();
    const costs: GpuCosts = {
      layers: { a: { seconds: 1, byteLength: 1 } }, perPosition: 0, headPerByte: 0, sampler: 0, wait: 0, perUploadedByte: 1e-9, perStreamedByte: 0,
      prefillPerByte: 1e-15, measurements: 1,
    };
    const other = openEngine({ keptStates: async () => openKeptFiles(folder), gpuCosts: { get: async () => costs, set: async () => {} } });
    await other.load(stories(), { ...quick, sequences: 4 });
    const there = createSessions(backendOf(other));
    for (const [perByte, by] of [[1e-15, 'prompt'], [1, 'state']] as const) {
      costs.prefillPerByte = perByte;
      const loaded = await there.load('sooner');
      const { seconds, ...restored } = loaded.restored!;
      expect([restored, seconds!.prompt! < seconds!.state]).toEqual([{ by, tokens: kept.tokens }, by === 'prompt']);
      const { stats, choices } = await loaded.create({ max_tokens: 12 });
      expect(choices[0].message).toEqual(expected.choices[0].message);
      expect(stats.cachedTokens).toBeGreaterThanOrEqual(kept.tokens - 1);
      await loaded.close();
      other.loaded().sequences.closeAll();
    }
    await other.unload();
  });

  it('of another model are refused, and so is what nobody kept', async () => {
    await expect(sessions.load('nobody')).rejects.toMatchObject({ code: 'not_found' });
    const other = open();
    await other.load(bytesOf('tiny/tiny-llama-f16.gguf'), quick);
    await expect(createSessions(backendOf(other)).load('dogs')).rejects.toThrow('of another model');
    await other.unload();
    await sessions.remove('dogs');
    await expect(sessions.load('dogs')).rejects.toMatchObject({ code: 'not_found' });
  });

  // as-written.test.ts has the tokens; here their keys and values, behind windows of attention too.
  it.runIf(isFull)('of gpt-oss run again what its template drops thoughts from, and nothing before', async () => {
    const keys = [...(await harmonyMetadata())].filter(([key]) => key.startsWith('tokenizer.'));
    const metadata = Object.fromEntries(keys.map(([key, value]) => [key, typed(value)]));
    const other = open();
    await other.load({ bytes: (await vary('tiny/tiny-gpt-oss.gguf', { metadata })).buffer, name: 'gpt-oss' }, { ...quick, sequences: 4 });
    const { text, sequences } = other.loaded();
    const of = (spellings: string): number[] => text!.tokenizer.encode(spellings, { parseSpecial: true });
    const asked = [user('Of a dog.')];
    const first = text!.template.encode(asked);
    const thought = [...of('<|channel|>analysis<|message|>'), ...[...'A red ball'].flatMap(of), ...of('<|end|><|start|>assistant')];
    const call = { type: 'function' as const, id: 'a', function: { name: 'look', arguments: { at: 'sea' } } };
    const turns = {
      final: { wrote: '<|channel|>final<|message|>It ran.', said: [{ role: 'assistant' as const, content: 'It ran.' }, user('And?')], there: first.length + 1 },
      call: {
        wrote: '<|channel|>commentary to=functions.look <|constrain|>json<|message|>{"at":"sea"}<|call|>', there: first.length + thought.length,
        said: [
          { role: 'assistant' as const, content: '', reasoning_content: 'A red ball', tool_calls: [call] },
          { role: 'tool' as const, content: 'salt', tool_call_id: 'a' },
        ],
      },
    };
    for (const [session, { wrote, said, there }] of Object.entries(turns)) {
      await answer(other, { prompt: { tokens: [...first, ...thought, ...of(wrote)] }, maxTokens: 0, session });
      const prompt = { messages: [...asked, ...said] };
      const next = await answer(other, { prompt, maxTokens: 8, session });
      expect(next.stats.cachedTokens, session).toBe(there);
      const tokens = [...sequences.of(session)!.tokens.slice(0, next.stats.promptTokens)];
      sequences.closeAll();
      const anew = await answer(other, { prompt: { tokens }, maxTokens: 8 });
      expect([anew.stats.cachedTokens, anew.ids], session).toEqual([0, next.ids]);
    }
    await other.unload();
  });
});
