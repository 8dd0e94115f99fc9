// Where conversations are kept: a database of their own in IndexedDB, a record each. Knows nothing of models.
import { createStore, del, get, set, values } from 'idb-keyval';
import { type Chat } from './chat.ts';

export interface ConversationStore {
  /** The last changed first. */
  all(): Promise<Chat[]>;
  get(id: string): Promise<Chat | undefined>;
  put(chat: Chat): Promise<void>;
  remove(id: string): Promise<void>;
}

export function openConversations(): ConversationStore {
  const store = createStore('windrow-chats', 'chats');
  return {
    all: async () => (await values<Chat>(store)).sort((a, b) => b.changed - a.changed),
    get: (id) => get<Chat>(id, store),
    put: (chat) => set(chat.id, chat, store),
    remove: (id) => del(id, store),
  };
}
