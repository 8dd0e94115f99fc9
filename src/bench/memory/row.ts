// What a model remembers under a policy of keys and values, against itself with all of them: how far its expectations are apart, how many words of
// records it finds again, which bytes it has for that, and how fast it is. Measured text by text, so that it can be gone on with later.
import { type Loaded } from '../../engine/engine.ts';
import { argmax } from '../../distribution.ts';
import { divergence } from '../fidelity.ts';
import { keptShare } from './kept.ts';
import { type Probes } from './probes.ts';

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

/** Words of a record that are asked. */
const asked = 7;

const mean = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0) / numbers.length;
const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

/** Of a model that has room for the text. `now`: milliseconds. */
export async function runDocument({ model, runner }: Loaded, { prompt, more }: Probes['documents'][number], now: () => number): Promise<DocumentRun> {
  await runner.feed(prompt, 0);
  const bytes = keptShare(model);
  const logits: Float32Array[] = [];
  let ms = 0;
  for (const [i, id] of more.slice(0, -1).entries()) {
    const begun = now();
    await runner.feed([id], prompt.length + i, undefined, true);
    logits.push(await runner.readLogits());
    ms += now() - begun;
  }
  return { logits, bytes, ms };
}

/** Against the same document with all keys and values. */
export const documentPiece = ({ logits, bytes, ms }: DocumentRun, full: readonly Float32Array[]): DocumentPiece => ({
  bytes, ms, kl: logits.map((found, i) => divergence(full[i], found)), same: logits.map((found, i) => Number(argmax(full[i]) === argmax(found))),
});

/** Of a model that has room for two conversations of that length. */
export async function runRecords(loaded: Loaded, { prompt, records }: Probes['records'][number], given: number): Promise<RecordsPiece> {
  await loaded.runner.feed(prompt, 0);
  const right: number[] = [];
  for (const record of records) right.push(...(await ask(loaded, prompt.length, record, given)));
  return { right };
}

/** Of each word behind those that are given 1 if it is told right, in a conversation that is a copy of the one that has read the text. */
async function ask({ model, runner }: Loaded, position: number, record: readonly number[], given: number): Promise<number[]> {
  const copy = await model.sequence.fork();
  try {
    const of = runner.of(copy);
    const right: number[] = [];
    for (const [i, id] of record.slice(0, Math.min(record.length, given + asked) - 1).entries()) {
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
