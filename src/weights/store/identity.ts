// Which stored model a file is: by the SHA-256 of its files where both sides know it, else by its header and samples of it.
import { agreesInSize } from '../../bytes.ts';
import { type OpenedFiles } from '../../gguf/files.ts';
import { type Manifest, sha256 } from './store.ts';

/** What is known of a file before it is read. */
export interface Wanted {
  /** Of each part, in hexadecimal; undefined for those not known. */
  sha256?: readonly (string | undefined)[];
  /** Of all parts together. */
  fileBytes?: number;
}

/** Undecided: a hash is wanted, but that of the stored file is not known. */
export type Verdict = 'same' | 'other' | 'undecided';

/** Whether a stored model may stand for what is wanted, as far as hashes and sizes tell. */
export function compareTo({ sha256: hashes = [], fileBytes }: Wanted, { files }: Pick<Manifest, 'files'>): Verdict {
  const known = hashes.map((hash, i) => [hash, files[i]?.sha256] as const).filter(([hash]) => hash !== undefined);
  if (known.some(([hash, stored]) => stored !== undefined && hash!.toLowerCase() !== stored)) return 'other';
  if (known.length > 0 && known.length === files.length && known.every(([, stored]) => stored)) return 'same';
  const stored = files.reduce((sum, { byteLength }) => sum + byteLength, 0);
  if (fileBytes !== undefined && !agreesInSize(fileBytes, stored, files.length)) return 'other';
  return known.every(([, hash]) => hash) ? 'same' : 'undecided';
}

/** SHA-256 of the headers, and of a little of the weights where that costs little. Two files that share these need not be one. */
export async function fingerprintOf({ files, header, source }: OpenedFiles): Promise<string> {
  const sampleBytes = 4096;
  const places =
    source.acceptsRanges === false ? [] : [0.3, 0.6, 0.9].map((share) => Math.floor(header.headerBytes + share * (header.fileBytes - header.headerBytes)));
  const samples = await Promise.all(places.map((at) => source.readUpTo(at, Math.min(sampleBytes, header.fileBytes - at))));
  return sha256(new Uint8Array(await new Blob([...files.map((file) => file.header), ...samples.map((bytes) => new Uint8Array(bytes))]).arrayBuffer()));
}

/** Manifests without a fingerprint are of the time when an id was its first 16 digits. */
export const hasFingerprint = ({ id, fingerprint }: Pick<Manifest, 'id' | 'fingerprint'>, of: string): boolean =>
  fingerprint === undefined ? of.startsWith(id) : fingerprint === of;

/** The id of a model that is stored anew: its SHA-256 (of a split one that of its parts' together), so that no other file can have it; else its fingerprint. */
export async function newId({ files }: OpenedFiles, hashes: Wanted['sha256'], fingerprint: string): Promise<string> {
  const known = files.map((_, i) => hashes?.[i]?.toLowerCase());
  if (known.some((hash) => hash === undefined)) return fingerprint;
  return known.length === 1 ? known[0]! : sha256(new TextEncoder().encode(known.join()));
}
