// windrow kv: what a model remembers under policies of keys and values, against itself with all of them, as a table; row by row and text by text, so that
// it can be gone on with later.
import { appendFile, readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Material, type Probes, checkProbes, longestOf, probesOf } from '../../bench/memory/probes.ts';
import { type Pace, type Paused, documentPiece, rowOf, runDocument, runRecords } from '../../bench/memory/row.ts';
import { type NamedRow, textOf } from '../../bench/memory/table.ts';
import { type Engine, type Loaded } from '../../engine/engine.ts';
import { RequestError } from '../../errors.ts';
import { kvName } from '../../kv/policies/names.ts';
import { readLines } from '../json-lines.ts';
import { type Pieces, goOn, hash, piecesIn, piecesInMemory, settingsOf } from './kv-pieces.ts';
import { type ModelFlags, parseKvOptions, readJson, withEngine } from '../options.ts';
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

/** `snapkv:share=0.5,window=16` */
export function parsePolicy(text: string): { kv: string; kvOptions?: Record<string, number> } {
  const [name, ...options] = text.split(':');
  return { kv: kvName(name), ...(options.length && { kvOptions: parseKvOptions(options.join(':')) }) };
}

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
    const work: Work = {
      path, flags, probes, pieces: flags.pieces === undefined ? piecesInMemory() : await piecesIn(flags.pieces, of), isOver: after(flags.seconds),
    };
    for (const { policy, ...choice } of left) {
      await measureTexts(work, policy, choice);
      const pieces = textsOf(probes).flatMap((_, text) => work.pieces.of(policy, text) ?? []);
      if (pieces.length < textsOf(probes).length) break; // the time is over
      const row = { policy, ...rowOf(pieces), of };
      known.set(policy, row);
      if (flags.rows) await appendFile(flags.rows, `${JSON.stringify(row)}\n`);
      process.stderr.write(`${policy}: KL ${row.kl.toFixed(4)}, recall ${row.recall.toFixed(2)}, ${row.bytes.toFixed(3)} of the bytes of f16\n`);
      if (work.isOver()) break;
    }
  }
  const rows = asked.flatMap(({ policy }) => known.get(policy) ?? []);
  return { json: { rows, left: asked.length - rows.length }, text: textOf(rows, asked.length, flags.markdown) };
}

interface Work {
  path: string;
  flags: Flags;
  probes: Probes;
  pieces: Pieces;
  /** Whether the time is over. */
  isOver(): boolean;
}

function after(seconds = Infinity): () => boolean {
  const begun = performance.now();
  return () => performance.now() - begun >= 1000 * seconds;
}

/** Documents, and then texts with records. */
const textsOf = ({ documents, records }: Probes) => [...documents, ...records];

/** Runs a text from where it stands; undefined where the time was over before its end. */
async function runText<T extends object>(work: Work, policy: string, text: number, run: (pace: Pace) => Promise<T | Paused>): Promise<T | undefined> {
  const { pieces, isOver, flags } = work;
  const name = `${policy}: text ${text + 1} of ${textsOf(work.probes).length}`;
  const say = (more: string) => flags.pieces !== undefined && process.stderr.write(`${name}${more}\n`);
  const found = await goOn(pieces, policy, text, {
    isOver, now: () => performance.now(),
    onAnew: (why) => say(`, from its beginning, as what is in ${flags.pieces} is not of what runs now: ${why}`),
    onPaused: (tokens) => say(`, ${tokens} tokens so far`),
  }, run);
  if (found) say('');
  return found;
}

/** As the texts of a policy call the run that they are compared with. */
const fullMemory = 'full';

/** Measures the texts of a policy that were not, and what the full memory expects of them, while there is time. */
async function measureTexts(work: Work, policy: string, choice: Partial<ModelFlags>): Promise<void> {
  const { pieces, probes, flags } = work;
  const missing = textsOf(probes).flatMap((text, i) => (pieces.of(policy, i) ? [] : [{ text, i }]));
  const rowsOf = ({ more }: Probes['documents'][number]) => more.length - 1;
  const expected: number[] = [];
  for (const { text, i } of missing) if ('more' in text && !(await pieces.logits(i, rowsOf(text)))) expected.push(i);
  const full = { ...flags, kv: flags.f32 ? 'f32' : 'f16', kvOptions: undefined, kvHeads: undefined };
  let done = true;
  if (expected.length)
    await loaded(work, full, async (model) => {
      for (const i of expected) {
        const run = await runText(work, fullMemory, i, (pace) => runDocument(model, probes.documents[i], pace));
        if (run) await pieces.keepLogits(i, run.logits);
        if (!(done = run !== undefined && !work.isOver())) return;
      }
    });
  if (!done || !missing.length) return;
  await loaded(work, { ...flags, kvOptions: undefined, ...choice }, async (model) => {
    for (const { text, i } of missing) {
      if ('more' in text) {
        const run = await runText(work, policy, i, (pace) => runDocument(model, text, pace));
        if (run) await pieces.keep(policy, i, documentPiece(run, (await pieces.logits(i, rowsOf(text)))!));
      } else {
        const piece = await runText(work, policy, i, (pace) => runRecords(model, { ...text, given: probes.given }, pace));
        if (piece) await pieces.keep(policy, i, piece);
      }
      if (work.isOver()) return;
    }
  });
}

/** Loaded with room for a conversation and a copy of it. */
const loaded = ({ path, probes }: Work, flags: ModelFlags, run: (model: Loaded) => Promise<void>): Promise<void> =>
  withEngine(path, { ...flags, context: flags.context ?? longestOf(probes), sequences: 2 }, (engine) => run(engine.loaded()));

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
