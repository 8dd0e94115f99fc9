// Runs the tokens of a prompt, chunk by chunk. Chooses no token and reads no logits.
import { RequestError } from '../../errors.ts';
import { type Step } from '../../gpu/program.ts';
import { type Sequence } from '../../kv/sequence.ts';
import { writeState } from '../../model/sequence-buffers.ts';
import { type LoadedModel } from '../load/load.ts';
import { type RunState, cursorOf, makeRoom } from './run-state.ts';
import { type Piece } from './schedule/submits.ts';
import { tick, tickIfDue, untilTick } from './ticks.ts';

/** Tokens to be run of a sequence, the first of them at `position`. */
export interface Prompt {
  sequence: Sequence;
  ids: readonly number[];
  position: number;
  signal?: AbortSignal;
  /** Where the text that was given ends: tokens from this position on were chosen, and a policy has its ticks as in decode. Default: behind `ids`. */
  promptLength?: number;
}

const promptEnd = ({ ids, position, promptLength = position + ids.length }: Prompt): number => promptLength;

/** What is run of a chunk. */
export type PiecesOf = (step: Step) => readonly Piece[];

/** The layers. */
export const bodyOf = ({ programs }: LoadedModel, { rows }: Step): readonly Piece[] => (rows === 1 ? programs.decode : programs.prefill);

/** The layers, and with the last token of a prompt its logits. */
const upToLogits = ({ model }: RunState, { ids, position }: Prompt): PiecesOf => (step) =>
  step.length === position + ids.length ? [...bodyOf(model, step), ...model.heads.last] : bodyOf(model, step);

export function checkIds(ids: readonly number[], vocab: number): void {
  if (!ids.length) throw new RequestError('There are no tokens to run: the prompt is empty.');
  const bad = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < vocab));
  if (bad !== undefined) throw new RequestError(`The token ${bad} is not in the vocabulary of ${vocab} tokens.`);
}

/** Makes ready what `runChunk` runs. */
export async function begin(state: RunState, prompt: Prompt): Promise<void> {
  const { sequence, ids, position } = prompt;
  const { gpu: { device }, graph } = state.model;
  checkIds(ids, graph.config.vocab);
  sequence.shaped?.queried.goOn(position);
  await makeRoom(state, sequence, position + ids.length);
  await catchUp(state, prompt);
  sequence.note(position, []); // what an abort leaves behind is not what was there
  device.queue.writeBuffer(sequence.ids.buffer, 4 * position, Uint32Array.from(ids));
}

/** Where a sequence cannot be cut to `position`, runs the tokens again that lie between there and what it goes back to. */
async function catchUp(state: RunState, prompt: Prompt): Promise<void> {
  const { sequence, position, signal } = prompt;
  const { memory, shaped } = sequence;
  if ((!memory || memory.length === position) && (!shaped || sequence.tokens.length === position)) return;
  if (position === 0) return void [memory?.reach(0), shaped?.cut(0)]; // copies of what was there are of no use to other tokens
  const before = sequence.tokens.slice(0, position);
  if (before.length < position)
    throw new RequestError(`Tokens were to be run from position ${position}; the sequence has run ${before.length}. Feed those between first.`);
  const reached = sequence.truncate(position);
  if (reached >= position) return;
  const again = { sequence, ids: before.slice(reached), position: reached, signal, promptLength: promptEnd(prompt) };
  await forChunks(state, again, (step) => bodyOf(state.model, step));
}

/** What is told of each chunk, while its rows are on the GPU. */
export type EachChunk = (step: Step) => Promise<void>;

/** Runs the first chunks of a prompt that pass through streamed weights together, or the first one alone. */
async function runNext(state: RunState, prompt: Prompt, pieces: PiecesOf, each?: EachChunk): Promise<Step> {
  const { chunk, stretch = chunk } = state.model.sizes;
  const { ids: { length }, sequence } = prompt;
  // A state is copied before the last chunk, so that its tokens can be run again without those before them.
  const together = sequence.memory && length <= stretch ? chunk * (Math.ceil(length / chunk) - 1) : Math.min(length, stretch);
  if (together <= chunk) return runChunk(state, prompt, pieces, each);
  return (await import('./stretch.ts')).runStretch(state, prompt, together, pieces, each); // a chunk of its own: most models stay on the GPU
}

/** Tokens of the next step: a policy has ticks where the prompt ends, and of tokens behind it where they come in decode, one of them maybe now. */
async function rowsOfNext(state: RunState, prompt: Prompt): Promise<number> {
  const { sequence, ids, position } = prompt;
  const promptLength = promptEnd(prompt);
  const most = Math.min(state.model.sizes.chunk, ids.length);
  if (!sequence.shaped) return most;
  if (position < promptLength) return Math.min(most, promptLength - position);
  await tickIfDue(state, sequence, position);
  return Math.min(most, untilTick(sequence, position));
}

/** Runs the first chunk of a prompt. */
async function runChunk(state: RunState, prompt: Prompt, pieces: PiecesOf, each?: EachChunk): Promise<Step> {
  const { sequence, ids, position, signal } = prompt;
  const { model: { gpu: { device }, activations }, submits } = state;
  const rows = await rowsOfNext(state, prompt);
  const step = { rows, length: position + rows, of: sequence };
  writeState(device.queue, activations, sequence, position, rows);
  submits.wroteRows(rows);
  cursorOf(state, sequence).row = 0; // of the sampler too, once it starts
  await submits.embed(ids.slice(0, rows));
  sequence.memory?.begin();
  await submits.run(pieces(step), [[step]], signal);
  sequence.memory?.ran(step.length);
  if (rows > 1) sequence.memory?.keep();
  await each?.(step);
  return step;
}

/** Runs `pieces` of every chunk, and behind each chunk `each`, if it is given. */
export async function forChunks(state: RunState, prompt: Prompt, pieces: PiecesOf, each?: EachChunk): Promise<void> {
  const { ids, position } = prompt;
  const promptLength = promptEnd(prompt);
  await begin(state, prompt);
  for (let done = 0; done < ids.length; ) {
    const step = await runNext(state, { ...prompt, ids: ids.slice(done), position: position + done, promptLength }, pieces, each);
    done += step.rows;
    await noteRun(state, prompt, step);
  }
}

/** Runs a prompt; afterwards the logits of its last token are on the GPU. */
export async function feed(state: RunState, prompt: Prompt): Promise<void> {
  await forChunks(state, prompt, upToLogits(state, prompt));
  await tickIfDue(state, prompt.sequence, prompt.position + prompt.ids.length);
}

/**
 * Runs the first chunk of a prompt and gives its length; with the last one comes what `feed` leaves. `several`: with those behind it that pass
 * through streamed weights together.
 */
export async function feedChunk(state: RunState, prompt: Prompt, several = false, each?: EachChunk): Promise<number> {
  await begin(state, prompt);
  const step = await (several ? runNext : runChunk)(state, prompt, upToLogits(state, prompt), each);
  await noteRun(state, prompt, step);
  return step.rows;
}

/** What a step of a prompt has run is there, and a tick due; that of tokens behind it comes with the next step, as in decode. */
export async function noteRun(state: RunState, prompt: Prompt, { rows, length }: Step): Promise<void> {
  const { sequence, ids, position, signal } = prompt;
  const promptLength = promptEnd(prompt);
  sequence.note(length - rows, ids.slice(length - rows - position, length - position));
  if (length <= promptLength) await tick(state, { sequence, length, phase: length === promptLength ? 'prompt' : 'chunk', promptLength, signal });
}
