// Conversations that are put together of documents: each is run once, whatever the order and the engine; what follows goes on from all of them.
import { afterAll, describe, expect, it, vi } from 'vitest';
import { type Session, type Sessions, createSessions } from '../../../src/api/sessions.ts';
import { type Engine, type EngineOptions } from '../../../src/engine/engine.ts';
import { openKeptFiles } from '../../../src/engine/sessions/in-files.ts';
import { backendOf } from '../../../src/node/backend.ts';
import { adapterFile } from '../../dawn.ts';
import { answer, openEngine, quick, stories } from '../../engine.ts';
import { isFull } from '../../verified.ts';
import { temporaryFolder } from '../../folder.ts';

const prefix = 'You tell stories of what you know:';
const documents = [' Tom has a red ball and a dog.', ' Lily went to the park with a big cat.', ' The sun is hot in the day.'];
const asked = { messages: [{ role: 'user' as const, content: 'Tell of Tom.' }], max_tokens: 12 };

describe.skipIf(!adapterFile)('composed conversations', () => {
  const folder = temporaryFolder('composed');
  const engines: Engine[] = [];
  afterAll(async () => {
    for (const engine of engines) await engine.unload();
  });
  async function open(options: EngineOptions = {}, stored = true): Promise<{ engine: Engine; sessions: Sessions }> {
    const engine = openEngine(stored ? { keptStates: async () => openKeptFiles(folder) } : {});
    engines.push(engine);
    await engine.load(stories(), { ...quick, sequences: 4, ...options });
    return { engine, sessions: createSessions(backendOf(engine)) };
  }
  /** What comes next, and whether all that was put together was there. */
  async function next(session: Session): Promise<{ text: string | null; promptTokens: number }> {
    const { stats, choices } = await session.create(asked);
    expect(stats.cachedTokens).toBeGreaterThanOrEqual(session.composed!.tokens);
    return { text: choices[0].message.content as string | null, promptTokens: stats.promptTokens };
  }

  it.runIf(isFull)('tell once where they are gone, by others or with the GPU, and their text was run', async () => {
    const { engine, sessions } = await open({}, false);
    for (const lose of [() => engine.loaded().sequences.closeAll(), () => engine.loaded().model.gpu.device.destroy()]) {
      const session = await sessions.compose({ prefix, documents });
      const copy = await session.fork();
      expect((await session.create(asked)).stats.notices).toBeUndefined();
      lose();
      for (const each of [session, copy]) {
        const { notices } = (await each.create(asked)).stats;
        expect(notices!.filter((notice) => notice.includes('put together of documents, or recalled, was gone'))).toHaveLength(1);
        expect((await each.create(asked)).stats.notices).toBeUndefined();
      }
    }
    const closed = await sessions.compose({ prefix, documents });
    await closed.close();
    expect((await sessions.compose({ prefix, documents })).composed!.tokens).toBe(closed.composed!.tokens);
  });

  it('run no document twice, in another order and in another engine', async () => {
    const { engine, sessions } = await open(); // which keeps documents in files alone
    const first = await sessions.compose({ prefix, documents });
    const { tokens, ranTokens } = first.composed!;
    expect(ranTokens).toBeGreaterThan(tokens);
    const { text, promptTokens } = await next(first);
    const same = { prompt: { tokens: engine.loaded().sequences.live.at(-1)!.tokens.slice(0, promptTokens) }, maxTokens: 2 };
    expect((await answer(engine, same)).stats.cachedTokens).toBeLessThan(tokens); // others do not go on from what was put together
    const again = await (isFull ? (await open()).sessions : sessions).compose({ prefix, documents, compact: true });
    expect(again.composed).toEqual({ tokens, ranTokens: 0, repairedTokens: 0 });
    expect(await next(again)).toMatchObject({ text });
    const turned = await sessions.compose({ prefix, documents: documents.toReversed() });
    expect(turned.composed).toEqual({ tokens, ranTokens: 0, repairedTokens: 0 });
    await next(turned);
    const others = [' Ben has a boat.', ' It is wet.'];
    const both = await Promise.all([others, others.toReversed()].map((documents) => sessions.compose({ prefix, documents })));
    expect(both.map(({ composed }) => composed!.ranTokens > 0)).toEqual([true, false]);
    const bytes = { ...engine.stats().gpuBytes };
    const long = [' Sue has a new toy.', ' The bird is in the tree, and it sings of the sun and the sea.'.repeat(3)];
    const stop = new AbortController();
    const ended = sessions.compose({ prefix, documents: long, signal: stop.signal });
    await vi.waitFor(() => expect(engine.loaded().scheduler.jobs).toBe(1), { interval: 1 });
    stop.abort(new Error('enough'));
    await expect(ended).rejects.toThrow('enough');
    await vi.waitFor(() => expect(engine.loaded().scheduler.jobs).toBe(0));
    const after = await sessions.compose({ prefix, documents });
    expect(after.composed!.ranTokens).toBe(0);
    expect(await next(after)).toMatchObject({ text }); // the next one is right
    await after.close();
    expect(engine.stats().gpuBytes).toEqual(bytes);
    await expect(sessions.compose({ prefix, documents, mode: 'ape' })).rejects.toThrow("needs a model that was loaded with kv: 'documents'");
    await expect(sessions.compose({ prefix, documents, repair: { question: 'Who?' } })).rejects.toThrow("loaded with kv: 'documents'");
    await expect(sessions.compose({ prefix, documents: [''] })).rejects.toThrow('documents is');
    await expect(sessions.compose({ prefix, documents: [' a b'.repeat(400)] })).rejects.toMatchObject({ code: 'context_length_exceeded' });
  });

  it.runIf(isFull)('are repaired by a question where there is room for two conversations', async () => {
    const { sessions } = await open({ kv: 'documents', sequences: 2 });
    const { composed } = await sessions.compose({ prefix, documents, repair: { question: 'Tell of Tom.', share: 0.3 } });
    expect(composed!.repairedTokens).toBe(Math.ceil(0.3 * composed!.tokens));
  });

  it.runIf(isFull)('beside each other say the same in any order; repaired as a whole, what one text says', async () => {
    const { engine, sessions } = await open({ kv: 'documents', kvOptions: { temperature: 0.8, scale: 0.9 } }, false);
    const first = await sessions.compose({ prefix, documents, mode: 'ape' });
    const turned = await sessions.compose({ prefix, documents: documents.toReversed(), mode: 'ape' });
    expect(turned.composed!.ranTokens).toBe(0);
    expect((await next(turned)).text).toBe((await next(first)).text);
    const some = await sessions.compose({ prefix, documents, repair: { question: 'Tell of Tom.', share: 0.3 } });
    expect(some.composed!.repairedTokens).toBe(Math.ceil(0.3 * some.composed!.tokens));
    await next(some);
    const whole = await sessions.compose({ prefix, documents, repair: { question: 'Tell of Tom.', share: 1 } });
    const { text, promptTokens } = await next(whole);
    const tokens = engine.loaded().sequences.live.at(-1)!.tokens.slice(0, promptTokens);
    engine.loaded().sequences.closeAll();
    expect((await answer(engine, { prompt: { tokens }, maxTokens: 12 })).text).toBe(text);
  });
});
