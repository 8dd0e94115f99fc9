// A model on a server as the page uses it: what is remembered, what opens a key, what is sent, and what is shown of its answers.
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { type Answerer } from '../chat/answerer.ts';
import { Conversation } from '../chat/conversation.ts';
import { defaultSettings } from '../chat/chat.ts';
import { findServer, type Found, isExposed, useModel } from './connecting.ts';
import { keepServer, keptServer, readServer } from './kept-server.ts';
import { openKey, sealKey } from './sealed-key.ts';
import { connectServer, type ServerEngine } from './server-engine.ts';
import { type Connected, ServerModel } from './server-model.ts';

beforeAll(() => {
  vi.stubGlobal('requestAnimationFrame', (then: () => void) => setTimeout(then, 1));
  vi.stubGlobal('cancelAnimationFrame', clearTimeout);
});
const closing: (() => void)[] = [];
afterEach(() => closing.splice(0).forEach((close) => close()));
const host = { addController: () => {}, removeController: () => {}, requestUpdate: () => {}, updateComplete: Promise.resolve(true) };

/** A server of two models that streams `deltas` and their end; what it was asked is in `asked`. */
async function serverOf(deltas: object[], reason: string, usage?: object): Promise<{ url: string; asked: Record<string, unknown>[] }> {
  const asked: Record<string, unknown>[] = [];
  const stream = (response: ServerResponse): void => {
    const chunk = (delta: object, finish_reason: string | null = null) => ({ id: 'a', choices: [{ index: 0, delta, finish_reason }] });
    const chunks = [...deltas.map((delta) => chunk(delta)), chunk({}, reason), ...(usage ? [{ id: 'a', choices: [], usage }] : [])];
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end([...chunks.map((each) => JSON.stringify(each)), '[DONE]'].map((data) => `data: ${data}\n\n`).join(''));
  };
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => (text += part)).on('end', () => {
      if (request.url === '/v1/models') return response.writeHead(200).end(JSON.stringify({ data: [{ id: 'big' }, { id: 'bigger' }] }));
      asked.push(JSON.parse(text) as Record<string, unknown>);
      stream(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => (server.closeAllConnections(), server.close()));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

test('what the visitor has left as it was is not sent, and what was changed is', async () => {
  const { url, asked } = await serverOf([{ content: 'Hi' }], 'stop');
  const engine = await connectServer({ url, model: 'bigger' });
  expect(engine).toMatchObject({ info: { name: 'bigger', host: new URL(url).host }, models: ['big', 'bigger'] });
  await new Conversation(host).ask(engine, 'Hello', defaultSettings);
  const changed = { ...defaultSettings, system: 'Be short.', temperature: 0, topK: 5, repeatPenalty: 1.2, maxTokens: 9, seed: 3 };
  await new Conversation(host).ask(engine, 'Hello', changed);
  const always = { model: 'bigger', stream: true, stream_options: { include_usage: true } };
  expect(asked).toEqual([
    { ...always, messages: [{ role: 'user', content: 'Hello' }] },
    {
      ...always, messages: [{ role: 'system', content: 'Be short.' }, { role: 'user', content: 'Hello' }],
      temperature: 0, top_k: 5, repeat_penalty: 1.2, max_tokens: 9, seed: 3,
    },
  ]);
});

test('an answer says where it came from, counted by its pieces where the server tells no numbers, with what the model thought apart from it', async () => {
  const { url } = await serverOf([{ reasoning_content: 'A ' }, { reasoning_content: 'sea.' }, { content: 'Salt' }, { content: '.' }], 'stop');
  const { host: name } = new URL(url);
  const conversation = new Conversation(host);
  expect(await conversation.ask(await connectServer({ url }), 'Why?')).toEqual({ ended: 'complete', content: 'Salt.' });
  const { note, ...message } = conversation.messages.at(-1)!;
  expect(message).toEqual({ role: 'assistant', content: 'Salt.', reasoning: 'A sea.' });
  expect(note!.replace(/ · [\d.,]+ tokens\/s/, '')).toBe(`4 tokens · from ${name}`);
  const usage = { prompt_tokens: 7, completion_tokens: 1 };
  for (const [reason, words] of [['length', 'cut off at the limit'], ['content_filter', 'cut off by a filter']]) {
    const cut = await serverOf([{ content: 'Salt' }], reason, usage);
    await conversation.ask(await connectServer({ url: cut.url }), 'Why?', { forgets: true }); // nothing is counted there
    expect(conversation.messages.at(-1)!.note).toBe(`1 token · ${words} · from ${new URL(cut.url).host}`);
  }
});

test('a stopped answer says where it came from, too, and one that was interrupted or left behind', async () => {
  const engine = (create: () => AsyncGenerator<object>) =>
    ({ info: { name: 'big', host: 'models.example' }, chat: { completions: { create: async () => create() } } }) as unknown as Answerer;
  const says = { choices: [{ index: 0, delta: { content: 'Salt' }, finish_reason: null }] };
  const noteOf = async (end: (conversation: Conversation) => Promise<void> | void) => {
    const conversation = new Conversation(host);
    const stream = async function* () {
      yield says;
      await end(conversation);
    };
    await conversation.ask(engine(stream), 'Why?');
    return conversation.messages.at(-1)!.note;
  };
  expect(await noteOf((conversation) => conversation.stop())).toBe('Stopped · from models.example');
  expect(await noteOf(() => Promise.reject(new Error('gone')))).toBe('Interrupted · from models.example');
  const settled = noteOf(async (conversation) => {
    await vi.waitFor(() => expect(conversation.messages.at(-1)!.content).toBe('Salt')); // as it is shown by frames
    conversation.settle();
  });
  expect(await settled).toBe('Stopped · from models.example');
});

test('reasoning that nothing follows is closed at its end', async () => {
  const { url } = await serverOf([{ reasoning_content: 'Hm' }], 'length');
  const conversation = new Conversation(host);
  await conversation.ask(await connectServer({ url }), 'Why?');
  expect(conversation.messages.at(-1)).toMatchObject({ content: '', reasoning: 'Hm' });
});

test('a key is opened by its passphrase for its address, and by nothing else', async () => {
  const url = 'https://models.example/v1';
  const sealed = await sealKey('sk-ü', url, 'a passphrase', 10);
  expect(JSON.stringify(sealed)).not.toMatch(/sk-|passphrase/);
  expect(await openKey(sealed, url, 'a passphrase')).toBe('sk-ü');
  await expect(openKey(sealed, url, 'another')).rejects.toMatchObject({ code: 'wrong_key' });
  await expect(openKey(sealed, 'https://evil.example/v1', 'a passphrase')).rejects.toThrow('The key was kept for https://models.example/v1');
  await expect(openKey({ ...sealed, sealed: sealed.sealed.replace(/.{4}/, 'AAAA') }, url, 'a passphrase')).rejects.toMatchObject({ code: 'wrong_key' });
});

test('what is remembered is read back, and what is no server is as good as nothing', () => {
  const kept = { url: 'http://localhost:11434/v1', model: 'big', needsKey: true, key: { salt: 'YQ==', rounds: 10, sealed: 'YQ==' }, isLast: true };
  expect(readServer(JSON.parse(JSON.stringify(kept)))).toEqual(kept);
  expect(readServer({ ...kept, key: { salt: 'YQ==', rounds: 0.5, sealed: 'YQ==' }, more: 1 })).toEqual({ ...kept, key: undefined });
  for (const wrong of [null, 7, {}, { ...kept, url: 'javascript:alert(1)' }, { ...kept, url: 7 }, { ...kept, model: undefined }])
    expect(readServer(wrong)).toBeUndefined();
});

test('what another tab forgot stays forgotten, with its key, and what it kept is seen', () => {
  const kept = { url: 'https://models.example/v1', model: 'big', needsKey: true, key: { salt: 'YQ==', rounds: 10, sealed: 'YQ==' }, isLast: true };
  const written = new Map<string, string>();
  const tabs = new EventTarget();
  vi.stubGlobal('localStorage', {
    getItem: (name: string) => written.get(name) ?? null, setItem: written.set.bind(written), removeItem: written.delete.bind(written),
  });
  vi.stubGlobal('addEventListener', tabs.addEventListener.bind(tabs));
  vi.stubGlobal('removeEventListener', tabs.removeEventListener.bind(tabs));
  keepServer(kept);
  const models = [new ServerModel(host), new ServerModel(host)];
  models[0].forget();
  models[1].leave();
  expect([...written.values(), models[1].kept], 'before its event comes').toEqual([undefined]);
  const other = new ServerModel(host);
  other.hostConnected();
  keepServer(kept);
  tabs.dispatchEvent(new Event('storage'));
  expect(other.kept).toEqual(kept);
  other.leave();
  expect([keptServer(), other.kept]).toEqual([{ ...kept, isLast: false }, { ...kept, isLast: false }]);
  other.hostDisconnected();
  models[0].forget();
  tabs.dispatchEvent(new Event('storage'));
  expect(other.kept, 'no more than it listens').toBeDefined();
});

const serverUrl = 'https://models.example/v1';
/** Connects to a server of these models, the first one unless another is asked for; `failing` is one that cannot be had. What is unloaded is told. */
function connectsTo(models: string[], failing?: string) {
  const unloaded: string[] = [];
  const connect = async ({ model: name = models[0] }: { model?: string }): Promise<ServerEngine> => {
    if (name === failing) throw new TypeError(`${name} is not there.`);
    return { info: { name, host: 'models.example' }, models, unload: async () => void unloaded.push(name) } as unknown as ServerEngine;
  };
  return { connect, unloaded };
}
const waits = new AbortController().signal;
const keptBig = { url: serverUrl, model: 'big', needsKey: true, isLast: true };

test('what is connected in vain is unloaded: where a second connection fails, and where nobody waits any more', async () => {
  const { connect, unloaded } = connectsTo(['small', 'big'], 'big');
  await expect(findServer({ url: serverUrl, key: 'k', passphrase: '' }, keptBig, waits, connect)).rejects.toThrow('big is not there');
  expect(unloaded.splice(0)).toEqual(['small']);
  const found = (await findServer({ url: serverUrl, passphrase: '' }, undefined, waits, connect)) as Found;
  expect(found).toMatchObject({ engine: { models: ['small', 'big'] } });
  await expect(useModel(found, 'big', undefined, waits, connect)).rejects.toThrow('big is not there');
  expect(unloaded, 'another model may be chosen').toEqual([]);
  expect(await useModel(found, 'small', undefined, waits, connect)).toMatchObject({ engine: found.engine, kept: { model: 'small', needsKey: false } });

  const leaving = new AbortController();
  const slow = connectsTo(['small', 'big']);
  const late = findServer({ url: serverUrl, passphrase: '' }, undefined, leaving.signal, async (options) => {
    leaving.abort(new Error('left'));
    return slow.connect(options);
  });
  await expect(late).rejects.toThrow('left');
  expect(slow.unloaded).toEqual(['small']);
  await expect(useModel(found, 'big', undefined, leaving.signal, slow.connect)).rejects.toThrow('left');
  expect(slow.unloaded, 'the second one').toEqual(['small', 'big']);
  await useModel(found, 'big', undefined, waits, slow.connect);
  expect(unloaded, 'the first one, once the second is there').toEqual(['small']);
});

test('a key that is given once leaves the one that is kept; another address, another passphrase or no key does not', async () => {
  const { connect } = connectsTo(['big']);
  const key = { salt: 'YQ==', rounds: 10, sealed: 'YQ==' };
  const kept = { ...keptBig, key };
  const keyAfter = async (given: { key?: string; passphrase?: string }, before = kept) =>
    ((await findServer({ url: serverUrl, passphrase: '', ...given }, before, waits, connect)) as Connected).kept.key;
  expect(await keyAfter({ key: 'once' })).toEqual(key);
  expect(await keyAfter({})).toBeUndefined();
  expect(await keyAfter({ key: 'once' }, { ...kept, url: 'https://other.example/v1' })).toBeUndefined();
  expect(await openKey((await keyAfter({ key: 'new', passphrase: 'words' }))!, serverUrl, 'words')).toBe('new');
});

test('a key goes over plain http to this machine alone, unless the visitor allows it', async () => {
  const { connect } = connectsTo(['big']);
  const send = (url: string, more = {}) => findServer({ url, key: 'k', passphrase: '', ...more }, undefined, waits, connect);
  for (const url of ['http://models.example/v1', 'http://192.168.0.7:8080/v1', 'http://localhost.example/v1', 'http://127.example/v1']) {
    await expect(send(url), url).rejects.toThrow(`The key would go to ${new URL(url).host} over plain http`);
    expect(await send(url, { isOpen: true })).toMatchObject({ kept: { needsKey: true } });
    expect(await send(url, { key: '' })).toMatchObject({ kept: { needsKey: false } });
  }
  for (const url of [serverUrl, 'http://localhost:11434/v1', 'http://127.0.0.1:1/v1', 'http://[::1]:8080/v1', 'http://a.localhost/v1']) {
    expect(isExposed(url)).toBe(false);
    expect(await send(url)).toMatchObject({ kept: { url } });
  }
});
