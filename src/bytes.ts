// Sizes as people write them. Not how they are shown: that is the page's business.
import { RequestError, shown } from './errors.ts';

const units: Record<string, number> = {
  '': 1, b: 1, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30, tib: 2 ** 40, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40,
};

/** Bytes from a number or from text as in `2GiB`, `1.5 GB`, `800MiB`. `name` is the option's, for the error. */
export function parseBytes(size: number | string, name: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(String(size));
  const unit = match ? units[match[2].toLowerCase()] : undefined;
  const bytes = match && unit ? Math.floor(Number(match[1]) * unit) : 0;
  if (!Number.isSafeInteger(bytes) || bytes < 1) {
    throw new RequestError(`${name} is ${shown(size)}; it must be a number of bytes above 0, or text such as "2GiB" or "800 MB".`);
  }
  return bytes;
}

/**
 * Whether a file (or `files` of them together) of `bytes` bytes can be one whose tensor tables imply `implied`: the last
 * tensor may be padded to GGUF's alignment, of 32 bytes if the file does not choose another.
 */
export const agreesInSize = (bytes: number, implied: number, files = 1): boolean => bytes >= implied && bytes < implied + 32 * files;
