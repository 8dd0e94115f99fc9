// What a model remembers under a policy of keys and values, against itself with all of them: how far its expectations are apart, how many words of
// records it finds again, which bytes it has for that, and how fast it is. Measured text by text, so that it can be gone on with later.
import { type Loaded } from '../../engine/engine.ts';
import { argmax } from '../../distribution.ts';
import { RequestError } from '../../errors.ts';
import { divergence } from '../fidelity.ts';
import { keptShare } from './kept.ts';
import { type Probes } from './probes.ts';
import { sum } from '../../sum.ts';

export interface Row {
  /** Of keys and values after the texts, as a share of those of all tokens in 16 bits. */
  bytes: number;
  /** Nats for a token, from the full memory. */
  kl: number;
  /** Share of tokens that the full memory thinks likeliest, too. */
  sameToken: number;
  /** Share of words of records that are told right. */
  recall: number;
  tokensPerSecond: number;
}

/** What one text of the probes gives. */
export type Piece = DocumentPiece | RecordsPiece;

export interface DocumentPiece {
  /** Behind its last token. */
  bytes: number;
  /** Of each token nats from the full memory, and 1 where both think the same likeliest. */
  kl: number[];
  same: number[];
  ms: number;
}

export interface RecordsPiece {
  /** Of each word 1 if it was told right. */
  right: number[];
}

/** How a document went on: after each of its tokens but the last the logits. */
export interface DocumentRun extends Pick<DocumentPiece, 'bytes' | 'ms'> {
  logits: Float32Array[];
}

/** Where a text stands that was not run to its end. */
export interface Paused {
  /** Tokens of it that were run. */
  tokens: number;
  /** What was measured by then: as `DocumentRun` has it, and of each record that was asked the words. */
  ms: number;
  logits: Float32Array[];
  right: number[][];
  /** The conversation, as it is saved. */
  sequence: Uint8Array<ArrayBuffer>;
}

/** How far a text is run at a time. */
export interface Pace {
  from?: Paused;
  /** Whether to stop here, asked after each step. */
  isOver(): boolean;
  /** Milliseconds. */
  now(): number;
}

/** Words of a record that are asked. */
const asked = 7;

/** What conversations are saved of: they are gone on from with the same model and probes alone. */
const savedOf = 'probes';

const mean = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0) / numbers.length;

/** The index over keys that a policy plans (`AnswerPlan`). */
const indexOf = ({ model: { sequence: { shaped } } }: Loaded) =>
  shaped?.shape.plan.layers.flatMap((sets) => sets.flatMap(({ answered }) => answered?.index ?? []))[0];

/** An index is no part of what is saved: a text under a policy that has one is run in one go. RequestError where it is to be gone on with. */
function paceOf(loaded: Loaded, pace: Pace): Pace {
  if (!indexOf(loaded)) return pace;
  if (pace.from) throw new RequestError('It is of a policy with an index over keys, which is no part of what is saved.');
  return { ...pace, isOver: () => false };
}

/** RequestError where what is measured would be something else than was asked for. */
function checkIndexed(loaded: Loaded, length: number): void {
  const index = indexOf(loaded);
  const { policy, room } = loaded.model.sequence.shaped?.shape ?? {};
  if (!index || loaded.model.sequence.shaped!.away!.answers!.counters.index?.keys) return;
  throw new RequestError(
    `kv is ${policy!.name}, whose index is for ${index.least} slots of a head or more; of a text of ${length} tokens, with a context of ${room!.context}, ` +
    'none was made, and what is measured would be the memory without it. Give a longer text, or a smaller kvOptions.least.',
  );
}

/** Reads a text from where it stands; gives how many tokens of it were run. */
async function read(loaded: Loaded, prompt: readonly number[], { from, isOver }: Pace): Promise<number> {
  const { model, runner } = loaded;
  if (from) await model.sequence.restore(from.sequence, savedOf);
  let done = from?.tokens ?? 0;
  while (done < prompt.length) {
    done += await runner.feedChunk(prompt.slice(done), done);
    if (isOver()) break;
  }
  if (done >= prompt.length) checkIndexed(loaded, prompt.length);
  return done;
}

const pause = async ({ model }: Loaded, rest: Omit<Paused, 'sequence'>): Promise<Paused> => ({ ...rest, sequence: await model.sequence.save(savedOf) });

/** Of a model that has room for the text. */
export async function runDocument(loaded: Loaded, { prompt, more }: Probes['documents'][number], given: Pace): Promise<DocumentRun | Paused> {
  const { model, runner } = loaded;
  const pace = paceOf(loaded, given);
  const { from, isOver, now } = pace;
  let tokens = await read(loaded, prompt, pace);
  const logits = [...(from?.logits ?? [])];
  let ms = from?.ms ?? 0;
  if (tokens < prompt.length) return pause(loaded, { tokens, ms, logits, right: [] });
  while (logits.length < more.length - 1) {
    const begun = now();
    await runner.feed([more[logits.length]], tokens++, undefined, true);
    logits.push(await runner.readLogits());
    ms += now() - begun;
    if (logits.length < more.length - 1 && isOver()) return pause(loaded, { tokens, ms, logits, right: [] });
  }
  await runner.feed(more.slice(-1), tokens, undefined, true); // what it is followed by is not asked
  return { logits, bytes: await keptShare(model), ms };
}

/** Against the same document with all keys and values. */
export const documentPiece = ({ logits, bytes, ms }: DocumentRun, full: readonly Float32Array[]): DocumentPiece => ({
  bytes, ms, kl: logits.map((found, i) => divergence(full[i], found)), same: logits.map((found, i) => Number(argmax(full[i]) === argmax(found))),
});

/** Of a model that has room for two conversations of that length. */
export async function runRecords(
  loaded: Loaded, { prompt, records, given }: Probes['records'][number] & Pick<Probes, 'given'>, asPaced: Pace,
): Promise<RecordsPiece | Paused> {
  const pace = paceOf(loaded, asPaced);
  const tokens = await read(loaded, prompt, pace);
  const right = [...(pace.from?.right ?? [])];
  const paused = () => pause(loaded, { tokens, ms: 0, logits: [], right });
  if (tokens < prompt.length) return paused();
  while (right.length < records.length) {
    right.push(await ask(loaded, prompt.length, records[right.length], given));
    if (right.length < records.length && pace.isOver()) return paused();
  }
  return { right: right.flat() };
}

/** Of each word behind those that are given 1 if it is told right: in a conversation that is a copy of the one that has read the text. */
async function ask(loaded: Loaded, position: number, record: readonly number[], given: number): Promise<number[]> {
  const { model: { sequence }, runner } = loaded;
  const words = record.slice(0, Math.min(record.length, given + asked) - 1);
  const copy = await sequence.fork();
  try {
    const of = runner.of(copy);
    const right: number[] = [];
    for (const [i, id] of words.entries()) {
      await of.feed([id], position + i, undefined, true);
      if (i + 1 >= given) right.push(Number(argmax(await of.readLogits()) === record[i + 1]));
    }
    return right;
  } finally {
    copy.close();
  }
}

/** The row of all texts. */
export function rowOf(pieces: readonly Piece[]): Row {
  const documents = pieces.filter((piece) => 'kl' in piece);
  const records = pieces.filter((piece) => 'right' in piece);
  const kl = documents.flatMap((piece) => piece.kl);
  return {
    bytes: mean(documents.map(({ bytes }) => bytes)), kl: mean(kl), sameToken: mean(documents.flatMap(({ same }) => same)),
    recall: mean(records.flatMap(({ right }) => right)), tokensPerSecond: (1000 * kl.length) / sum(documents.map(({ ms }) => ms)),
  };
}
