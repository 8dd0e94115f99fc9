import { expect, it } from 'vitest';
import { type ComposeRequest, type GenerateRequest } from '../protocol.ts';
import { fakeBackend } from '../../test/doubles/fake-engine.ts';
import { type Backend } from './backend.ts';
import { createSessions } from './sessions.ts';
import { createSurface } from './surface.ts';

const user = (content: string) => ({ role: 'user' as const, content });
const messagesOf = ({ prompt }: GenerateRequest) => ('messages' in prompt ? prompt.messages : []).map(({ role, content }) => `${role}: ${content}`);

/** States that are only noted; `gone`: those that gave way. */
function open(answer: Parameters<typeof fakeBackend>[0] = () => ({})) {
  const backend = fakeBackend(answer);
  const calls: unknown[][] = [];
  const kept = new Map<string, string>();
  const gone = { now: false };
  const slow = { now: false };
  const session = async (...[call, ...args]: [string, ...unknown[]]): Promise<unknown> => {
    calls.push([call, ...args]);
    if ((call === 'compose' || call === 'recall') && slow.now) return new Promise(() => {});
    const [, name, about] = args as string[];
    if (call === 'save' && !gone.now) return kept.set(name, about) && { name, tokens: 3 };
    if (call === 'save') gone.now = false;
    if (call === 'load') return { about: kept.get(args[0] as string), by: 'prompt', tokens: 3, seconds: { state: 2, prompt: 1 } };
    return undefined;
  };
  return { sessions: createSessions(Object.assign(backend, { session: session as Backend['session'] })), backend, calls, gone, slow };
}

it('runs what is appended, and asks what comes after it by the same state', async () => {
  const { sessions, backend } = open();
  const session = await sessions.create({ messages: [{ role: 'system', content: 'Be brief.' }], defaults: { temperature: 0.5 } });
  expect(messagesOf(backend.asked[0])).toEqual(['system: Be brief.', 'user: ']);
  expect(await session.append(user('Hello'))).toEqual({ promptTokens: 7, cachedTokens: expect.any(Number) as number });
  const { choices: [{ message }] } = await session.create({});
  expect(message.content).toBe('The sea');
  const texts: string[] = [];
  for await (const { choices } of await session.create({ messages: [user('More')], stream: true })) texts.push(choices[0]?.delta.content ?? '');
  expect(texts.join('')).toBe('The sea');
  expect(messagesOf(backend.asked[3])).toEqual(['system: Be brief.', 'user: Hello', 'assistant: The sea', 'user: More']);
  expect(session.messages).toHaveLength(5);
  expect(new Set(backend.asked.map((request) => request.session)).size).toBe(1);
  expect(backend.asked.map(({ maxTokens }) => maxTokens)).toEqual([0, 0, undefined, undefined]);
  expect(backend.asked[2].sampling?.temperature).toBe(0.5);
});

it('remembers a stream that nobody reads, and nothing of what fails or is stopped', async () => {
  const { sessions, backend } = open(({ prompt }) => ('messages' in prompt && prompt.messages.at(-1)!.content === 'fail' ? { error: new Error('lost') } : {}));
  const session = await sessions.create();
  await session.create({ messages: [user('a')], stream: true });
  await expect(session.create({ messages: [user('b')] })).rejects.toThrow('answers already');
  await expect.poll(() => session.messages.length).toBe(2);
  await expect(session.create({ messages: [user('fail')] })).rejects.toThrow('lost');
  const stop = new AbortController();
  const stopped = session.create({ messages: [user('c')] }, { signal: stop.signal });
  await Promise.resolve();
  stop.abort(new Error('enough'));
  await expect(stopped).rejects.toThrow('enough');
  await expect(session.append({ role: 'nobody' as 'user', content: '' })).rejects.toThrow('messages[0].role');
  await expect(session.create({ temperature: 9 })).rejects.toThrow('temperature is 9');
  await expect(session.create({ nonsense: 1 } as object)).rejects.toThrow('nonsense');
  expect(session.messages.map(({ content }) => content)).toEqual(['a', 'The sea']);
  expect(backend.stopped).toBe(1);
});

it('has the beginning of an answer and what followed it as one message', async () => {
  const { sessions } = open();
  const session = await sessions.create();
  await session.create({ messages: [user('a'), { role: 'assistant', content: [{ type: 'text', text: 'Well: ' }], prefix: true }] });
  expect(session.messages).toEqual([user('a'), { role: 'assistant', content: 'Well: The sea' }]);
  await expect(session.append({ role: 'assistant', content: 'a', prefix: true })).rejects.toThrow('prefix is true');
});

it('forks, keeps and brings back what was said; a closed one is of no use', async () => {
  const { sessions, backend, calls, gone } = open();
  const session = await sessions.create({ messages: [user('a')], defaults: { top_k: 5 } });
  const fork = await session.fork();
  await fork.create({});
  expect([session.messages.length, fork.messages.length]).toEqual([1, 2]);
  const [parent, child] = [backend.asked[0].session, backend.asked[1].session];
  expect(calls[0]).toEqual(['fork', parent, child]);
  await fork.save('mine', { most: '1GiB', compact: true });
  expect(calls.at(-1)!.slice(0, 3)).toEqual(['save', child, 'mine']);
  expect(calls.at(-1)!.slice(4)).toEqual([2 ** 30, true]);
  const loaded = await sessions.load('mine');
  expect(loaded.messages).toEqual(fork.messages);
  expect([session.restored, loaded.restored]).toEqual([undefined, { by: 'prompt', tokens: 3, seconds: { state: 2, prompt: 1 } }]);
  await loaded.create({ messages: [user('b')] });
  expect(backend.asked.at(-1)).toMatchObject({ sampling: { topK: 5 }, session: calls.at(-1)![2] });
  gone.now = true; // it gave way to others: it is run again, then kept
  await session.save('again');
  expect(backend.asked.at(-1)).toMatchObject({ session: parent, maxTokens: 0 });
  await session.close();
  await session.close();
  expect(calls.filter(([call]) => call === 'close')).toEqual([['close', parent]]);
  for (const call of [() => session.create({}), () => session.append(user('x')), () => session.fork(), () => session.save('x')])
    await expect(call()).rejects.toThrow('was closed');
  await expect(fork.save('')).rejects.toThrow('name of a session');
});

it('has documents put together behind a prefix, and goes on as if they had been said', async () => {
  const { sessions, calls, backend } = open();
  const repair = { question: 'Who?' };
  const session = await sessions.compose({ prefix: 'Read:', documents: [' a', ' b'], repair, most: '1MiB', defaults: { top_k: 3 } });
  const [, id, request] = calls[0] as [string, string, ComposeRequest];
  expect(request).toMatchObject({ documents: [' a', ' b'], mode: 'stacked', repair: { question: 'Who?', share: 0.2 }, mostBytes: 2 ** 20 });
  const contents = [request.beginning, request.whole].map(({ prompt }) => ('messages' in prompt ? prompt.messages.map(({ content }) => content) : []));
  expect(contents).toEqual([['Read:', ''], ['Read: a b', '']]);
  await session.create({ messages: [user('Why?')] });
  expect(backend.asked[0]).toMatchObject({ session: id, sampling: { topK: 3 } });
  expect(messagesOf(backend.asked[0])).toEqual(['system: Read: a b', 'user: Why?']);
  const documents = [' a'];
  for (const [wrong, told] of [
    [{ prefix: '', documents }, 'prefix is'], [{ prefix: 'a', documents: [] }, 'documents is'], [{ prefix: 'a', documents, mode: 'beside' }, 'mode is'],
    [{ prefix: 'a', documents, repair: { question: 'Who?', share: 2 } }, 'repair.share is 2'], [{ prefix: 'a', documents, repair: {} }, 'repair.question is'],
    [{ prefix: 'a', documents, mode: 'ape', repair }, 'cannot be repaired'],
  ] as const) await expect(sessions.compose(wrong as never)).rejects.toThrow(told);
});

it.each(['compose', 'recall'] as const)('ends a %s by its signal: at once for who asked, and where it is done', async (name) => {
  const { sessions, calls, slow } = open();
  slow.now = true;
  const stop = new AbortController();
  const { signal } = stop;
  const make = () => name === 'compose'
    ? sessions.compose({ prefix: 'Read:', documents: [' a'], signal }) : sessions.recall({ messages: [user('a')], question: 'Who?', signal });
  const making = make();
  stop.abort(new Error('enough'));
  await expect(making).rejects.toThrow('enough');
  expect(calls.map(([call]) => call)).toEqual([name, 'close']);
  expect(calls[1][1]).toBe(calls[0][1]);
  await expect(make()).rejects.toThrow('enough');
  expect(calls).toHaveLength(2); // nothing is asked for by a signal that was aborted before
});

it('is refused where no states are held', () => {
  expect(() => createSessions(fakeBackend(() => ({})))).toThrow('keeps no states');
});

it('tells in the usage of each target what came of it, of several texts the worst', async () => {
  const backend = fakeBackend(() => ({}));
  const { start } = backend;
  let ms = 0;
  Object.assign(backend, {
    start: (...[request, signal, listener]: Parameters<typeof start>) => start(request, signal, {
      ...listener,
      done: (reason, stats) => listener.done(reason, { ...stats, targets: { token: { targetMs: 15, ms: (ms += 10), met: ms <= 15 } } }),
    }),
  });
  const { usage } = await createSurface(backend).chat.completions.create({ messages: [user('a')], n: 2, targets: { token_ms: 15 } });
  expect(usage.targets).toEqual({ token: { targetMs: 15, ms: 20, met: false } });
  expect(backend.asked[0].targets).toEqual({ tokenMs: 15 });
});
