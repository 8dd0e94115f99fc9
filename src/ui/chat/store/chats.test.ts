import { afterEach, expect, test, vi } from 'vitest';
import { type Chat, type Message } from '../chat.ts';
import { Chats, type ChatsOptions } from './chats.ts';
import { type ConversationStore } from './conversation-store.ts';

const host = { addController: () => {}, removeController: () => {}, requestUpdate: () => {}, updateComplete: Promise.resolve(true) };
const said = (...texts: string[]): Message[] => texts.map((content, i) => ({ role: i % 2 ? 'assistant' : 'user', content }));
const texts = ({ messages }: Chat): string => messages.map(({ content }) => content).join(' ');

function memory(): ConversationStore {
  const chats = new Map<string, Chat>();
  return {
    all: async () => [...chats.values()],
    get: async (id) => structuredClone(chats.get(id)),
    async change(id, change) {
      const next = change(structuredClone(chats.get(id)));
      if (next) chats.set(id, structuredClone(next));
      else chats.delete(id);
    },
  };
}

const tabs: Chats[] = [];
afterEach(() => tabs.splice(0).forEach((tab) => tab.hostDisconnected()));

async function openTab(store: ConversationStore, options: ChatsOptions = {}): Promise<Chats> {
  const tab = new Chats(host, { ...options, store });
  tabs.push(tab);
  await tab.hostConnected();
  return tab;
}

/** Two tabs with the same chat open, `Shared` and `Answer`. */
async function twoTabs(options: ChatsOptions = {}): Promise<{ a: Chats; b: Chats; store: ConversationStore }> {
  const store = memory();
  const a = await openTab(store, options);
  await a.keepMessages(said('Shared', 'Answer'));
  const b = await openTab(store);
  b.show(a.open.id);
  return { a, b, store };
}

test('what one tab says is shown in the other, where the chat goes on', async () => {
  const onMore = vi.fn();
  const { a, b, store } = await twoTabs({ onMore });
  await b.keepMessages(said('Shared', 'Answer', 'From B', 'Answer B'));
  await vi.waitFor(() => expect(texts(a.open)).toBe('Shared Answer From B Answer B'));
  expect(onMore).toHaveBeenCalledWith(b.open.messages);
  await a.keepMessages([...a.open.messages, ...said('From A', 'Answer A')]);
  expect((await store.all()).map(texts)).toEqual(['Shared Answer From B Answer B From A Answer A']);
});

test('a chat that two tabs go on with at the same time becomes two, and nothing is lost', async () => {
  const { a, b, store } = await twoTabs({ answering: () => true });
  const first = a.open.id;
  await b.keepMessages(said('Shared', 'Answer', 'From B', 'Answer B'));
  await Promise.all([ // an answer is kept several times while it is written
    a.keepMessages(said('Shared', 'Answer', 'From A')),
    a.keepMessages(said('Shared', 'Answer', 'From A', 'Answer')),
    a.keepMessages(said('Shared', 'Answer', 'From A', 'Answer A')),
  ]);
  expect((await store.all()).map(texts).sort()).toEqual(['Shared Answer From A Answer A', 'Shared Answer From B Answer B']);
  expect(a.open).toMatchObject({ title: 'Shared (2)' });
  expect(a.open.id).not.toBe(first);
  await vi.waitFor(() => expect(b.list.map(({ title }) => title).sort()).toEqual(['Shared', 'Shared (2)']));
  expect(texts(a.list.find(({ id }) => id === first)!)).toBe('Shared Answer From B Answer B');
  await a.keepMessages([...a.open.messages, ...said('More')]);
  expect(await store.all()).toHaveLength(2);
});

test('a new chat, a new title and a deletion are heard of', async () => {
  const { a, b } = await twoTabs();
  b.start();
  await b.keepMessages(said('Second'));
  await vi.waitFor(() => expect(a.list.map(({ title }) => title)).toEqual(['Second', 'Shared']));
  await b.rename(a.open.id, 'Renamed');
  await vi.waitFor(() => expect(a.open.title).toBe('Renamed'));
  await b.remove(b.open.id);
  await vi.waitFor(() => expect(a.list.map(({ title }) => title)).toEqual(['Renamed']));
});

test('a new title and new settings from another tab stay while an answer is kept', async () => {
  const { a, b, store } = await twoTabs({ answering: () => true });
  await b.rename(b.open.id, 'Renamed');
  await b.change({ system: 'Be brief.' });
  await a.keepMessages(said('Shared', 'Answer', 'From A', 'Answer A'));
  expect(await store.all()).toMatchObject([{ title: 'Renamed', system: 'Be brief.' }]);
  expect((await store.all()).map(texts)).toEqual(['Shared Answer From A Answer A']);
});

test('a chat that another tab has deleted is kept again when it goes on, and a deleted one comes back', async () => {
  const { a, b, store } = await twoTabs();
  await b.remove(a.open.id);
  await vi.waitFor(() => expect(a.list).toEqual([]));
  await a.keepMessages(said('Shared', 'Answer', 'From A'));
  expect((await store.all()).map(texts)).toEqual(['Shared Answer From A']);
  await a.remove(a.open.id);
  expect(await store.all()).toEqual([]);
  await a.bringBack();
  expect((await store.all()).map(texts)).toEqual(['Shared Answer From A']);
});
