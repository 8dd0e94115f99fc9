// Answers under way on a placed model, as the scheduler runs them: each has a sequence while there is room for it, and its
// tokens, from which it goes on in any other. Knows no text.
import { type Sequence } from '../../../kv/sequence.ts';
import { type Sampler } from '../../../model/sampling/sampler.ts';
import { mostEnds } from '../../../model/sampling/uniform.ts';
import { type Token } from '../../../protocol.ts';
import { type Answering } from './choose.ts';
import { type Job } from '../schedule/jobs.ts';
import { type Wishes } from '../schedule/urgency.ts';
import { failedOf } from '../schedule/failed.ts';
import { mostPerSubmit } from '../readback.ts';
import { type Runner } from '../runner.ts';
import { type Steps } from '../schedule/scheduler.ts';
import { type Sequences, sharedPrefix } from '../sequences.ts';

/** An answer to go on with from `tokens`, which grow by what is chosen. */
export interface AnswerOptions extends Wishes {
  tokens: number[];
  /** How many of them were given; those behind it were made before something ended what ran it. Default: all. */
  promptLength?: number;
  sampler: Sampler;
  /** Tokens behind which the sampler has steps change nothing any more. */
  ends?: readonly number[];
  /** Most tokens, the prompt among them. */
  most: number;
  /** Gets the number of tokens whose keys and values are there. */
  onFeed(shared: number): void;
  /** Gets whether those were put together of parts (`Sequence.approximate`). */
  onFed?(ofParts: boolean): void;
  /** Called behind each step of its prompt. */
  onPrefill?(): void;
  /** Gets each token as it is chosen; false once there are enough. */
  onToken(token: Token): boolean;
  /** Of a step with guesses: how many there were, and how many were right. */
  onGuesses?(guesses: number, right: number): void;
  /** Gets what a person should know of what runs it. */
  onNotice?(notice: string): void;
  /** Tokens that can only come next: they are not chosen, and several are run in a step. */
  forced?(): number[];
  /** Runs all of its prompt, also what others have run; `onChunk` is told of each part, while its rows are on the GPU. */
  onChunk?(on: Runner, position: number, rows: number): Promise<void>;
  /** In place of `onChunk`, where the prompt is run whole in one step with others': what the head multiplies of its tokens, (token, dim). */
  onNormed?(rows: Float32Array): void;
  signal?: AbortSignal;
  /** What several of one request have in common. */
  request?: unknown;
  /** Whose sequence it goes on in. */
  owner?: string;
}

export interface Answer extends Job<Token> {
  readonly tokens: readonly number[];
  /** Those that were given: what it has made is no prompt to a policy, whatever runs it again. */
  readonly promptLength: number;
  readonly owner?: string;
  readonly sampler: Sampler;
  readonly ends: readonly number[];
  /** Where its keys and values are. */
  sequence?: Sequence;
  /** Tokens with those that are still to be read; 0 until its prompt was run. */
  length: number;
  onFeed: AnswerOptions['onFeed'];
  onFed: AnswerOptions['onFed'];
  onPrefill: AnswerOptions['onPrefill'];
  onChunk: AnswerOptions['onChunk'];
  onNormed: AnswerOptions['onNormed'];
  onGuesses: AnswerOptions['onGuesses'];
  onNotice: AnswerOptions['onNotice'];
}

export function createAnswer(options: AnswerOptions): Answer {
  const { tokens, promptLength = tokens.length, sampler, ends = [], most, onToken, forced, signal, ...others } = options;
  const { onFeed, onFed, onPrefill, onChunk, onNormed, onGuesses, onNotice, ...wishes } = others;
  return {
    ...wishes,
    tokens, promptLength, sampler, ends, onFeed, onFed, onPrefill, onChunk, onNormed, onGuesses, onNotice, signal,
    alone: !sampler.ahead,
    length: 0,
    get promptLeft() {
      return this.length ? 0 : tokens.length - (this.sequence?.tokens.length ?? 0);
    },
    get tokensLeft() {
      return most - tokens.length;
    },
    take(made) {
      for (const token of made) {
        if (signal?.aborted) return false;
        if (this.sequence?.tokens.length === tokens.length - 1) this.sequence.note(tokens.length - 1, tokens.slice(-1)); // it was run to choose this one
        tokens.push(token.id);
        if (onToken(token)) continue;
        // Steps that were made ahead have left a state that cannot be cut where it was.
        if (ends.slice(0, mostEnds).includes(token.id)) this.sequence?.memory?.ran(this.sequence.tokens.length);
        return false;
      }
      for (const id of forced?.() ?? []) {
        if (tokens.length >= most) break;
        tokens.push(id);
        this.length = 0; // there are tokens to be run again
        if (!onToken({ id })) return false;
      }
      return true;
    },
  };
}

export function createAnswerSteps(runner: Runner, sequences: Sequences<Sequence>): Steps<Answer, Token> {
  const underWay = new Set<Answer>();

  const seated = ({ sequence, sampler, length }: Answer): Answering => ({ sequence: sequence!, sampler, length });

  /** Whether a prompt under way will have more in common with this one than any sequence has by now, by at least half of what it still has to run. */
  function isToCome({ tokens }: Answer): boolean {
    const common = (other: readonly number[]) => sharedPrefix(tokens, other, tokens.length - 1);
    const there = Math.max(0, ...sequences.live.map((sequence) => common(sequence.tokens)));
    return [...underWay].some((other) => other.promptLeft > 0 && common(other.tokens) - there >= other.promptLeft / 2);
  }

  return {
    mostTogether: runner.mostTogether,
    mostRows: runner.mostRows,
    async admit(answer) {
      if (!answer.onChunk && isToCome(answer)) return 'later';
      const sequence = await sequences.take(answer.tokens, answer.owner);
      if (!sequence) return false;
      underWay.add(answer);
      if (answer.onChunk) sequence.truncate(0);
      answer.sequence = sequence;
      answer.onFeed(sequence.tokens.length);
      answer.onFed?.(sequence.approximate);
      return true;
    },
    whenGiven: () => sequences.whenHeldGiven(),
    hasRoom: ({ sequence, length }) => sequences.makeRoom(sequence!, length + mostPerSubmit),
    release(answer, gaveWay) {
      underWay.delete(answer);
      if (gaveWay) sequences.drop(answer.sequence!);
      else sequences.give(answer.sequence!);
      answer.sequence = undefined;
      answer.length = 0;
    },
    async prefill(answer, alone) {
      const { sequence, tokens, promptLength, sampler, signal } = answer;
      const on = runner.of(sequence!);
      const position = sequence!.tokens.length;
      const onChunk = answer.onChunk && ((first: number, rows: number) => answer.onChunk!(on, first, rows));
      await on.feedChunk(tokens.slice(position), position, signal, { several: alone, promptLength, onChunk });
      answer.onPrefill?.();
      if (answer.promptLeft > 0) return undefined;
      if (answer.tokensLeft < 1) return [];
      const token = await on.sample(sampler, tokens.length, signal);
      answer.length = tokens.length + 1;
      return [token];
    },
    joins: (answer, others) =>
      [answer, ...others].every(({ onNormed }) => onNormed) &&
      [answer, ...others].reduce((sum, { tokens }) => sum + tokens.length, 0) <= runner.mostRows,
    async prefillTogether(answers) {
      const prompts = answers.map(({ sequence, tokens, signal }) => ({ sequence: sequence!, ids: tokens, position: 0, signal }));
      const parts = await runner.feedTogether(prompts);
      parts.forEach((rows, i) => answers[i].onNormed!(rows));
      return parts.length;
    },
    async decode(answers, most, signal) {
      const made = await runner.decode(answers.map(seated), most, signal);
      for (const answer of answers) answer.length += made.count;
      return made;
    },
    failed: (error, answers) => {
      const sequence = failedOf(error);
      return sequence && answers.find((answer) => answer.sequence === sequence);
    },
    readsBehind: (answers) => runner.readsBehind(answers.map(seated)),
  };
}
