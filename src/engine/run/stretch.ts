// Runs several chunks of a prompt through each part of the streamed weights while it is there: all chunks pass through a slice before the
// next one is read, as in the zig-zag block schedule of FlexGen (Sheng et al., arXiv 2303.06865). Of every chunk is kept meanwhile what layers
// leave each other and, where a layer passes in several slices, what is in use between them. So the bytes read for a prompt are divided by
// the number of chunks, at the room of some rows.
import { type Step } from '../../gpu/program.ts';
import { carriedOf } from '../../model/activations.ts';
import { type Section, layerOf } from '../../model/sections.ts';
import { writeState } from '../../model/sequence-buffers.ts';
import { type EachChunk, type PiecesOf, type Prompt } from './feed.ts';
import { type RunState, cursorOf } from './run-state.ts';
import { type Piece } from './schedule/submits.ts';

/** Pieces that chunks run while what they need is there, and the activation buffers that hold something of a chunk before them. */
interface Part {
  pieces: Piece[];
  held: readonly string[];
}

/** What is run of a chunk, between what was kept of it and what is kept next. */
interface Turn {
  /** Of the chunks. */
  index: number;
  chunk: Step;
  pieces: readonly Piece[];
  /** None before the first part, and behind the last one. */
  before?: readonly string[];
  after?: readonly string[];
}

/** Runs the first `rows` tokens of a prompt; gives them as one step. The rows of the last chunk are on the GPU then; of every other one as `each` is told. */
export async function runStretch(
  state: RunState, { sequence, ids, position, signal }: Prompt, rows: number, piecesOf: PiecesOf, each?: EachChunk,
): Promise<Step> {
  const { model: { gpu: { device: { queue } }, activations, sizes }, submits } = state;
  const chunks = Array.from({ length: Math.ceil(rows / sizes.chunk) }, (_, i): Step => {
    const end = Math.min((i + 1) * sizes.chunk, rows);
    return { rows: end - i * sizes.chunk, length: position + end, of: sequence };
  });
  const turns = turnsOf(state, chunks, piecesOf);
  cursorOf(state, sequence).row = 0; // of the sampler too, once it starts
  sequence.memory?.begin();
  for (const [i, turn] of turns.entries()) {
    const { chunk, pieces, before, after } = turn;
    const first = chunk.length - chunk.rows - position;
    writeState(queue, activations, sequence, position + first, chunk.rows);
    submits.wroteRows(chunk.rows);
    if (before) bringBack(state, turn, before);
    else await submits.embed(ids.slice(first, first + chunk.rows));
    const keep = (encoder: GPUCommandEncoder) => after && copyHeld(state, encoder, turn, after, 'out');
    await submits.run(pieces, [[chunk]], signal, { encode: keep, submitted() {} }, turns.slice(i + 1).map((other) => other.pieces));
    if (!after) await each?.(chunk);
  }
  sequence.memory?.ran(position + rows);
  sequence.memory?.keep();
  return { rows, length: position + rows, of: sequence };
}

/** Every chunk's pieces of a part of the model, then those of the next part. */
function turnsOf({ model: { sections, graph } }: RunState, chunks: readonly Step[], piecesOf: PiecesOf): Turn[] {
  const parts = chunks.map((chunk) => partsOf(sections, piecesOf(chunk)));
  const kept = ({ held }: Part): readonly string[] => [...new Set([...carriedOf(graph), ...held])];
  return parts[0].flatMap((_, part) => chunks.map((chunk, index): Turn => {
    const [here, next] = parts[index].slice(part, part + 2);
    return { index, chunk, pieces: here.pieces, before: part > 0 ? kept(here) : undefined, after: next && kept(next) };
  }));
}

/**
 * A part begins with each layer that has a streamed slice, but the first of them, and within a layer where it needs another one. The first begins
 * with the model, the last ends with it. A step of one row has the same parts as longer ones. What reads items that are fetched on demand is run with
 * what chooses them: slices that are needed between come once for each chunk.
 */
function partsOf(sections: readonly Section[], pieces: readonly Piece[]): Part[] {
  const isLayer = (section?: number): section is number => section !== undefined && layerOf(sections[section]) !== undefined;
  const streamed = new Set(pieces.filter(({ slice, section }) => slice !== undefined && isLayer(section)).map(({ section }) => section));
  const parts: Part[] = [{ pieces: [], held: [] }];
  let layer: number | undefined; // the last that has a streamed slice, of those there were
  let inSlot: number | undefined; // of its slices the last
  let isChosen = false; // items of which nothing was read yet
  for (const piece of pieces) {
    const { section, slice, held = [] } = piece;
    const begins = section !== layer && streamed.has(section);
    const goesOn = begins ? layer === undefined : !isLayer(section) || slice === undefined || inSlot === undefined || slice === inSlot;
    if (!goesOn && !isChosen) parts.push({ pieces: [], held: begins ? [] : held });
    parts.at(-1)!.pieces.push(piece);
    if (piece.onDemand !== undefined) isChosen = false;
    if (piece.chooses !== undefined) isChosen = true;
    if (begins) [layer, inSlot] = [section, undefined];
    if (isLayer(section)) inSlot = slice ?? inSlot;
  }
  return parts;
}

function bringBack(state: RunState, turn: Turn, held: readonly string[]): void {
  const encoder = state.model.gpu.device.createCommandEncoder();
  copyHeld(state, encoder, turn, held, 'in');
  state.submits.submit(encoder);
}

/** Copies what is held of a chunk to or from where it is kept: rows of activations, other buffers as a whole, one behind the other. */
function copyHeld(state: RunState, encoder: GPUCommandEncoder, { index, chunk }: Turn, held: readonly string[], to: 'in' | 'out'): void {
  const { activations: { buffers, strides }, sizes } = state.model;
  const kept = buffers.stretch.buffer;
  const first = index * sizes.heldBytes!;
  let at = first;
  for (const name of held) {
    const { buffer } = buffers[name];
    const bytes = name in strides ? 4 * strides[name] * chunk.rows : buffer.size;
    if (at + bytes > first + sizes.heldBytes!) throw new Error(`${held.join(', ')} of a step are more than the ${sizes.heldBytes} bytes that were planned.`);
    if (to === 'out') encoder.copyBufferToBuffer(buffer, 0, kept, at, bytes);
    else encoder.copyBufferToBuffer(kept, at, buffer, 0, bytes);
    at += bytes;
  }
}
