// A row of the table of policies, measured text by text of the probes, for as long as there is time: who loads the model, and where pieces are kept, is
// handed in.
import { type Loaded } from '../../engine/engine.ts';
import { RequestError } from '../../errors.ts';
import { type WrittenPolicy } from '../../kv/written.ts';
import { type Pieces, goOn } from './pieces.ts';
import { type Material, type Probes } from './probes.ts';
import { type Pace, type Paused, documentPiece, rowOf, runDocument, runRecords } from './row.ts';
import { type NamedRow } from './table.ts';

export interface Measuring {
  probes: Probes;
  pieces: Pieces;
  /** Runs something on the model under a policy, or with all keys and values, with room for a conversation of `longestOf(probes)` and a copy. */
  loaded(choice: WrittenPolicy | undefined, run: (model: Loaded) => Promise<void>): Promise<void>;
  /** Whether the time is over, asked after each step. */
  isOver(): boolean;
  /** Milliseconds. */
  now(): number;
  /** Is told where a text stands. */
  say?(line: string): void;
}

/** Documents, and then texts with records. */
const textsOf = ({ documents, records }: Probes) => [...documents, ...records];

/** As the texts of a policy call the run that they are compared with. */
const fullMemory = 'full';

/** The row of a policy, `name` as it was written; undefined where the time was over before. */
export async function measureRow(measuring: Measuring, name: string, choice: WrittenPolicy): Promise<NamedRow | undefined> {
  await measureTexts(measuring, name, choice);
  const { pieces, probes } = measuring;
  const found = textsOf(probes).flatMap((_, text) => pieces.of(name, text) ?? []);
  return found.length < textsOf(probes).length ? undefined : { policy: name, ...rowOf(found) };
}

/** Runs a text from where it stands; undefined where the time was over before its end. */
async function runText<T extends object>(
  { pieces, probes, isOver, now, say = () => {} }: Measuring, policy: string, text: number, run: (pace: Pace) => Promise<T | Paused>,
): Promise<T | undefined> {
  const name = `${policy}: text ${text + 1} of ${textsOf(probes).length}`;
  const found = await goOn(pieces, policy, text, {
    isOver, now,
    onAnew: (why) => say(`${name}, from its beginning, as what was kept of it is not of what runs now: ${why}`),
    onPaused: (tokens) => say(`${name}, ${tokens} tokens so far`),
  }, run);
  if (found) say(name);
  return found;
}

/** Measures the texts of a policy that were not, and what the full memory expects of them, while there is time. */
async function measureTexts(measuring: Measuring, policy: string, choice: WrittenPolicy): Promise<void> {
  const { pieces, probes, isOver, loaded } = measuring;
  const missing = textsOf(probes).flatMap((text, i) => (pieces.of(policy, i) ? [] : [{ text, i }]));
  const rowsOf = ({ more }: Probes['documents'][number]) => more.length - 1;
  const expected: number[] = [];
  for (const { text, i } of missing) if ('more' in text && !(await pieces.logits(i, rowsOf(text)))) expected.push(i);
  let done = true;
  if (expected.length)
    await loaded(undefined, async (model) => {
      for (const i of expected) {
        const run = await runText(measuring, fullMemory, i, (pace) => runDocument(model, probes.documents[i], pace));
        if (run) await pieces.keepLogits(i, run.logits);
        if (!(done = run !== undefined && !isOver())) return;
      }
    });
  if (!done || !missing.length) return;
  await loaded(choice, async (model) => {
    for (const { text, i } of missing) {
      if ('more' in text) {
        const run = await runText(measuring, policy, i, (pace) => runDocument(model, text, pace));
        if (run) await pieces.keep(policy, i, documentPiece(run, (await pieces.logits(i, rowsOf(text)))!));
      } else {
        const piece = await runText(measuring, policy, i, (pace) => runRecords(model, { ...text, given: probes.given }, pace));
        if (piece) await pieces.keep(policy, i, piece);
      }
      if (isOver()) return;
    }
  });
}

/** What probes are made of in a text: words are tokens of it that are a space and letters. */
export function materialOf({ text: words }: Pick<Loaded, 'text'>, text: string): Material {
  if (!words) throw new RequestError('The file has no tokenizer, so that no probes can be made of a text. Give probes as token ids.');
  const { tokenizer } = words;
  const ids = tokenizer.encode(text);
  return {
    ids, words: [...new Set(ids)].filter((id) => /^ \p{L}{3,}$/u.test(tokenizer.decode([id]))),
    opening: tokenizer.encode('\nThe record is', { addSpecial: false }),
  };
}
