// A vite plugin: WGSL without comments and indentation, which are a third of what shaders weigh compressed. Not in dev, where they are read.
import { readFileSync } from 'node:fs';

/** @param {string} text of a WGSL file, which has no block comments and no strings */
export const plain = (text) =>
  text
    .split('\n')
    .map((line) => line.replace(/\/\/.*/, '').trim())
    .filter(Boolean)
    .map((line) => `${line}\n`)
    .join('');

/** @returns {import('vite').Plugin} */
export function plainShaders() {
  return {
    name: 'plain-shaders',
    apply: 'build',
    enforce: 'pre',
    load(id) {
      const file = /^(.*\.wgsl)\?raw$/.exec(id)?.[1];
      return file && `export default ${JSON.stringify(plain(readFileSync(file, 'utf8')))};`;
    },
  };
}
