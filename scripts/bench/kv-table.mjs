// Regenerates the table of docs/kv.md, row by row and step by step: what bench/kv-rows.jsonl and .cache/kv-pieces have is not measured again, so that it can be
// broken off and gone on with. Use: node scripts/bench/kv-table.mjs MODEL [--seconds N] [policy...]; after N seconds it stops.
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { rowsOf } from './kv-rows.mjs';

const limits = JSON.parse(readFileSync('test/fixtures/kv/limits.json', 'utf8'));
const rows = 'bench/kv-rows.jsonl';
const probes = 'test/fixtures/kv/probes.json';
const [begin, ended] = ['<!-- rows of policies -->', '<!-- end of rows -->'];

const { values, positionals: [model, ...asked] } = parseArgs({ allowPositionals: true, options: { seconds: { type: 'string' } } });
if (!model) {
  console.error('Use: node scripts/bench/kv-table.mjs MODEL [--seconds N] [policy...]');
  process.exit(1);
}
const seconds = Number(values.seconds ?? Infinity);
if (!(seconds > 0)) {
  console.error(`--seconds is "${values.seconds}"; it must be a number above 0, such as 60.`);
  process.exit(1);
}
const end = Date.now() + 1000 * seconds;
const measuredAlready = () => rowsOf(rows, of, { orNone: true });
const headsFile = 'test/fixtures/kv/heads.SmolLM2-135M.json';
const of = { model, bytes: statSync(model).size, probes: readFileSync(probes, 'utf8'), heads: JSON.parse(readFileSync(headsFile, 'utf8')).scores };
const heads = ['--kv-heads', headsFile];
/** One process for each row, as a device that is lost ends all that one has measured. */
for (const policy of asked.length ? asked : Object.keys(limits)) {
  if (measuredAlready().has(policy)) continue;
  if (Date.now() >= end) break;
  const needs = /^(duo|razor|spans|lserve)/.test(policy) ? heads : [];
  const options = ['--policies', policy, '--probes', probes, '--rows', rows, '--pieces', '.cache/kv-pieces', ...needs];
  if (values.seconds) options.push('--seconds', String(Math.ceil((end - Date.now()) / 1000)));
  const { status } = spawnSync('node', ['bin/windrow.mjs', 'kv', model, ...options], { stdio: 'inherit' });
  if (status !== 0) console.error(`${policy} could not be measured.`);
}

if (values.seconds && !measuredAlready().size) {
  console.log('No row is whole yet: the same command goes on.');
  process.exit();
}
const measured = rowsOf(rows, of);
const within = ({ kl, recall, bytes }, limit) => kl <= limit.kl && recall >= limit.recall && bytes <= limit.bytes;
const lines = Object.entries(limits).flatMap(([policy, limit]) => {
  const row = measured.get(policy);
  if (!row) return [];
  const cells = [policy, row.bytes.toFixed(3), row.kl.toFixed(4), row.recall.toFixed(2), `${limit.bytes} / ${limit.kl} / ${limit.recall}`];
  return [`| ${[...cells, within(row, limit) ? 'yes' : 'no', row.tokensPerSecond.toFixed(1)].join(' | ')} |`];
});
const table = ['| policy | bytes | KL | recall | limits | within | tokens/s |', '|---|---|---|---|---|---|---|', ...lines].join('\n');
const doc = readFileSync('docs/kv.md', 'utf8');
const [before, after] = [doc.split(begin)[0], doc.split(ended)[1]];
if (after === undefined) throw new Error(`docs/kv.md has no ${begin} and ${ended}.`);
writeFileSync('docs/kv.md', `${before}${begin}\n${table}\n${ended}${after}`);
console.log(table);
