// What the page measures of a model on the visitor's texts: perplexity, the divergence of another one, questions with choices. Knows no elements.
import { divergence, type Divergence } from '../../api/divergence.ts';
import { type Engine, type ModelOptions } from '../../api/engine.ts';
import { type KvType, type ModelInfo } from '../../protocol.ts';
import { type LoadChoices } from '../models/model-loader.ts';
import { type MultipleChoice, multipleChoice, type Perplexity, perplexity, type Question } from '../../api/evaluate.ts';

export interface EvaluationTask {
  /** May be empty where there are questions. */
  text: string;
  /** A JSON array of { prompt, choices, answer }, or empty. */
  questions: string;
  /** Most bytes of a chunk; undefined: what suits. */
  chunkBytes?: number;
  /** Loads what the model is compared with, within so many tokens; undefined to compare with nothing. */
  openOther?: (context: number, signal: AbortSignal) => Promise<Engine>;
}

/** As `windrow eval --json` gives it, with what it is of. */
export interface Evaluation {
  model: ReturnType<typeof describe>;
  chunkBytes?: number;
  perplexity?: Perplexity;
  against?: { model: ReturnType<typeof describe>; perplexity: Perplexity } & Divergence;
  questions?: MultipleChoice;
}

/** Of texts that are compared, as the probabilities of the whole vocabulary are held for each token: about a hundred. */
const comparedBytes = 400;
const scoredBytes = 2048;
/** Tokens beside those of a text: what a tokenizer puts before it, and the room for an answer. No token has less than a byte. */
const besideText = 8;

/** `tell`: what is under way. Rejects with the signal's reason, and as the API does. */
export async function evaluate(engine: Engine, task: EvaluationTask, tell: (words: string) => void, signal: AbortSignal): Promise<Evaluation> {
  const { text, openOther } = task;
  const questions = readQuestions(task.questions);
  if (text.trim() === '' && (openOther || !questions)) throw new TypeError('There is nothing to measure. Give a text or questions.');
  const { context } = engine.info;
  const chunkBytes = Math.min(task.chunkBytes ?? (openOther ? comparedBytes : scoredBytes), context - besideText);
  const chunks = text.trim() === '' ? undefined : cut(text, chunkBytes);
  const progress = (what: string) => ({ signal, onProgress: (done: number, of: number) => tell(`${what} ${done} of ${of}…`) });
  const scored = chunks && (await perplexity(engine, chunks, { ...progress('Text'), leavesOutShort: true }));
  const measured = chunks?.filter((_, i) => !scored?.leftOut?.includes(i));
  let against: Evaluation['against'];
  if (openOther && measured) {
    tell('Loading the other…');
    const other = await openOther(Math.min(context, chunkBytes + besideText), signal);
    try {
      const theirs = await perplexity(other, measured, progress('Text of the other'));
      against = { model: describe(other), perplexity: theirs, ...(await divergence(engine, other, measured, progress('Comparison'))) };
    } finally {
      await other.unload();
    }
  }
  const chosen = questions && (await multipleChoice(engine, questions, progress('Question')));
  return { model: describe(engine), ...(chunks && { chunkBytes, perplexity: scored }), ...(against && { against }), ...(chosen && { questions: chosen }) };
}

function describe({ info: { id, name, architecture, fileBytes, adapters, kv, kvPolicy, adapter, kernels } }: Engine) {
  return { id, name, architecture, fileBytes, adapters, kv, kvPolicy, adapter, kernels };
}

/**
 * The same model with another memory of conversations, or with a LoRA adapter, or another model with this one's memory; what else is as the first was
 * loaded.
 */
export type Other = { kv: KvType } | { adapter: File; scale: number } | { model: string };

/** As options of a load call its memory of conversations. */
export const memoryOf = ({ kv, kvPolicy }: Pick<ModelInfo, 'kv' | 'kvPolicy'>): KvType => kvPolicy?.name ?? kv;

/** `choices`: of the load of the first. */
export function optionsOfOther({ info }: Pick<Engine, 'info'>, choices: LoadChoices, other: Other): Omit<ModelOptions, 'signal'> {
  if ('kv' in other) return { ...choices, model: { stored: info.id }, kv: other.kv, kvOptions: undefined };
  const memory = { kv: memoryOf(info), kvOptions: info.kvPolicy?.options };
  if ('adapter' in other) return { ...choices, ...memory, model: { stored: info.id }, adapters: [{ source: other.adapter, scale: other.scale }] };
  return { ...choices, ...memory, model: { stored: other.model } };
}

/** For people, with the names of what they are. */
export function resultsOf({ perplexity: scored, against, questions }: Evaluation): [name: string, value: string][] {
  const percent = (share: number | undefined): string => (share === undefined ? 'not known' : `${(100 * share).toFixed(1)} %`);
  return [
    ...(scored ? [['Perplexity', `${scored.perplexity.toFixed(3)} over ${scored.scored} tokens${withoutShort(scored)}`] as [string, string]] : []),
    ...(against
      ? ([
          ['Perplexity of the other', against.perplexity.perplexity.toFixed(3)],
          ['Divergence on average', `${toNats(against.meanKl)} (at most ${toNats(against.mostKl)})`],
          ['Same likeliest token', percent(against.sameToken)],
        ] as [string, string][])
      : []),
    ...(questions
      ? ([
          ['Questions', String(questions.questions.length)],
          ['Right', percent(questions.accuracy)],
          ['Right by bytes', percent(questions.accuracyPerByte)],
        ] as [string, string][])
      : []),
  ];
}

const withoutShort = ({ leftOut = [] }: Perplexity): string =>
  leftOut.length ? `, without ${leftOut.length === 1 ? 'a chunk' : `${leftOut.length} chunks`} of a single token` : '';
const toNats = (value: number): string => `${value === 0 || value >= 1e-3 ? value.toFixed(4) : value.toExponential(1)} nats`;

/** In as few pieces as it takes and of about the same length, each of at most `most` bytes, between words where that can be. */
export function cut(text: string, most: number): string[] {
  const words = text.match(/\s*\S+|\s+$/g) ?? [];
  const pieces = words.flatMap((word) => (byteLength(word) <= most ? [word] : splitWord(word, most)));
  const even = byteLength(text) / Math.ceil(byteLength(text) / most);
  const chunks: string[] = [];
  let [chunk, bytes, before] = ['', 0, 0];
  for (const piece of pieces) {
    const more = byteLength(piece);
    if (bytes > 0 && (bytes + more > most || before + bytes + more / 2 > (chunks.length + 1) * even)) {
      chunks.push(chunk);
      [chunk, bytes, before] = ['', 0, before + bytes];
    }
    [chunk, bytes] = [chunk + piece, bytes + more];
  }
  return bytes > 0 ? [...chunks, chunk] : chunks;
}

function splitWord(word: string, most: number): string[] {
  const pieces: string[] = [''];
  for (const char of word) {
    if (byteLength(pieces.at(-1)! + char) > most && pieces.at(-1) !== '') pieces.push('');
    pieces[pieces.length - 1] += char;
  }
  return pieces;
}

const byteLength = (text: string): number => new TextEncoder().encode(text).length;

/** Each is checked by the API. @throws TypeError if it is no list. */
function readQuestions(text: string): Question[] | undefined {
  if (text.trim() === '') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text) as unknown;
  } catch (error) {
    throw new TypeError(`The questions are no JSON: ${(error as Error).message}.`, { cause: error });
  }
  const isList = Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'object' && each !== null);
  if (!isList) throw new TypeError('The questions have to be a JSON array of { "prompt", "choices", "answer" }, with at least one.');
  return value as Question[];
}
