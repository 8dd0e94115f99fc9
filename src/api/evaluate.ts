// How well a model expects given texts, and which of several answers it holds for likeliest: over any engine that tells log-probabilities
// of a prompt (`echo`), in a page, on the command line or on a server.
import { RequestError, shown } from '../errors.ts';
import { type Surface } from './surface.ts';
import { sum } from '../sum.ts';

export type Evaluated = Pick<Surface, 'completions'>;

export interface EvaluateOptions {
  signal?: AbortSignal;
  onProgress?: (done: number, of: number) => void;
}

export interface PerplexityOptions extends EvaluateOptions {
  /** Chunks of a single token, of which nothing can be scored, are left out and named in `leftOut`. Default: such a chunk is refused. */
  leavesOutShort?: boolean;
}

/** Of texts whose tokens were scored, each chunk's first token apart. */
export interface Perplexity {
  /** exp of the mean negative log likelihood of the scored tokens. */
  perplexity: number;
  /** Sum of -ln of the probabilities. */
  totalNll: number;
  scored: number;
  /** Of each chunk; 0 of one that was left out. */
  chunkNll: number[];
  /** Indices of the chunks that were left out, if any were. */
  leftOut?: number[];
}

/** Each chunk, a text or token ids, is scored by itself. @throws RequestError for a chunk of fewer than two tokens, or longer than the context. */
export async function perplexity(engine: Evaluated, chunks: readonly (string | number[])[], options: PerplexityOptions = {}): Promise<Perplexity> {
  if (!chunks.length) throw new RequestError('There is nothing to score: give at least one text.');
  const chunkNll: number[] = [];
  const leftOut: number[] = [];
  let scored = 0;
  for (const chunk of chunks) {
    const { logprobs } = await likelihoods(engine, chunk, options.signal);
    const isLast = chunkNll.length === chunks.length - 1;
    if (!logprobs.length && options.leavesOutShort && (scored || !isLast)) leftOut.push(chunkNll.length);
    else if (!logprobs.length) throw new RequestError(`The chunk ${shown(chunk)} has a single token; at least two are needed, as the first is not scored.`);
    scored += logprobs.length;
    chunkNll.push(-sum(logprobs.map(({ logprob }) => logprob)));
    options.onProgress?.(chunkNll.length, chunks.length);
  }
  const totalNll = sum(chunkNll);
  return { perplexity: Math.exp(totalNll / scored), totalNll, scored, chunkNll, ...(leftOut.length && { leftOut }) };
}

export interface Question {
  /** What stands before each choice; what separates them belongs to the choices. */
  prompt: string;
  /** At least two. */
  choices: string[];
  /** Index of the right one, if it is known. */
  answer?: number;
}

export interface ChoiceScore {
  /** Sum of ln of the probabilities of the choice's tokens. */
  logLikelihood: number;
  tokens: number;
  /** The same for each byte of the choice, which does not favour short ones. */
  perByte: number;
}

export interface MultipleChoice {
  /** Shares of the questions with an answer whose right choice is the likeliest, by the sums and by bytes; undefined without any. */
  accuracy?: number;
  accuracyPerByte?: number;
  /** Of each question: its choices, and the likeliest of them. */
  questions: { choices: ChoiceScore[]; likeliest: number; likeliestPerByte: number }[];
}

/** Log-likelihoods of choices behind their prompts. A token that begins in the prompt and ends in the choice counts as one of the choice. */
export async function multipleChoice(engine: Evaluated, questions: readonly Question[], options: EvaluateOptions = {}): Promise<MultipleChoice> {
  questions.forEach(check);
  const results: MultipleChoice['questions'] = [];
  for (const { prompt, choices } of questions) {
    const scores: ChoiceScore[] = [];
    for (const choice of choices) scores.push(await scoreOf(engine, prompt, choice, options.signal));
    results.push({ choices: scores, likeliest: best(scores.map((each) => each.logLikelihood)), likeliestPerByte: best(scores.map((each) => each.perByte)) });
    options.onProgress?.(results.length, questions.length);
  }
  const known = results.filter((_, i) => questions[i].answer !== undefined);
  const answers = questions.flatMap(({ answer }) => (answer === undefined ? [] : [answer]));
  const share = (name: 'likeliest' | 'likeliestPerByte') =>
    known.length ? known.filter((each, i) => each[name] === answers[i]).length / known.length : undefined;
  return { accuracy: share('likeliest'), accuracyPerByte: share('likeliestPerByte'), questions: results };
}

async function scoreOf(engine: Evaluated, prompt: string, choice: string, signal?: AbortSignal): Promise<ChoiceScore> {
  const { text, logprobs } = await likelihoods(engine, prompt + choice, signal);
  const from = text.length - choice.length; // some tokenizers give a space before the text
  const own = logprobs.filter(({ end }) => end > from).map(({ logprob }) => logprob);
  if (!own.length) throw new RequestError(`The choice ${shown(choice)} has no token that can be scored.`);
  const logLikelihood = sum(own);
  return { logLikelihood, tokens: own.length, perByte: logLikelihood / new TextEncoder().encode(choice).length };
}

/** ln of the probability of each token that has one before it, and where its text ends. */
async function likelihoods(engine: Evaluated, prompt: string | number[], signal?: AbortSignal) {
  const { choices: [{ text, logprobs }] } = await engine.completions.create({ prompt, echo: true, logprobs: 0, max_tokens: 0, signal });
  const { token_logprobs: all, text_offset: offsets } = logprobs!;
  const told = all.map((logprob, i) => ({ logprob, end: offsets[i + 1] ?? text.length }));
  return { text, logprobs: told.filter((each): each is { logprob: number; end: number } => each.logprob !== null) };
}

function check({ prompt, choices, answer }: Question, i: number): void {
  if (typeof prompt !== 'string') throw new RequestError(`The prompt of question ${i} is ${shown(prompt)}; it must be text.`);
  if (!Array.isArray(choices) || choices.length < 2 || !choices.every((choice) => typeof choice === 'string' && choice))
    throw new RequestError(`The choices of question ${i} are ${shown(choices)}; there must be at least two texts.`);
  if (answer !== undefined && !(Number.isInteger(answer) && answer >= 0 && answer < choices.length))
    throw new RequestError(`The answer of question ${i} is ${shown(answer)}; it must be the index of one of its ${choices.length} choices.`);
}

const best = (values: readonly number[]): number => values.indexOf(Math.max(...values));
