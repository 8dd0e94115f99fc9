// A store whose slabs are encrypted: AES-GCM in records of 256 KiB, so that a part of a slab can be read alone. What this
// protects, and what not, is in docs/encryption.md. Manifests are kept as they are.
import { InvalidFileError } from '../../errors.ts';
import { type Store } from './store.ts';

const recordBytes = 256 * 1024;
const ivBytes = 12;
const tagBytes = 16;
const sealedBytes = ivBytes + recordBytes + tagBytes;

/** `store` with slabs under `key`. Reading throws InvalidFileError where a record was changed, moved, or sealed under another key. */
export function sealedStore(store: Store, key: CryptoKey): Store {
  return {
    ...store,
    async putSlab(id, slab, bytes, record) {
      await store.putSlab(id, slab, await seal(key, `${id}/${slab}`, bytes), record);
    },
    async read(id, slab, offset = 0, length = Infinity) {
      const first = Math.floor(offset / recordBytes);
      const end = Math.ceil((offset + length) / recordBytes);
      const sealed = await store.read(id, slab, first * sealedBytes, (end - first) * sealedBytes);
      if (!sealed) return undefined;
      const bytes = await open(key, `${id}/${slab}`, first, sealed);
      return offset === first * recordBytes && bytes.length <= length
        ? bytes
        : bytes.slice(offset - first * recordBytes, offset - first * recordBytes + length);
    },
  };
}

/** Binds a record to its place: one that was moved does not open. */
const placeOf = (slab: string, record: number): Uint8Array<ArrayBuffer> => new Uint8Array(new TextEncoder().encode(`windrow/${slab}/${record}`));

async function seal(key: CryptoKey, slab: string, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const records = Math.ceil(bytes.length / recordBytes);
  const sealed = new Uint8Array(bytes.length + records * (ivBytes + tagBytes));
  await Promise.all(
    Array.from({ length: records }, async (_, i) => {
      // Random, not counted: a slab may be written anew under the same key. 2^32 records would be 1 PB.
      const iv = crypto.getRandomValues(new Uint8Array(ivBytes));
      const part = bytes.subarray(i * recordBytes, (i + 1) * recordBytes);
      sealed.set(iv, i * sealedBytes);
      sealed.set(new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData: placeOf(slab, i) }, key, part)), i * sealedBytes + ivBytes);
    }),
  );
  return sealed;
}

/** Opens whole records, the first of which is number `first` of its slab. */
async function open(key: CryptoKey, slab: string, first: number, sealed: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const records = Math.ceil(sealed.length / sealedBytes);
  const bytes = new Uint8Array(Math.max(0, sealed.length - records * (ivBytes + tagBytes)));
  await Promise.all(
    Array.from({ length: records }, async (_, i) => {
      const record = sealed.subarray(i * sealedBytes, (i + 1) * sealedBytes);
      const algorithm = { name: 'AES-GCM', iv: record.subarray(0, ivBytes), additionalData: placeOf(slab, first + i) };
      const opened = await crypto.subtle.decrypt(algorithm, key, record.subarray(ivBytes)).catch(() => {
        throw new InvalidFileError(`Record ${first + i} of the encrypted part ${slab} does not open: it was changed since it was stored.`, {
          code: 'stored_model_damaged',
        });
      });
      bytes.set(new Uint8Array(opened), i * recordBytes);
    }),
  );
  return bytes;
}
