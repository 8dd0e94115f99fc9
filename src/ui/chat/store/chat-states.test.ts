import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type Engine } from '../../../api/engine.ts';
import { type KeptSession } from '../../../protocol.ts';
import { ChatStates, stateCap } from './chat-states.ts';

const settings = new Map<string, string>();
beforeEach(() => {
  settings.clear();
  vi.stubGlobal('localStorage', {
    getItem: (name: string) => settings.get(name) ?? null,
    setItem: (name: string, value: string) => settings.set(name, value),
    removeItem: (name: string) => settings.delete(name),
  });
});
afterEach(() => void vi.unstubAllGlobals());

/** An engine that notes what is asked of its sessions; `kept` are the names and bytes of states. */
function fakeEngine(kept: [name: string, byteLength: number][] = [], full = false) {
  const log: string[] = [];
  const session = (name: string) => ({
    messages: [] as unknown[],
    create(params: { messages: unknown[] }) {
      log.push(`ask ${name} ${this.messages.length}+${params.messages.length}`);
      return Promise.resolve({});
    },
    save: (as: string, { most }: { most: string }) => (log.push(`save ${as} ${most}`), full ? Promise.reject(new Error('no room')) : Promise.resolve()),
    close: () => Promise.resolve(void log.push(`close ${name}`)),
  });
  const engine = {
    info: {},
    chat: { completions: { create: () => Promise.resolve(void log.push('plain')) } },
    sessions: {
      load: (name: string) => (kept.some(([each]) => each === name) ? Promise.resolve(session(name)) : Promise.reject(new Error('none'))),
      create: () => Promise.resolve(session('new')),
      list: async () => kept.map(([name, byteLength]) => ({ name, byteLength })),
      remove: async (name: string) => void (log.push(`remove ${name}`), kept.splice(kept.findIndex(([each]) => each === name), 1)),
    },
  } as unknown as Engine;
  return { engine, log };
}

const messages = ['a', 'b', 'c'].map((content) => ({ role: 'user' as const, content }));

it('leaves chats alone until the visitor turns it on', async () => {
  const { engine, log } = fakeEngine();
  const states = new ChatStates();
  expect(states.engineFor(engine, '1')).toBe(engine);
  await states.keep();
  await states.remove(engine, '1');
  expect([log, stateCap()]).toEqual([[], '']);
});

it('asks in the state of the open chat, the kept one if there is one, and keeps it after answers', async () => {
  const { engine, log } = fakeEngine([['chat 1', 5]]);
  const states = new ChatStates();
  await states.choose('2 GiB', engine, 100);
  const ask = (id: string) => states.engineFor(engine, id).chat.completions.create({ messages });
  await ask('1');
  await states.keep();
  await ask('1');
  await ask('2');
  await states.remove(engine, '2');
  expect(log).toEqual(['ask chat 1 2+1', 'save chat 1 2 GiB', 'ask chat 1 2+1', 'close chat 1', 'ask new 2+1', 'close new', 'remove chat 2']);
});

it('removes with a chat also what is just being kept of it', async () => {
  const { engine, log } = fakeEngine();
  const states = new ChatStates();
  await states.choose('2 GiB', engine, 100);
  const session = await states.open(engine, '1');
  let written = (): void => {};
  session.save = () => new Promise((resolve) => (written = () => (log.push('written'), resolve({} as KeptSession))));
  void states.keep();
  const removed = states.remove(engine, '1');
  await Promise.resolve();
  written();
  await removed;
  expect(log).toEqual(['written', 'close new', 'remove chat 1']);
});

it('tells why a state was not kept', async () => {
  const { engine } = fakeEngine([], true);
  const states = new ChatStates();
  await states.choose('512 MiB', engine, 100);
  await states.open(engine, '1');
  await states.keep();
  expect(states.problem).toBe('no room');
});

it('lets go of what is beyond a smaller number of bytes, of all of it with none, and of nothing that is not a chat', async () => {
  const { engine, log } = fakeEngine([['chat 1', 40], ['mine', 500], ['chat 2', 30], ['chat 3', 20]]);
  const states = new ChatStates();
  await states.choose('512 MiB', engine, 55);
  expect(log).toEqual(['remove chat 1']);
  await states.choose('', engine, 0);
  expect([log.slice(1), stateCap()]).toEqual([['remove chat 2', 'remove chat 3'], '']);
});
