// Regenerates the table of docs/kv.md, row by row: what is in bench/kv-rows.jsonl is not measured again, so that it can be broken off and gone on with.
// Use: node scripts/bench/kv-table.mjs MODEL [policy...]
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { rowsOf } from './kv-rows.mjs';

const limits = JSON.parse(readFileSync('test/fixtures/kv/limits.json', 'utf8'));
const rows = 'bench/kv-rows.jsonl';
const probes = 'test/fixtures/kv/probes.json';
const [begin, end] = ['<!-- rows of policies -->', '<!-- end of rows -->'];

const [model, ...asked] = process.argv.slice(2);
if (!model) {
  console.error('Use: node scripts/bench/kv-table.mjs MODEL [policy...]');
  process.exit(1);
}
const heads = ['--kv-heads', 'test/fixtures/kv/heads.SmolLM2-135M.json'];
/** One process for each row, as a device that is lost ends all that one has measured. */
for (const policy of asked.length ? asked : Object.keys(limits)) {
  const needs = /^(duo|razor|spans|lserve)/.test(policy) ? heads : [];
  const options = ['--policies', policy, '--probes', probes, '--rows', rows, ...needs];
  const { status } = spawnSync('node', ['bin/windrow.mjs', 'kv', model, ...options], { stdio: 'inherit' });
  if (status !== 0) console.error(`${policy} could not be measured.`);
}

const measured = rowsOf(rows, { model, bytes: statSync(model).size, probes: readFileSync(probes, 'utf8') });
const within = ({ kl, recall, bytes }, limit) => kl <= limit.kl && recall >= limit.recall && bytes <= limit.bytes;
const lines = Object.entries(limits).flatMap(([policy, limit]) => {
  const row = measured.get(policy);
  if (!row) return [];
  const cells = [policy, row.bytes.toFixed(3), row.kl.toFixed(4), row.recall.toFixed(2), `${limit.bytes} / ${limit.kl} / ${limit.recall}`];
  return [`| ${[...cells, within(row, limit) ? 'yes' : 'no', row.tokensPerSecond.toFixed(1)].join(' | ')} |`];
});
const table = ['| policy | bytes | KL | recall | limits | within | tokens/s |', '|---|---|---|---|---|---|---|', ...lines].join('\n');
const doc = readFileSync('docs/kv.md', 'utf8');
const [before, after] = [doc.split(begin)[0], doc.split(end)[1]];
if (after === undefined) throw new Error(`docs/kv.md has no ${begin} and ${end}.`);
writeFileSync('docs/kv.md', `${before}${begin}\n${table}\n${end}${after}`);
console.log(table);
