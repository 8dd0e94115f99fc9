// Where conversations are kept: a database of their own in IndexedDB, a record each. Knows nothing of models.
import { createStore, get, promisifyRequest, values } from 'idb-keyval';
import { type Chat } from '../chat.ts';

export interface ConversationStore {
  /** The last changed first. */
  all(): Promise<Chat[]>;
  get(id: string): Promise<Chat | undefined>;
  /** Puts what `change` makes of the stored chat in its place; undefined deletes it. No other tab writes in between. */
  change(id: string, change: (stored: Chat | undefined) => Chat | undefined): Promise<void>;
}

export function openConversations(): ConversationStore {
  const store = createStore('windrow-chats', 'chats');
  return {
    all: async () => (await values<Chat>(store)).sort((a, b) => b.changed - a.changed),
    get: (id) => get<Chat>(id, store),
    change: (id, change) => store('readwrite', (records) => changeRecord(records, id, change)),
  };
}

/** In the one transaction of `records`. What throws in a listener of a request is lost, and its promise would wait for ever. */
export function changeRecord(records: IDBObjectStore, id: string, change: (stored: Chat | undefined) => Chat | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const reading = records.get(id) as IDBRequest<Chat | undefined>;
    reading.onerror = () => reject(reading.error as DOMException);
    reading.onsuccess = () => { // the transaction lasts no longer than this call
      try {
        const next = change(reading.result);
        if (next) records.put(next, id);
        else records.delete(id);
        promisifyRequest<undefined>(records.transaction).then(resolve, reject); // a full disk aborts it
      } catch (error) {
        records.transaction.abort();
        reject(error as Error);
      }
    };
  });
}
