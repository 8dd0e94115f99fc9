// windrow kv: what a model remembers under policies of keys and values, against itself with all of them, as a table; row by row, so that it can be gone on
// with later.
import { createHash } from 'node:crypto';
import { appendFile, readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Material, type Probes, checkProbes, longestOf, probesOf } from '../bench/memory/probes.ts';
import { type Run, rowOf, runProbes } from '../bench/memory/row.ts';
import { type NamedRow, cellsOf, markdownOf } from '../bench/memory/table.ts';
import { table } from '../bench/table.ts';
import { type Engine } from '../engine/engine.ts';
import { RequestError } from '../errors.ts';
import { kvName } from '../kv/policies/names.ts';
import { type ModelFlags, parseKvOptions, readJson, withEngine } from './options.ts';
import { type Result } from './result.ts';

interface Flags extends ModelFlags {
  policies: string[];
  text?: string;
  probes?: string;
  rows?: string;
  markdown?: boolean;
}

/** A row in a file of them, with what it was measured of. */
type Stored = NamedRow & { of: string };

/** `snapkv:share=0.5,window=16` */
export function parsePolicy(text: string): { kv: string; kvOptions?: Record<string, number> } {
  const [name, ...options] = text.split(':');
  return { kv: kvName(name), ...(options.length && { kvOptions: parseKvOptions(options.join(':')) }) };
}

export async function kv(path: string, flags: Flags): Promise<Result> {
  const asked = flags.policies.map((policy) => ({ policy, ...parsePolicy(policy) }));
  if ((flags.text === undefined) === (flags.probes === undefined)) throw new RequestError('Give one of --text and --probes.');
  const given = await readFile(flags.text ?? flags.probes!, 'utf8');
  const of = `${basename(path)} ${(await stat(path)).size} ${createHash('sha256').update(given).digest('hex').slice(0, 16)}${flags.f32 ? ' f32' : ''}`;
  const known = new Map((flags.rows ? await readRows(flags.rows) : []).filter((row) => row.of === of).map((row) => [row.policy, row]));
  const left = asked.filter(({ policy }) => !known.has(policy));
  if (left.length) {
    const full = flags.f32 ? 'f32' : 'f16';
    const probes = flags.probes === undefined ? await probesOfText(path, flags, given) : checkProbes(await readJson(flags.probes, '--probes'), '--probes');
    const base = await measured(path, { ...flags, kv: full, kvOptions: undefined, kvHeads: undefined }, probes);
    for (const { policy, ...choice } of left) {
      const run = choice.kv === full ? base : await measured(path, { ...flags, kvOptions: undefined, ...choice }, probes);
      const row = { policy, ...rowOf(run, base), of };
      known.set(policy, row);
      if (flags.rows) await appendFile(flags.rows, `${JSON.stringify(row)}\n`);
      process.stderr.write(`${policy}: KL ${row.kl.toFixed(4)}, recall ${row.recall.toFixed(2)}, ${row.bytes.toFixed(3)} of the bytes of f16\n`);
    }
  }
  const rows = asked.map(({ policy }) => known.get(policy)!);
  const [head, ...cells] = cellsOf(rows);
  return { json: { rows }, text: flags.markdown ? markdownOf(rows) : table(head, cells, 1).join('\n') };
}

/** Loaded with room for a conversation and a copy of it. */
const measured = (path: string, flags: ModelFlags, probes: Probes): Promise<Run> =>
  withEngine(path, { ...flags, context: flags.context ?? longestOf(probes), sequences: 2 }, (engine) =>
    runProbes(engine.loaded(), probes, () => performance.now()));

const probesOfText = (path: string, flags: Flags, text: string): Promise<Probes> =>
  withEngine(path, { ...flags, kv: undefined, kvOptions: undefined, kvHeads: undefined, context: 64 }, (engine) =>
    Promise.resolve(probesOf(materialOf(engine, text))));

/** Words are tokens of the text that are a space and letters. */
function materialOf(engine: Engine, text: string): Material {
  const { tokenizer } = engine.loaded().text ?? {};
  if (!tokenizer) throw new RequestError('The file has no tokenizer; give --probes.');
  const ids = tokenizer.encode(text);
  const words = [...new Set(ids)].filter((id) => /^ \p{L}{3,}$/u.test(tokenizer.decode([id])));
  return { ids, words, opening: tokenizer.encode('\nThe record is', { addSpecial: false }) };
}

async function readRows(path: string): Promise<Stored[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''; // the first time
    throw error;
  });
  return text.split('\n').filter(Boolean).map((line, i) => {
    try {
      return JSON.parse(line) as Stored;
    } catch {
      throw new RequestError(`--rows: line ${i + 1} of ${path} is no JSON. Remove it; its row is measured again.`);
    }
  });
}
