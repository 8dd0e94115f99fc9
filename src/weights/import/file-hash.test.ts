// The hash of a file that comes in pieces, over sessions: the states that are kept have to be the library's own.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createFileHash } from './file-hash.ts';

const bytes = Uint8Array.from({ length: 1000 }, (_, i) => (i * 2654435761) >>> 24);
const expected = createHash('sha256').update(bytes).digest('hex');

describe('the hash of a file', () => {
  it('is the same from any state that was kept on the way', () => {
    for (let at = 0; at <= bytes.length; at += 13) {
      const before = createFileHash();
      before.update(0, bytes.subarray(0, at));
      const state = structuredClone(before.state());
      expect(at - state.through).toBeLessThan(64); // a state is really kept
      const after = createFileHash(state);
      expect(after.through).toBe(state.through);
      after.update(0, bytes);
      expect(after.digest()).toBe(expected);
    }
  });

  it('goes beyond 2^32 bytes by its count', () => {
    const hash = createFileHash({ through: 2 ** 33, words: createFileHash().state().words });
    hash.update(2 ** 33, new Uint8Array(64));
    expect(hash.state().through).toBe(2 ** 33 + 64);
  });

  it('begins anew where a kept state is none of its own', () => {
    for (const state of [
      { through: 64, words: [] },
      { through: 63, words: createFileHash().state().words },
      { through: 64, words: Array<number>(8).fill(NaN) },
    ]) {
      const hash = createFileHash(state);
      expect(hash.through).toBe(0);
      hash.update(0, bytes);
      expect(hash.digest()).toBe(expected);
    }
  });

  it('refuses a gap', () => {
    expect(() => createFileHash().update(10, bytes)).toThrow('Bytes 0 to 10 of the file are missing');
  });
});
