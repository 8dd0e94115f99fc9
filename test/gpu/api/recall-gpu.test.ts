// A conversation that is longer than the budget of keys and values holds, of which the episode answers that a question is about: within the plan, read once,
// also for another engine, and gone on from.
import { afterAll, describe, expect, it } from 'vitest';
import { type Session, type Sessions, createSessions } from '../../../src/api/sessions.ts';
import { type Engine } from '../../../src/engine/engine.ts';
import { openKeptFiles } from '../../../src/engine/sessions/in-files.ts';
import { backendOf } from '../../../src/node/backend.ts';
import { adapterFile } from '../../dawn.ts';
import { openEngine, quick, stories } from '../../engine.ts';
import { isFull } from '../../verified.ts';
import { temporaryFolder } from '../../folder.ts';

const told = ['Tom has a red ball.', 'Tom lost his ball in the grass.', 'Lily saw a big cat in the park.', 'The cat sat on a mat in the park.'];
const messages = told.flatMap((content) => [
  { role: 'user' as const, content: `${content} ${content}` }, { role: 'assistant' as const, content: `Yes. ${content} That was a nice day.` },
]);
const question = 'Where is the ball that Tom has?';

describe.skipIf(!adapterFile || !isFull)('recalled conversations', () => {
  const folder = temporaryFolder('recalled');
  const engines: Engine[] = [];
  afterAll(async () => {
    for (const engine of engines) await engine.unload();
  });
  async function open(kv = 'epicache'): Promise<{ engine: Engine; sessions: Sessions }> {
    const engine = openEngine({ keptStates: async () => openKeptFiles(folder) });
    engines.push(engine);
    const kvOptions = kv === 'epicache' ? { share: 0.25, window: 16, interval: 16, chunk: 64 } : undefined;
    await engine.load(stories(), { ...quick, kv, kvOptions, context: 512, sequences: 2 });
    return { engine, sessions: createSessions(backendOf(engine)) };
  }
  async function ask(session: Session): Promise<{ text: string | null; cachedTokens: number }> {
    const { stats, choices } = await session.create({ messages: [{ role: 'user', content: question }], max_tokens: 12 });
    return { text: choices[0].message.content as string | null, cachedTokens: stats.cachedTokens! };
  }

  it('answer from the nearest episode, which is read once', async () => {
    const { engine, sessions } = await open();
    const session = await sessions.recall({ messages, question, episodes: 2 });
    const { tokens, ranTokens, turns, episodes } = session.recalled!;
    expect([ranTokens, turns, episodes]).toEqual([tokens, [0, 1], 2]);
    const slots = engine.stats().kept!;
    expect(slots.layers.flat().every((count) => count === Math.ceil(0.25 * tokens))).toBe(true);
    const first = await ask(session);
    expect(first.cachedTokens).toBe(tokens);
    expect(session.messages).toHaveLength(messages.length + 2);
    const { ledger, plan } = engine.loaded().model;
    expect(ledger.bytes.kv).toBeLessThanOrEqual(plan.bytes.kv);
    expect(ledger.peakBytes).toBeLessThanOrEqual(plan.totalBytes);
    const other = (await open()).sessions;
    const again = await other.recall({ messages, question, episodes: 2 });
    expect(again.recalled).toEqual({ ...session.recalled, ranTokens: 0 });
    expect(await ask(again)).toEqual(first);
    const cat = await other.recall({ messages, question: 'What did the cat in the park do?', episodes: 2 });
    expect([cat.recalled!.turns, cat.recalled!.ranTokens]).toEqual([[2, 3], tokens]);
    const request = { conversation: { prompt: { messages: [...messages, { role: 'user', content: question }] } }, episodes: 2 };
    const [ended, closed] = [engine.session('recall', 'ended', request), engine.session('close', 'ended')];
    await expect(ended).rejects.toThrow('closed while it was put together or recalled');
    await closed;
    expect(engine.loaded().sequences.of('ended')).toBeUndefined();
    await expect(other.recall({ messages: [], question })).rejects.toThrow('a message of the user among it');
    await expect(other.recall({ messages, question, episodes: 0 })).rejects.toThrow('episodes is 0');
    await expect((await open('f16')).sessions.recall({ messages, question })).rejects.toThrow("loaded with kv: 'epicache'; this one has f16");
  });
});
