// The key of an encrypted model: given by the page, or made here and wrapped under a passphrase. What is kept can tell a
// right key from a wrong one and is of no other use. No key or passphrase is ever stored.
import { RequestError } from '../../errors.ts';
import { deriveKey, seal, unseal, usualRounds } from '../../sealed.ts';
import { type Encryption } from './store.ts';

/** A key for AES-GCM that may encrypt and decrypt, or a passphrase. */
export type KeySource = { key: CryptoKey } | { passphrase: string };

const known = new TextEncoder().encode('windrow');

/** For a model that is stored anew. */
export async function createEncryption(source: KeySource, rounds = usualRounds): Promise<{ key: CryptoKey; encryption: Encryption }> {
  if ('key' in source) return { key: source.key, encryption: { check: await seal(source.key, known) } };
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const raw = crypto.getRandomValues(new Uint8Array(32));
  const wrapped = await seal(await keyUnder(source.passphrase, salt, rounds), raw);
  const key = await importKey(raw);
  raw.fill(0);
  return { key, encryption: { check: await seal(key, known), wrapped: { salt, iterations: rounds, key: wrapped } } };
}

/** For a stored model; RequestError if the key or the passphrase is not the one, or the wrong kind of the two. */
export async function openEncryption(source: KeySource, { check, wrapped }: Encryption): Promise<CryptoKey> {
  if ('key' in source) {
    if ((await unseal(source.key, check)) === undefined)
      throw new RequestError('The key is not the one under which the model was stored.', { code: 'wrong_key' });
    return source.key;
  }
  if (!wrapped) throw new RequestError('The model was stored under a key of the page; a passphrase does not open it.');
  const raw = await unseal(await keyUnder(source.passphrase, wrapped.salt, wrapped.iterations), wrapped.key);
  if (!raw) throw new RequestError('The passphrase is not the one under which the model was stored.', { code: 'wrong_key' });
  return importKey(raw);
}

async function keyUnder(passphrase: string, salt: Uint8Array<ArrayBuffer>, rounds: number): Promise<CryptoKey> {
  if (passphrase.length === 0) throw new RequestError('The passphrase is empty.');
  return deriveKey(passphrase, salt, rounds);
}

const importKey = (raw: Uint8Array<ArrayBuffer>): Promise<CryptoKey> => crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt', 'decrypt']);
