// windrow kv: what a model remembers under policies of keys and values, against itself with all of them, as a table; row by row and text by text, so that
// it can be gone on with later.
import { appendFile, readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Measuring, materialOf, measureRow } from '../../bench/memory/measure.ts';
import { piecesInMemory } from '../../bench/memory/pieces.ts';
import { type Probes, checkProbes, longestOf, probesOf } from '../../bench/memory/probes.ts';
import { type NamedRow, textOf } from '../../bench/memory/table.ts';
import { RequestError } from '../../errors.ts';
import { parsePolicy } from '../../kv/written.ts';
import { readLines } from '../json-lines.ts';
import { hash, piecesIn, settingsOf } from './kv-pieces.ts';
import { type ModelFlags, readJson, withEngine } from '../options.ts';
import { type Result } from '../result.ts';

interface Flags extends ModelFlags {
  policies: string[];
  text?: string;
  probes?: string;
  rows?: string;
  pieces?: string;
  seconds?: number;
  markdown?: boolean;
}

/** A row in a file of them, with what it was measured of. */
type Stored = NamedRow & { of: string };

export async function kv(path: string, flags: Flags): Promise<Result> {
  const asked = flags.policies.map((policy) => ({ policy, ...parsePolicy(policy) }));
  if ((flags.text === undefined) === (flags.probes === undefined)) throw new RequestError('Give one of --text and --probes.');
  if (flags.seconds !== undefined && flags.pieces === undefined)
    throw new RequestError('--seconds goes with --pieces FOLDER: what was measured of a row that is not whole is kept there, and is lost without it.');
  const given = await readFile(flags.text ?? flags.probes!, 'utf8');
  const of = `${basename(path)} ${(await stat(path)).size} ${hash(given)}${settingsOf(flags)}`;
  const stored = flags.rows ? await readLines<Stored>('--rows', flags.rows, 'row') : [];
  const known = new Map(stored.filter((row) => row.of === of).map((row) => [row.policy, row]));
  const left = asked.filter(({ policy }) => !known.has(policy));
  if (left.length) {
    const probes = flags.probes === undefined ? await probesOfText(path, flags, given) : checkProbes(await readJson(flags.probes, '--probes'), '--probes');
    const measuring = await measuringOf(path, flags, probes, of);
    for (const { policy, ...choice } of left) {
      const row = await measureRow(measuring, policy, choice);
      if (!row) break; // the time is over
      known.set(policy, { ...row, of });
      if (flags.rows) await appendFile(flags.rows, `${JSON.stringify({ ...row, of })}\n`);
      process.stderr.write(`${policy}: KL ${row.kl.toFixed(4)}, recall ${row.recall.toFixed(2)}, ${row.bytes.toFixed(3)} of the bytes of f16\n`);
      if (measuring.isOver()) break;
    }
  }
  const rows = asked.flatMap(({ policy }) => known.get(policy) ?? []);
  return { json: { rows, left: asked.length - rows.length }, text: textOf(rows, asked.length, flags.markdown) };
}

async function measuringOf(path: string, flags: Flags, probes: Probes, of: string): Promise<Measuring> {
  const full = { ...flags, kv: flags.f32 ? 'f32' : 'f16', kvOptions: undefined, kvHeads: undefined };
  const context = flags.context ?? longestOf(probes);
  const pieces = flags.pieces === undefined ? piecesInMemory() : await piecesIn(flags.pieces, of);
  return {
    probes, pieces, isOver: after(flags.seconds), now: () => performance.now(),
    loaded: async (choice, run) => {
      const own = choice ? { ...flags, kvOptions: undefined, ...choice, kvHeads: await headsFor(choice.kv, flags) } : full;
      await withEngine(path, { ...own, context, sequences: 2 }, (engine) => run(engine.loaded()));
    },
    ...(flags.pieces !== undefined && { say: (line: string) => process.stderr.write(`${line}\n`) }),
  };
}

/** Heads are for all policies of a table that tell them apart; others refuse them. */
async function headsFor(kv: string, { kvHeads }: Flags): Promise<Flags['kvHeads']> {
  const { policies } = await import('../../kv/policies/catalogue.ts');
  return policies.get(kv)?.readsHeads ? kvHeads : undefined;
}

function after(seconds = Infinity): () => boolean {
  const begun = performance.now();
  return () => performance.now() - begun >= 1000 * seconds;
}

const probesOfText = (path: string, flags: Flags, text: string): Promise<Probes> =>
  withEngine(path, { ...flags, kv: undefined, kvOptions: undefined, kvHeads: undefined, context: 64 }, (engine) =>
    Promise.resolve(probesOf(materialOf(engine.loaded(), text))));
