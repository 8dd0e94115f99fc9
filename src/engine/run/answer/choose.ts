// Has samplers choose the next tokens of one sequence or of several at once, and reads what they chose.
import { DeviceError, RequestError } from '../../../errors.ts';
import { type Step } from '../../../gpu/program.ts';
import { type Sequence } from '../../../kv/sequence.ts';
import { type Sampler } from '../../../model/sampling/sampler.ts';
import { noToken } from '../../../model/sampling/uniform.ts';
import { writeFirst } from '../../../model/sequence-buffers.ts';
import { type Token } from '../../../protocol.ts';
import { type LoadedModel } from '../../load/load.ts';
import { type RunState, cursorOf, makeRoom, pick } from '../run-state.ts';
import { tickIfDue, untilTick } from '../ticks.ts';
import { type Piece } from '../schedule/submits.ts';

/** A sequence that chooses tokens. */
export interface Answering {
  sequence: Sequence;
  /** The one that was started last for this sequence. */
  sampler: Sampler;
  /** Tokens that it has, of which the last one was chosen and is still to be run. */
  length: number;
  /** Tokens behind which nothing is chosen any more. */
  ends?: readonly number[];
}

/** What one submit makes of each sequence. */
export interface Made {
  /** Tokens of each. */
  count: number;
  /** Those of each sequence, in order; one may fail by itself, as by a mask that allows none. */
  tokens: Promise<Token[]>[];
}

const piecesFor = ({ pieces }: RunState, sequences: number): readonly Piece[] => (sequences === 1 ? pieces.one : pieces.several);

const contextIsFull = (context: number) => new RequestError(`The context of ${context} tokens is full.`, { code: 'context_length_exceeded' });

/** Starts a sampler and chooses the token after the `length` fed ones. */
export async function sample(state: RunState, { sequence, sampler, length }: Answering, signal?: AbortSignal): Promise<Token> {
  const { context } = state.model.sizes;
  if (length >= context) throw contextIsFull(context);
  cursorOf(state, sequence).chosen = [];
  await sampler.ready();
  sampler.start(sequence);
  const [tokens] = await choose(state, [], [{ sequence, sampler, length }], 1, signal);
  return (await tokens)[0];
}

/** Runs the token just sampled, at position `length - 1`, and chooses the next. */
export async function step(state: RunState, answering: Answering, signal?: AbortSignal): Promise<Token> {
  if (cursorOf(state, answering.sequence).lastId === undefined) throw new RequestError('There is no sampled token to go on from.');
  const { tokens } = await decode(state, [answering], 1, signal);
  return (await tokens[0])[0];
}

/** Submits steps that run the last token of each sequence and choose its next, up to `most` of each; resolves once all is submitted. */
export async function decode(state: RunState, answering: readonly Answering[], most: number, signal?: AbortSignal): Promise<Made> {
  const { model: { sizes }, submits, mostTogether } = state;
  if (answering.length > mostTogether)
    throw new RequestError(
      `${answering.length} sequences were to choose tokens in one step; the model is loaded for ${mostTogether}. Load it with a larger budget.`,
    );
  const pieces = piecesFor(state, answering.length);
  const room = sizes.context - Math.max(...answering.map(({ length }) => length)); // ids have a place below it
  const ahead = answering.every(({ sampler }) => sampler.ahead);
  for (const { sequence, length } of answering) await tickIfDue(state, sequence, length - 1);
  const untilTicks = Math.min(...answering.map(({ sequence, length }) => untilTick(sequence, length - 1)));
  const waits = answering.some(({ sequence }) => sequence.shaped?.away); // what is chosen for a token has to be brought before it
  const count = Math.min(ahead && !waits ? submits.tokensAtOnce(pieces.length + 1, answering.length) : 1, most, room, untilTicks);
  if (count < 1) throw contextIsFull(sizes.context);
  for (const { sequence, length } of answering) await makeRoom(state, sequence, length + count - 1);
  seat(state, answering);
  await submits.embed(answering.map(({ sequence }) => cursorOf(state, sequence).lastId!));
  for (const { sequence } of answering) sequence.memory?.begin();
  const tokens = await choose(state, pieces, answering, count, signal);
  for (const { sequence, length } of answering) sequence.memory?.ran(length + count - 1);
  return { count, tokens };
}

/** Whether the tokens of a submit are best read while the next one runs: not before a tick, which only accepted ones may have a part in. */
export const readsBehind = (state: RunState, answering: readonly Answering[]): boolean =>
  state.submits.readsBehind(piecesFor(state, answering.length).length + 1, answering.length) &&
  answering.every(({ sampler, sequence, length }) => sampler.ahead && !sequence.shaped?.away && untilTick(sequence, length - 1) > 0);

/** As `sample`, and then up to `most` tokens in all, as they come back. Those that nobody waits for any more may have been made in vain. */
export async function* sampleOn(state: RunState, { sequence, sampler, length }: Answering, most: number, signal?: AbortSignal): AsyncGenerator<Token[], void> {
  if (most < 1) return;
  yield [await sample(state, { sequence, sampler, length }, signal)];
  const end = Math.min(length + most, state.model.sizes.context);
  const pending: Promise<Token[]>[] = [];
  try {
    for (let at = length + 1; at < end || pending.length; ) {
      const answering = [{ sequence, sampler, length: at }];
      if (at < end) {
        const { count, tokens: [tokens] } = await decode(state, answering, end - at, signal);
        pending.push(tokens);
        at += count;
      }
      while (pending.length > (at < end && readsBehind(state, [{ sequence, sampler, length: at }]) ? 1 : 0)) yield await pending.shift()!;
    }
  } finally {
    await Promise.allSettled(pending); // a buffer that is mapped takes no copy
  }
}

/** Gives each sequence the row of its place in a step. Writes only what has changed since its last one. */
function seat(state: RunState, answering: readonly Answering[]): void {
  answering.forEach(({ sequence, sampler }, row) => {
    const cursor = cursorOf(state, sequence);
    if (cursor.row === row) return;
    writeFirst(state.model.gpu.device.queue, sequence, row);
    sampler.setRow(sequence, row);
    cursor.row = row;
  });
  if (answering.length > 1) pick(state, [...answering.keys()]);
}

/** Runs pieces and then the samplers, `count` times, and reads what was chosen, which begins at the length of each. */
async function choose(
  state: RunState,
  pieces: readonly Piece[],
  answering: readonly Answering[],
  count: number,
  signal?: AbortSignal,
): Promise<Promise<Token[]>[]> {
  const waits = answering.some(({ sampler }) => sampler.before);
  const times = Array.from({ length: count }, (_, i) => answering.map(({ sequence, length }): Step => ({ rows: 1, length: length + i, of: sequence })));
  if (waits && pieces.length) await state.submits.run(pieces, times, signal); // the GPU computes logits while the CPU does its part
  for (const { sequence, sampler } of answering) sampler.before?.(sequence, cursorOf(state, sequence).chosen);
  const samplers: Piece = { program: { encode: (pass, steps) => [steps].flat().forEach((step, i) => answering[i].sampler.program.encode(pass, step)) } };
  let read!: () => Promise<Token[][]>;
  let tokens!: Promise<Token[]>[];
  await state.submits.run([...(waits ? [] : pieces), samplers], times, signal, {
    encode: (encoder) =>
      (read = state.readback.copy(
        encoder,
        answering.map(({ sequence, sampler, length }) => ({ ids: sequence.ids.buffer, first: length, records: sampler.recordsOf?.(sequence) })),
        count,
      )),
    submitted() {
      const made = read();
      tokens = answering.map((each, i) => made.then((all) => checkChosen(state, all[i], each)));
      for (const each of tokens) each.catch(() => {}); // may be awaited after the next submit
    },
  });
  return tokens;
}

/** Tokens that were chosen from position `length` on, once they are known to be tokens. */
export function checkChosen(state: RunState, tokens: Token[], { sequence, sampler: { masked, before }, length: position }: Answering): Token[] {
  const { model, submits } = state;
  const { gpu: { device, computes }, graph: { config: { vocab } } } = model;
  submits.check();
  const wrong = tokens.findIndex(({ id }) => id >= vocab);
  if (wrong >= 0) device.queue.writeBuffer(sequence.ids.buffer, 4 * position, new Uint32Array(tokens.length)); // a later answer may read on after its own end
  if (wrong >= 0 && computes) {
    const { id } = tokens[wrong];
    if (masked && id === noToken)
      throw new RequestError(`No token can be chosen for position ${position + wrong}: the mask allows none whose logit is a finite number. Allow others.`);
    throw new DeviceError(badToken(model, id, position + wrong), { code: 'kernel_failed' });
  }
  const cursor = cursorOf(state, sequence);
  cursor.lastId = tokens.at(-1)?.id;
  if (before) cursor.chosen.push(...tokens.map(({ id }) => id));
  return tokens;
}

function badToken({ gpu: { adapterName }, graph: { config: { vocab } } }: LoadedModel, id: number, position: number): string {
  if (id !== noToken)
    return `The sampler gave token ${id} at position ${position}; the vocabulary has ${vocab}. A kernel computes wrongly on ${adapterName}: update ` +
      'the browser or the graphics driver, or choose another GPU.';
  return `No token can be chosen for position ${position}: none of its ${vocab} logits is a finite number. Either ${adapterName} computes wrongly, ` +
    `or the weights are damaged: check the file's hash, measure and test the kernels again (\`retune\`), or update the browser and the ` +
    'graphics driver.';
}
