// SHA-256 of a file that arrives in order, perhaps over several sessions: its state can be kept. WebCrypto hashes only
// what lies in memory as a whole, hence a library.
import { sha256 } from '@noble/hashes/sha2.js';
import { type ByteSource } from '../../gguf/source.ts';
import { type HashState, toHex } from '../store/store.ts';

const blockBytes = 64;
const names = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H'] as const;
/**
 * What the library's hash is between blocks. It has no public way to keep it, so these private fields are read and set, if
 * a try shows that they are what is meant; else nothing is kept, and a continued import hashes from the first byte.
 */
type Fields = Record<(typeof names)[number] | 'length', number>;
type Sha256 = ReturnType<typeof sha256.create>;

const wordsOf = (hash: Sha256): number[] => names.map((name) => (hash as unknown as Fields)[name]);

function restored({ through, words }: HashState): Sha256 {
  const hash = sha256.create();
  Object.assign(hash as unknown as Fields, Object.fromEntries(names.map((name, i) => [name, words[i]])), { length: through });
  return hash;
}

const canResume = ((): boolean => {
  const block = Uint8Array.from({ length: blockBytes }, (_, i) => i);
  const half = sha256.create().update(block);
  const whole = restored({ through: blockBytes, words: wordsOf(half) }).update(block);
  return toHex(whole.digest()) === toHex(half.update(block).digest());
})();

const isState = (state: HashState): boolean => state.through % blockBytes === 0 && state.words.length === names.length && state.words.every(Number.isInteger);

export interface FileHash {
  /** All bytes before this one are in. */
  readonly through: number;
  /** What can be kept now; its own `through` may be up to 63 bytes behind, and is 0 where the library allows no more. */
  state(): HashState;
  /** Bytes of the file from `offset` on; those that are in already are passed over. A gap is an error of the caller. */
  update(offset: number, bytes: Uint8Array): void;
  /** In hexadecimal; the end of the hash. */
  digest(): string;
}

export function createFileHash(state?: HashState): FileHash {
  const begun = state && canResume && isState(state) ? state : undefined;
  const hash = begun ? restored(begun) : sha256.create();
  let whole = begun?.through ?? 0; // whole blocks that the hash has; `rest` follows
  let rest = new Uint8Array(0);
  return {
    get through() {
      return whole + rest.length;
    },
    state: () => (canResume ? { through: whole, words: wordsOf(hash) } : { through: 0, words: [] }),
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

/** The hash of the whole of `source`, of which `hash` has the beginning; in hexadecimal. */
export async function digestOf(hash: FileHash, source: ByteSource, signal?: AbortSignal): Promise<string> {
  for (let more = 1; more > 0 && hash.through < (source.byteLength ?? Infinity); ) {
    const bytes = await source.readUpTo(hash.through, 64 * 1024, signal);
    hash.update(hash.through, bytes);
    more = bytes.length;
  }
  return hash.digest();
}

export function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
