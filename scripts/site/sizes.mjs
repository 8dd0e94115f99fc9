// A vite plugin: prints what a visitor's first load and the worker weigh compressed, and fails the build above the limits.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const limit = 150_000;
const kilobytes = (/** @type {number} */ bytes) => `${(bytes / 1000).toFixed(1)} kB`;

/**
 * `paths` and all that has to be there before they run.
 * @param {Map<string, Buffer>} files
 * @param {string[]} paths
 */
function withImports(files, paths) {
  const all = new Set(paths);
  for (const path of all) { // a set that grows is walked to its end
    for (const [, name] of String(files.get(path) ?? '').matchAll(/(?:from|import)\s?["'`]\.\/([\w.-]+\.js)["'`]/g)) all.add(`assets/${name}`);
  }
  return [...all];
}

/**
 * Compressed bytes of the scripts that the page loads at once, and of the worker's, with those that these import.
 * @param {Map<string, Buffer>} files of the build, by path
 */
export function measure(files) {
  const compressed = (/** @type {string} */ path) => gzipSync(files.get(path) ?? Buffer.alloc(0)).length;
  const page = String(files.get('index.html') ?? '');
  const first = [...page.matchAll(/(?:src|href)="\.\/(assets\/[^"]+\.js)"/g)].map((match) => match[1]);
  const worker = [...files.keys()].filter((path) => /^assets\/worker-[^/]+\.js$/.test(path));
  const total = (/** @type {string[]} */ paths) => withImports(files, paths).reduce((sum, path) => sum + compressed(path), 0);
  return { first: total(first), worker: total(worker) };
}

/** @returns {import('vite').Plugin} */
export function checkSizes() {
  return {
    name: 'check-sizes',
    apply: 'build',
    enforce: 'post',
    writeBundle({ dir = '' }, bundle) {
      const { first, worker } = measure(new Map(Object.keys(bundle).map((path) => [path, readFileSync(join(dir, path))])));
      console.log(`\nFirst load ${kilobytes(first)} of JavaScript, worker ${kilobytes(worker)} (compressed; at most ${kilobytes(limit)} each)`);
      if (first === 0 || worker === 0) this.error('The scripts of the page or its worker were not found, so their sizes are unknown.');
      if (Math.max(first, worker) > limit) this.error('The page or its worker is too large: load less at once.');
    },
  };
}
