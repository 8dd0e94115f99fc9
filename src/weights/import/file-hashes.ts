// The hashes of a model's files while it is imported: one per file whose hash is known, of the bytes as they come.
import { InvalidFileError } from '../../errors.ts';
import { type OpenedFiles } from '../../gguf/files.ts';
import { type HashState } from '../store/store.ts';
import { type FileHash, createFileHash, digestOf } from './file-hash.ts';

export interface Hashes {
  /** First byte that the hashes need; Infinity if none is known. */
  from: number;
  /** Bytes come in order, by their place in the joined source. */
  update(offset: number, bytes: Uint8Array): void;
  /** What an import that goes on from here begins with. */
  state(): HashState[] | undefined;
  /** InvalidFileError for a file that has another hash. */
  check(signal?: AbortSignal): Promise<void>;
}

/** `expected`: of each file, in hexadecimal; `kept`: the state that an earlier import left. */
export function openHashes({ files }: OpenedFiles, expected: readonly (string | undefined)[] = [], kept: HashState[] = []): Hashes {
  if (!expected.some(Boolean)) return { from: Infinity, update: () => {}, state: () => undefined, check: async () => {} };
  const hashes: FileHash[] = files.map((_, i) => createFileHash(kept[i]));
  const unfinished = files.findIndex((file, i) => hashes[i].through < file.byteLength);
  return {
    from: unfinished < 0 ? files.at(-1)!.start + files.at(-1)!.byteLength : files[unfinished].start + hashes[unfinished].through,
    update(offset, bytes) {
      files.forEach(({ start, byteLength }, i) => {
        const end = i === files.length - 1 ? Infinity : start + byteLength; // the last one with its padding
        const from = Math.max(offset, start + hashes[i].through);
        const to = Math.min(offset + bytes.length, end);
        if (from < to) hashes[i].update(from - start, bytes.subarray(from - offset, to - offset));
      });
    },
    state: () => hashes.map((hash) => hash.state()),
    async check(signal) {
      for (const [i, { source, byteLength }] of files.entries()) {
        if (!expected[i]) continue;
        const actual = await digestOf(hashes[i], source, signal);
        if (actual !== expected[i].toLowerCase()) {
          throw new InvalidFileError(
            `${source.name} has the SHA-256 ${actual}; needed is ${expected[i]} (${byteLength} bytes of weights were read). What was stored of it ` +
            'has been deleted. Load it again, or from another address.',
            { code: 'wrong_hash' },
          );
        }
      }
    },
  };
}
