// What a grammar costs while decoding: `node scripts/bench/bench-grammar.mjs MODEL.gguf [tokens] [rounds]`, after `npx vite build --mode node`.
// Answers with and without are made by turns, by the built command line; of each the median of milliseconds per token is told, and the
// ratio to those without.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [model, tokens = '60', rounds = '3'] = process.argv.slice(2);
if (!model) throw new Error('Give the path of a model.');

const schema = {
  type: 'array', minItems: 20,
  items: {
    type: 'object',
    properties: { identifier: { type: 'integer' }, description: { type: 'string', maxLength: 40 }, is_available: { type: 'boolean' } },
    required: ['identifier', 'description', 'is_available'],
  },
};
const folder = mkdtempSync(join(tmpdir(), 'windrow-grammar-'));
const file = (/** @type {string} */ name, /** @type {string} */ text) => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
/** @type {Record<string, string[]>} */
const kinds = {
  'without': [],
  'anything goes': ['--grammar', file('any.gbnf', 'root ::= .{400,}')], // a mask for each token, none of which is known before
  'a schema': ['--schema', file('schema.json', JSON.stringify(schema))],
};

/** @type {Record<string, number[]>} */
const times = {};
try {
  for (let round = 0; round < Number(rounds); round++) {
    for (const [kind, flags] of Object.entries(kinds)) {
      const output = execFileSync(
        process.execPath,
        [
          'bin/windrow.mjs', 'generate', model, '--chat', 'Write a list of things.', '--temperature', '0.8', '--seed', String(round),
          '--max-tokens', tokens, '--json', ...flags,
        ],
        { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
      );
      const { stats } = JSON.parse(output);
      (times[kind] ??= []).push(stats.decodeMs / (stats.newTokens - 1));
    }
  }
} finally {
  rmSync(folder, { recursive: true });
}
const median = (/** @type {number[]} */ values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const base = median(times.without);
for (const [kind, all] of Object.entries(times)) {
  console.log(`${kind}: ${median(all).toFixed(1)} ms per token, ${(median(all) / base).toFixed(2)} times those without`);
}
