// Golden files for tests, by path below test/fixtures. Node only.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const fileOf = (path: string) => fileURLToPath(new URL(`../fixtures/${path}`, import.meta.url));

export const hasFixture = (path: string): boolean => existsSync(fileOf(path)) || existsSync(`${fileOf(path)}.gz`);

/** The bytes of `path` (as in `tiny/tiny-qwen3.gguf`), which may be stored gzipped as `path.gz`. */
export function fixture(path: string): Uint8Array<ArrayBuffer> {
  const file = fileOf(path);
  return Uint8Array.from(existsSync(file) ? readFileSync(file) : gunzipSync(readFileSync(`${file}.gz`)));
}

/** A `.f32` file: little-endian floats. */
export const floatsFixture = (path: string): Float32Array => new Float32Array(fixture(path).buffer);

/** A JSON file, taken to be of the type that the test names. */
export const jsonFixture = <T>(path: string): T => JSON.parse(new TextDecoder().decode(fixture(path))) as T;
