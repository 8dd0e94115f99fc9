// Runs the tokens of a prompt, chunk by chunk. Chooses no token and reads no logits.
import { RequestError } from '../../errors.ts';
import { type Step } from '../../gpu/program.ts';
import { type Sequence } from '../../kv/sequence.ts';
import { writeState } from '../../model/sequence-buffers.ts';
import { type LoadedModel } from '../load/load.ts';
import { type RunState, cursorOf, makeRoom } from './run-state.ts';
import { type Piece } from './schedule/submits.ts';
import { tick, tickIfDue } from './ticks.ts';

/** Tokens to be run of a sequence, the first of them at `position`. */
export interface Prompt {
  sequence: Sequence;
  ids: readonly number[];
  position: number;
  signal?: AbortSignal;
  /** Its tokens were chosen, not given: a policy has its ticks as in decode. */
  chosen?: boolean;
}

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
async function catchUp(state: RunState, { sequence, position, signal }: Prompt): Promise<void> {
  const { memory, shaped } = sequence;
  if ((!memory || memory.length === position) && (!shaped || sequence.tokens.length === position)) return;
  if (position === 0) return void [memory?.reach(0), shaped?.cut(0)]; // copies of what was there are of no use to other tokens
  const before = sequence.tokens.slice(0, position);
  if (before.length < position)
    throw new RequestError(`Tokens were to be run from position ${position}; the sequence has run ${before.length}. Feed those between first.`);
  const reached = sequence.truncate(position);
  if (reached < position)
    await forChunks(state, { sequence, ids: before.slice(reached), position: reached, signal }, (step) => bodyOf(state.model, step));
}

/** Runs the first chunks of a prompt that pass through streamed weights together, or the first one alone. */
async function runNext(state: RunState, prompt: Prompt, pieces: PiecesOf): Promise<Step> {
  const { chunk, stretch = chunk } = state.model.sizes;
  const { ids: { length }, sequence } = prompt;
  // A state is copied before the last chunk, so that its tokens can be run again without those before them.
  const together = sequence.memory && length <= stretch ? chunk * (Math.ceil(length / chunk) - 1) : Math.min(length, stretch);
  if (together <= chunk) return runChunk(state, prompt, pieces);
  return (await import('./stretch.ts')).runStretch(state, prompt, together, pieces); // a chunk of its own: most models stay on the GPU
}

/** Runs the first chunk of a prompt. */
async function runChunk(state: RunState, { sequence, ids, position, signal }: Prompt, pieces: PiecesOf): Promise<Step> {
  const { model: { gpu: { device }, activations, sizes }, submits } = state;
  const rows = Math.min(sizes.chunk, ids.length);
  const step = { rows, length: position + rows, of: sequence };
  writeState(device.queue, activations, sequence, position, rows);
  submits.wroteRows(rows);
  cursorOf(state, sequence).row = 0; // of the sampler too, once it starts
  await submits.embed(ids.slice(0, rows));
  sequence.memory?.begin();
  await submits.run(pieces(step), [[step]], signal);
  sequence.memory?.ran(step.length);
  if (rows > 1) sequence.memory?.keep();
  return step;
}

/** Runs `pieces` of every chunk, and then `each`, if it is given. */
export async function forChunks(state: RunState, prompt: Prompt, pieces: PiecesOf, each?: (step: Step) => Promise<void>): Promise<void> {
  const { ids, position } = prompt;
  await begin(state, prompt);
  const runPart = each ? runChunk : runNext; // whoever looks at the rows of a chunk has to find them
  for (let done = 0; done < ids.length; ) {
    const step = await runPart(state, { ...prompt, ids: ids.slice(done), position: position + done }, pieces);
    done += step.rows;
    await each?.(step);
    await noteRun(state, prompt, step);
  }
}

/** Runs a prompt; afterwards the logits of its last token are on the GPU. */
export const feed = (state: RunState, prompt: Prompt): Promise<void> => forChunks(state, prompt, upToLogits(state, prompt));

/**
 * Runs the first chunk of a prompt and gives its length; with the last one comes what `feed` leaves. `several`: with those behind it that pass
 * through streamed weights together.
 */
export async function feedChunk(state: RunState, prompt: Prompt, several = false): Promise<number> {
  await begin(state, prompt);
  const step = await (several ? runNext : runChunk)(state, prompt, upToLogits(state, prompt));
  await noteRun(state, prompt, step);
  return step.rows;
}

/** What a step of a prompt has run is there, and a tick due. */
export async function noteRun(state: RunState, { sequence, ids, position, chosen, signal }: Prompt, { rows, length }: Step): Promise<void> {
  const promptLength = position + ids.length;
  sequence.note(length - rows, ids.slice(length - rows - position, length - position));
  if (chosen) await tickIfDue(state, sequence, length);
  else await tick(state, { sequence, length, phase: length === promptLength ? 'prompt' : 'chunk', promptLength, signal });
}
