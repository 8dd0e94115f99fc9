// @ts-check
// A vite plugin: has the built engine know a hash of the sources that record, measure and test kernels, so that what an earlier release noted of
// them holds as long as these are the same. The shaders are no part of it: the engine hashes what it has of them.
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const folders = ['formats', 'gpu', 'kv', 'model', 'reference', 'engine/load', 'engine/measure'];

/** @param {string} root of the sources */
export function recordingSources(root = join(import.meta.dirname, '../../src')) {
  const all = folders.flatMap((folder) => readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(root, folder, name)));
  return all.filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts')).sort();
}

/** @param {string[]} texts */
export const hashOf = (texts) => createHash('sha256').update(texts.join('\0')).digest('hex').slice(0, 16);

/** @returns {import('vite').Plugin} */
export const recordedBy = () => ({
  name: 'recorded-by',
  config: () => ({ define: { __RECORDED_BY__: JSON.stringify(hashOf(recordingSources().map((path) => readFileSync(path, 'utf8')))) } }),
});
