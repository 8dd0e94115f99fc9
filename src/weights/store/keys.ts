// The key of an encrypted model: given by the page, or made here and wrapped under a passphrase. What is kept can tell a
// right key from a wrong one and is of no other use. No key or passphrase is ever stored.
import { RequestError } from '../../errors.ts';
import { type Encryption } from './store.ts';

/** A key for AES-GCM that may encrypt and decrypt, or a passphrase. */
export type KeySource = { key: CryptoKey } | { passphrase: string };

/** OWASP's number for PBKDF2 with SHA-256, 2023. */
const iterations = 600_000;
const ivBytes = 12;
const known = new TextEncoder().encode('windrow');

/** For a model that is stored anew. */
export async function createEncryption(source: KeySource, rounds = iterations): Promise<{ key: CryptoKey; encryption: Encryption }> {
  if ('key' in source) return { key: source.key, encryption: { check: await encrypt(source.key, known) } };
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const raw = crypto.getRandomValues(new Uint8Array(32));
  const wrapped = await encrypt(await deriveKey(source.passphrase, salt, rounds), raw);
  const key = await importKey(raw);
  raw.fill(0);
  return { key, encryption: { check: await encrypt(key, known), wrapped: { salt, iterations: rounds, key: wrapped } } };
}

/** For a stored model; RequestError if the key or the passphrase is not the one, or the wrong kind of the two. */
export async function openEncryption(source: KeySource, { check, wrapped }: Encryption): Promise<CryptoKey> {
  if ('key' in source) {
    if ((await decrypt(source.key, check)) === undefined)
      throw new RequestError('The key is not the one under which the model was stored.', { code: 'wrong_key' });
    return source.key;
  }
  if (!wrapped) throw new RequestError('The model was stored under a key of the page; a passphrase does not open it.');
  const raw = await decrypt(await deriveKey(source.passphrase, wrapped.salt, wrapped.iterations), wrapped.key);
  if (!raw) throw new RequestError('The passphrase is not the one under which the model was stored.', { code: 'wrong_key' });
  return importKey(raw);
}

async function deriveKey(passphrase: string, salt: Uint8Array<ArrayBuffer>, rounds: number): Promise<CryptoKey> {
  if (passphrase.length === 0) throw new RequestError('The passphrase is empty.');
  const material = await crypto.subtle.importKey('raw', new TextEncoder().encode(passphrase.normalize('NFKC')), 'PBKDF2', false, ['deriveKey']);
  return crypto.subtle.deriveKey({ name: 'PBKDF2', hash: 'SHA-256', salt, iterations: rounds }, material, { name: 'AES-GCM', length: 256 }, false, [
    'encrypt',
    'decrypt',
  ]);
}

const importKey = (raw: Uint8Array<ArrayBuffer>): Promise<CryptoKey> => crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt', 'decrypt']);

async function encrypt(key: CryptoKey, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const iv = crypto.getRandomValues(new Uint8Array(ivBytes));
  const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, key, bytes));
  return new Uint8Array([...iv, ...sealed]);
}

/** Undefined if the key is another one. */
const decrypt = (key: CryptoKey, sealed: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer> | undefined> =>
  crypto.subtle.decrypt({ name: 'AES-GCM', iv: sealed.subarray(0, ivBytes) }, key, sealed.subarray(ivBytes)).then(
    (bytes) => new Uint8Array(bytes),
    () => undefined,
  );
