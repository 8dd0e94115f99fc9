import { describe, expect, it } from 'vitest';
import { InvalidFileError, RequestError } from '../../errors.ts';
import { createEncryption, openEncryption } from './keys.ts';
import { memoryStore } from '../../../test/doubles/memory-store.ts';
import { sealedStore } from './sealed-store.ts';

const recordBytes = 256 * 1024;
const bytes = new Uint8Array(recordBytes * 2 + 1234);
for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 2654435761) >>> 24;
const newKey = () => crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
const record = { hash: 'h', layoutVersion: 1 };

async function sealed() {
  const plain = memoryStore();
  const store = sealedStore(plain, await newKey());
  await store.putSlab('m', 0, bytes, record);
  return { plain, store };
}

describe('an encrypted store', () => {
  it('gives back slabs and ranges, within records and over them', async () => {
    const { store } = await sealed();
    const places = [
      [0, bytes.length],
      [0, 16],
      [recordBytes - 8, 16],
      [recordBytes, recordBytes],
      [100, recordBytes * 2],
      [bytes.length - 5, 5],
      [bytes.length - 5, 50],
    ];
    for (const [offset, length] of places) {
      expect(Buffer.compare((await store.read('m', 0, offset, length))!, bytes.subarray(offset, offset + length)), `${length} bytes from ${offset}`).toBe(0);
    }
    expect(Buffer.compare((await store.read('m', 0))!, bytes)).toBe(0);
    expect(await store.read('m', 1)).toBeUndefined();
  });

  it('keeps nothing of the plain bytes, and no record twice the same', async () => {
    const { plain, store } = await sealed();
    const stored = Buffer.from(plain.bytesOf('m', 0)!);
    for (const at of [0, 1000, recordBytes + 5]) expect(stored.includes(Buffer.from(bytes.subarray(at, at + 24)))).toBe(false);
    await store.putSlab('m', 1, bytes, record);
    expect(stored.includes(Buffer.from(plain.bytesOf('m', 1)!.subarray(0, 32)))).toBe(false);
    expect(stored.length).toBe(bytes.length + 3 * 28);
  });

  it('does not open a record that was changed, moved, or sealed under another key', async () => {
    const { plain, store } = await sealed();
    const original = plain.bytesOf('m', 0)!.slice();
    plain.bytesOf('m', 0)![recordBytes + 28 + 500] ^= 1;
    await expect(store.read('m', 0)).rejects.toThrow(InvalidFileError);
    await expect(store.read('m', 0, recordBytes, 10)).rejects.toThrow(/Record 1 of the encrypted part m\/0 does not open/);
    expect((await store.read('m', 0, 0, 10))!.length).toBe(10); // record 0 is whole
    await plain.putSlab('m', 2, original, record); // whole, but of slab 0
    await expect(store.read('m', 2)).rejects.toThrow(InvalidFileError);
    await plain.putSlab('m', 0, original, record);
    await expect(sealedStore(plain, await newKey()).read('m', 0)).rejects.toThrow(InvalidFileError);
    expect((await store.read('m', 0))!.length).toBe(bytes.length);
  });
});

describe('a passphrase', () => {
  const rounds = 1000; // the real number only costs time

  it('opens what it closed, and another one does not', async () => {
    const { key, encryption } = await createEncryption({ passphrase: 'straße' }, rounds);
    const plain = memoryStore();
    await sealedStore(plain, key).putSlab('m', 0, bytes, record);
    const again = await openEncryption({ passphrase: 'straße' }, structuredClone(encryption));
    expect(Buffer.compare((await sealedStore(plain, again).read('m', 0))!, bytes)).toBe(0);
    await expect(openEncryption({ passphrase: 'strasse' }, encryption)).rejects.toMatchObject({
      code: 'wrong_key',
      message: expect.stringContaining('passphrase is not the one'),
    });
    await expect(createEncryption({ passphrase: '' }, rounds)).rejects.toThrow(RequestError);
  });

  it('is stretched by 600,000 rounds, with a salt of its own for each model', async () => {
    const one = (await createEncryption({ passphrase: 'same' })).encryption.wrapped!;
    const other = (await createEncryption({ passphrase: 'same' }, rounds)).encryption.wrapped!;
    expect(one.iterations).toBe(600_000);
    expect(one.salt).not.toEqual(other.salt);
  });

  it('leaves no key that could be exported', async () => {
    const { key } = await createEncryption({ passphrase: 'p' }, rounds);
    expect(key.extractable).toBe(false);
  });
});

it('a key of the page is known again, and another one or a passphrase refused', async () => {
  const key = await newKey();
  const { encryption } = await createEncryption({ key });
  expect(encryption.wrapped).toBeUndefined();
  expect(await openEncryption({ key }, encryption)).toBe(key);
  await expect(openEncryption({ key: await newKey() }, encryption)).rejects.toMatchObject({
    code: 'wrong_key',
    message: expect.stringContaining('key is not the one'),
  });
  await expect(openEncryption({ passphrase: 'p' }, encryption)).rejects.toThrow(/a passphrase does not open it/);
});
