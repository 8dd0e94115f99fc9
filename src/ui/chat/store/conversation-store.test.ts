import { expect, test, vi } from 'vitest';
import { newChat, type Chat } from '../chat.ts';
import { changeRecord } from './conversation-store.ts';

/** An object store with one record, as far as a change reads and writes it. */
function recordsWith(stored: Chat | undefined, put: (chat: Chat) => void = () => {}) {
  const transaction = { abort: vi.fn(), error: null as DOMException | null, oncomplete: () => {}, onabort: () => {} };
  const request = { result: stored, error: null as DOMException | null, onsuccess: () => {}, onerror: () => {} };
  const records = { transaction, get: () => request, put, delete: vi.fn() };
  return { records: records as unknown as IDBObjectStore, request, transaction, deleted: records.delete };
}

const chat: Chat = { ...newChat(1), messages: [{ role: 'user', content: 'Hello' }] };

test('a change is made when its transaction is complete', async () => {
  const put = vi.fn();
  const { records, request, transaction } = recordsWith(chat, put);
  const changed = changeRecord(records, chat.id, (stored) => ({ ...stored!, title: 'New' }));
  request.onsuccess();
  transaction.oncomplete();
  await changed;
  expect(put).toHaveBeenCalledWith({ ...chat, title: 'New' }, chat.id);
});

test.each([
  [
    'that the browser refuses at once',
    () =>
      recordsWith(chat, () => {
        throw new DOMException('It cannot be cloned.', 'DataCloneError');
      }),
    (stored?: Chat) => stored,
    'DataCloneError',
  ],
  [
    'that cannot be computed',
    () => recordsWith(chat),
    () => {
      throw new RangeError('too long');
    },
    'RangeError',
  ],
] as const)('a change %s is told, and nothing of it is written', async (_, make, change, name) => {
  const { records, request, transaction } = make();
  const changed = changeRecord(records, chat.id, change);
  request.onsuccess();
  await expect(changed).rejects.toMatchObject({ name });
  expect(transaction.abort).toHaveBeenCalledOnce();
});

test('a full disk is told', async () => {
  const { records, request, transaction } = recordsWith(chat);
  const changed = changeRecord(records, chat.id, (stored) => stored);
  request.onsuccess();
  transaction.error = new DOMException('full', 'QuotaExceededError');
  transaction.onabort();
  await expect(changed).rejects.toMatchObject({ name: 'QuotaExceededError' });
});

test('a record that cannot be read is told', async () => {
  const { records, request } = recordsWith(undefined);
  const changed = changeRecord(records, 'x', () => undefined);
  request.error = new DOMException('broken', 'UnknownError');
  request.onerror();
  await expect(changed).rejects.toMatchObject({ name: 'UnknownError' });
});
