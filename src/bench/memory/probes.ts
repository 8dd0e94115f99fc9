// What a memory is asked: how a text goes on, and words of records that were read among other text.
import { RequestError } from '../../errors.ts';
import { mulberry32 } from '../../random.ts';

export interface Probes {
  /** Tokens of a record that are given again; the words behind them are asked. */
  given: number;
  /** Texts as token ids: what is read, and how it goes on. */
  documents: { prompt: number[]; more: number[] }[];
  /** Texts with records in them, each an opening and words. */
  records: { prompt: number[]; records: number[][] }[];
}

/** What probes are made of. */
export interface Material {
  /** Token ids of a text. */
  ids: readonly number[];
  /** Ids of words, which records are made of. */
  words: readonly number[];
  /** Ids that every record begins with. */
  opening: readonly number[];
}

export interface Sizes {
  /** Tokens that are read, and that follow. */
  prompt: number;
  more: number;
  /** Records of a text, words of each, and tokens of text before each. */
  records: number;
  words: number;
  between: number;
}

/** Those of the table in docs/kv.md. */
const usual: Sizes = { prompt: 1024, more: 96, records: 9, words: 12, between: 75 };
/** Words of a record that are given. */
const givenWords = 4;

/** One text of each kind. RequestError for a text that is too short for them. */
export function probesOf({ ids, words, opening }: Material, { prompt, more, records, words: each, between } = usual): Probes {
  const needed = Math.max(prompt + more, (records + 1) * between);
  if (ids.length < needed) throw new RequestError(`The text has ${ids.length} tokens; ${needed} are needed. Give a longer one.`);
  if (words.length < records * each)
    throw new RequestError(`The text has ${words.length} words that are one token; records need ${records * each} different ones. Give a longer one.`);
  const chosen = shuffled(words);
  const asked = Array.from({ length: records }, (_, i) => [...opening, ...chosen.slice(i * each, (i + 1) * each)]);
  const text = (from: number) => ids.slice(from * between, (from + 1) * between);
  return {
    given: opening.length + givenWords,
    documents: [{ prompt: ids.slice(0, prompt), more: ids.slice(prompt, prompt + more) }],
    records: [{ prompt: [...asked.flatMap((record, i) => [...text(i), ...record]), ...text(records)], records: asked }],
  };
}

/** The same for the same list. */
function shuffled(all: readonly number[]): number[] {
  const next = mulberry32(1);
  const left = [...all];
  return all.map(() => left.splice(Math.floor(next() * left.length), 1)[0]);
}

/** Probes as JSON has them. RequestError for what is none. */
export function checkProbes(value: unknown, name: string): Probes {
  const ids = (list: unknown): boolean => Array.isArray(list) && list.length > 0 && list.every((id) => Number.isInteger(id) && (id as number) >= 0);
  const { given, documents, records } = (value ?? {}) as Record<string, unknown>;
  const all = (list: unknown, fits: (each: Record<string, unknown>) => boolean): boolean =>
    Array.isArray(list) && list.length > 0 && list.every((each) => typeof each === 'object' && each !== null && fits(each as Record<string, unknown>));
  const isRecord = (record: unknown): boolean => ids(record) && (record as number[]).length > (given as number);
  const fits = Number.isInteger(given) && (given as number) > 0 && all(documents, ({ prompt, more }) => ids(prompt) && ids(more))
    && all(records, (each) => ids(each.prompt) && Array.isArray(each.records) && each.records.length > 0 && each.records.every(isRecord));
  if (fits) return value as Probes;
  throw new RequestError(
    `${name} has to be { given, documents: [{ prompt, more }], records: [{ prompt, records }] }: token ids, and records longer than the \`given\` tokens.`,
  );
}

/** Positions that probes take at most. */
export const longestOf = ({ documents, records }: Probes): number => Math.max(
  ...documents.map(({ prompt, more }) => prompt.length + more.length),
  ...records.map(({ prompt, records: asked }) => prompt.length + Math.max(...asked.map(({ length }) => length))),
);
