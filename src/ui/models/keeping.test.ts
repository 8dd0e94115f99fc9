import { expect, test } from 'vitest';
import { InvalidFileError, RequestError } from '../../errors.ts';
import { findOnHub } from '../../weights/source/hub.ts';
import { urlSource } from '../../weights/source/url-source.ts';
import { deletable, keepingOptions, lackingBytes, runsUnkept } from './keeping.ts';
import { defaultModel, differsInHash, differsInSize } from './model-choice.ts';
import { needsPassphrase, needsToken, SecretQuestion } from './secret-question.ts';

const model = (id: string, byteLength: number, lastUsed: number) => ({ id, name: id, urls: [], byteLength, fileBytes: byteLength, lastUsed, complete: true });

test('the models not used for longest make room, the loaded one stays, and none go in vain', () => {
  const stored = [model('new', 500, 9), model('old', 300, 1), model('older', 200, 0), model('loaded', 900, -1)];
  const ids = (bytes: number) => deletable(stored, bytes, 'loaded').map(({ id }) => id);
  expect([ids(0), ids(200), ids(201), ids(1000), ids(1001)]).toEqual([[], ['older'], ['older', 'old'], ['older', 'old', 'new'], []]);
});

test('storage lacks room only where the browser says so, and not for what is stored', () => {
  const margin = 32 * 2 ** 20;
  expect(lackingBytes({ stored: false, freeBytes: margin + 7, storedBytes: 10 })).toBe(3);
  expect(lackingBytes({ stored: false, freeBytes: 2 * margin, storedBytes: 10 }, true)).toBe(10); // refused all the same
  expect(
    [
      { stored: false, storedBytes: 10 },
      { stored: true, freeBytes: 0, storedBytes: 10 },
      { stored: false, freeBytes: margin + 10, storedBytes: 10 },
    ].map((plan) => lackingBytes(plan)),
  ).toEqual([0, 0, 0]);
});

test('a model is used without keeping it where GPU and worker memory hold it', () => {
  expect(runsUnkept({ verdict: 'fits', streamedBytes: 0 })).toBe(true);
  expect(runsUnkept({ verdict: 'streams', streamedBytes: 200e6 })).toBe(true);
  expect(runsUnkept({ verdict: 'streams', streamedBytes: 300e6 })).toBe(false);
  expect(keepingOptions({ keep: false, passphrase: 'left over' })).toEqual({ keep: false });
  expect(keepingOptions({ keep: true, passphrase: 'open' })).toEqual({ encryption: { passphrase: 'open' } });
  expect(keepingOptions({ keep: true, passphrase: '' })).toEqual({});
});

test('a file that differs from the list is doubted in words and loses the hash that it would fail on', () => {
  const listed = defaultModel('https://page.example/');
  expect(differsInSize(listed, listed.bytes!)).toBe(listed);
  const other = differsInSize(listed, 99_000_000);
  expect(other).toMatchObject({ bytes: 99_000_000, sha256: undefined });
  expect(other.doubt).toContain('says 98 MB, but the file at the address has 99 MB');
  expect(differsInSize(listed, 98_362_433).doubt).toContain('says 98362432 bytes, but the file at the address has 98362433 bytes');
  expect(differsInHash(listed, new InvalidFileError('a.gguf has the SHA-256 1; needed is 2', { code: 'wrong_hash' }))?.doubt).toContain('SHA-256 is another');
  expect(differsInHash(listed, new InvalidFileError('a.gguf ends after 3 bytes'))).toBeUndefined();
});

test('a passphrase is asked for until it opens the model, and not after a cancel', async () => {
  const asked: [string | null, boolean][] = [];
  const question: SecretQuestion = new SecretQuestion(() => question.name !== null && asked.push([question.name, question.wrong]), needsPassphrase);
  const open = async (passphrase: string | undefined) => {
    if (passphrase === undefined) throw new RequestError('The model A is stored encrypted. Give its key or its passphrase.', { code: 'key_required' });
    if (passphrase !== 'right') throw new RequestError('The passphrase is not the one under which the model was stored.', { code: 'wrong_key' });
    return 'opened';
  };
  const turn = () => new Promise((resolve) => setTimeout(resolve));
  const opening = question.during('A', undefined, undefined, open);
  await turn();
  question.answer('wrong');
  await turn();
  question.answer('right');
  expect(await opening).toBe('opened');
  expect(asked).toEqual([['A', false], ['A', true]]);
  const cancelled = question.during('A', undefined, undefined, open);
  const told = expect(cancelled).rejects.toThrow('stored encrypted');
  await turn();
  question.cancel();
  await told;
  expect(question.name).toBeNull();
});

test('an access token is asked for where a hub or its file says so, and nowhere else', async () => {
  const refused = async (work: Promise<unknown>): Promise<unknown> => work.then(() => expect.fail('it was not refused'), (error: unknown) => error);
  const answering = (status: number) => async (): Promise<Response> => new Response('', { status });
  const asksHub = async (status: number): Promise<boolean> =>
    needsToken(await refused(findOnHub('owner/a', { hub: 'https://hub.example', fetch: answering(status) })));
  const asksFile = async (status: number): Promise<boolean> =>
    needsToken(await refused(urlSource('https://hub.example/a.gguf', { fetch: answering(status) }).read(0, 1)));
  for (const asks of [asksHub, asksFile]) expect([await asks(401), await asks(403), await asks(404)]).toEqual([true, true, false]);
  expect(needsToken(new Error('answered 401'))).toBe(false);
});
