// SHA-256 of a file that arrives in order, perhaps over several sessions: its state can be kept. WebCrypto hashes only
// what lies in memory as a whole, hence a library.
import { sha256 } from '@noble/hashes/sha2.js';
import { type HashState, toHex } from '../store/store.ts';

const blockBytes = 64;
const names = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H'] as const;
/** What the library's hash is between blocks: plain fields, the same ones in every copy it makes of itself. */
type Fields = Record<(typeof names)[number] | 'length', number>;

export interface FileHash {
  /** All bytes before this one are in. */
  readonly through: number;
  /** What can be kept now; its own `through` may be up to 63 bytes behind. */
  state(): HashState;
  /** Bytes of the file from `offset` on; those that are in already are passed over. A gap is an error of the caller. */
  update(offset: number, bytes: Uint8Array): void;
  /** In hexadecimal; the end of the hash. */
  digest(): string;
}

export function createFileHash(state?: HashState): FileHash {
  const hash = sha256.create();
  const fields = hash as unknown as Fields;
  if (state) Object.assign(fields, Object.fromEntries(names.map((name, i) => [name, state.words[i]])), { length: state.through });
  let whole = state?.through ?? 0; // whole blocks that the hash has; `rest` follows
  let rest = new Uint8Array(0);
  return {
    get through() {
      return whole + rest.length;
    },
    state: () => ({ through: whole, words: names.map((name) => fields[name]) }),
    update(offset, bytes) {
      const skip = whole + rest.length - offset;
      if (skip < 0) throw new Error(`Bytes ${whole + rest.length} to ${offset} of the file are missing from its hash.`);
      let more = bytes.subarray(skip);
      if (rest.length > 0) {
        const take = Math.min(blockBytes - rest.length, more.length);
        rest = concat(rest, more.subarray(0, take));
        more = more.subarray(take);
        if (rest.length < blockBytes) return;
        hash.update(rest);
        whole += blockBytes;
      }
      const blocks = more.length - (more.length % blockBytes);
      hash.update(more.subarray(0, blocks));
      whole += blocks;
      rest = more.slice(blocks);
    },
    digest: () => toHex(hash.update(rest).digest()),
  };
}

export function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
