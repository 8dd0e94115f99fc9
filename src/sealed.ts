// Bytes that only a key or a passphrase opens: AES-GCM by a random IV, which comes first, and PBKDF2 with SHA-256. Imports nothing.

/** OWASP's number for PBKDF2 with SHA-256, 2023. */
export const usualRounds = 600_000;
const ivBytes = 12;
/** Bytes that what is sealed has more: its IV, and the tag by which a change is known. */
export const sealedMore = ivBytes + 16;

/** The key under a passphrase. Not exportable. */
export async function deriveKey(passphrase: string, salt: Uint8Array<ArrayBuffer>, rounds: number): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey('raw', new TextEncoder().encode(passphrase.normalize('NFKC')), 'PBKDF2', false, ['deriveKey']);
  return crypto.subtle.deriveKey({ name: 'PBKDF2', hash: 'SHA-256', salt, iterations: rounds }, material, { name: 'AES-GCM', length: 256 }, false, [
    'encrypt',
    'decrypt',
  ]);
}

/** `of`: what the bytes are, which is not among them, and without which they do not open. */
export async function seal(key: CryptoKey, bytes: Uint8Array<ArrayBuffer>, of?: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const iv = crypto.getRandomValues(new Uint8Array(ivBytes));
  const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-GCM', iv, ...(of && { additionalData: of }) }, key, bytes));
  const all = new Uint8Array(ivBytes + sealed.byteLength);
  all.set(iv);
  all.set(sealed, ivBytes);
  return all;
}

/** Undefined if the key is another one, the bytes were changed, or they are something else. */
export const unseal = (key: CryptoKey, sealed: Uint8Array<ArrayBuffer>, of?: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer> | undefined> =>
  crypto.subtle.decrypt({ name: 'AES-GCM', iv: sealed.subarray(0, ivBytes), ...(of && { additionalData: of }) }, key, sealed.subarray(ivBytes)).then(
    (bytes) => new Uint8Array(bytes),
    () => undefined,
  );
