// Runs several chunks of a prompt through each part of the streamed weights while it is there: a layer with streamed slices runs all chunks
// before the next one is read, as in the zig-zag block schedule of FlexGen (Sheng et al., arXiv 2303.06865). What layers leave each other is
// kept of every chunk meanwhile. So the bytes read for a prompt are divided by the number of chunks, at the room of some rows.
import { type Step } from '../../gpu/program.ts';
import { carriedOf } from '../../model/activations.ts';
import { type Section, layerOf } from '../../model/sections.ts';
import { writeState } from '../../model/sequence-buffers.ts';
import { type PiecesOf, type Prompt } from './feed.ts';
import { type RunState, cursorOf } from './run-state.ts';
import { type Piece } from './schedule/submits.ts';

/** Pieces to be run of a chunk, between what was kept of it and what is kept next. */
interface Turn {
  chunk: Step;
  pieces: readonly Piece[];
  isFirst: boolean;
  isLast: boolean;
}

/** Runs the first `rows` tokens of a prompt; gives them as one step. The rows of the last chunk are on the GPU then. */
export async function runStretch(state: RunState, { sequence, ids, position, signal }: Prompt, rows: number, piecesOf: PiecesOf): Promise<Step> {
  const { model: { gpu: { device: { queue } }, activations, sizes, sections }, submits } = state;
  const chunks = Array.from({ length: Math.ceil(rows / sizes.chunk) }, (_, i): Step => {
    const end = Math.min((i + 1) * sizes.chunk, rows);
    return { rows: end - i * sizes.chunk, length: position + end, of: sequence };
  });
  const turns = turnsOf(sections, chunks, piecesOf);
  cursorOf(state, sequence).row = 0; // of the sampler too, once it starts
  sequence.memory?.begin();
  for (const [i, { chunk, pieces, isFirst, isLast }] of turns.entries()) {
    const first = chunk.length - chunk.rows - position;
    writeState(queue, activations, sequence, position + first, chunk.rows);
    submits.wroteRows(chunk.rows);
    if (isFirst) await submits.embed(ids.slice(first, first + chunk.rows));
    else bringBack(state, first, chunk.rows);
    const keep = (encoder: GPUCommandEncoder) => isLast || copyCarried(state, encoder, first, chunk.rows, 'out');
    await submits.run(pieces, [[chunk]], signal, { encode: keep, submitted() {} }, turns.slice(i + 1).map((turn) => turn.pieces));
  }
  sequence.memory?.ran(position + rows);
  sequence.memory?.keep();
  return { rows, length: position + rows, of: sequence };
}

/** Every chunk's pieces up to the next layer with streamed slices, then those of the next part of the model. */
function turnsOf(sections: readonly Section[], chunks: readonly Step[], piecesOf: PiecesOf): Turn[] {
  const pieces = chunks.map(piecesOf);
  const ends = endsOf(sections, pieces[0]);
  return ends.flatMap((end, part) => chunks.map((chunk, i): Turn => {
    const isLast = part === ends.length - 1;
    const inPart = ({ section = sections.length }: Piece) => (isLast || section < end) && (part === 0 || section >= ends[part - 1]);
    return { chunk, pieces: pieces[i].filter(inPart), isFirst: part === 0, isLast };
  }));
}

/** The sections before which parts of the model end: those of layers with a streamed slice, but the first. The last part ends with the model. */
function endsOf(sections: readonly Section[], pieces: readonly Piece[]): number[] {
  const isLayer = (section?: number): section is number => section !== undefined && layerOf(sections[section]) !== undefined;
  const streamed = new Set(pieces.filter(({ slice }) => slice !== undefined).map(({ section }) => section).filter(isLayer));
  return [...[...streamed].slice(1), sections.length];
}

function bringBack(state: RunState, first: number, rows: number): void {
  const encoder = state.model.gpu.device.createCommandEncoder();
  copyCarried(state, encoder, first, rows, 'in');
  state.submits.submit(encoder);
}

/** Copies what layers leave each other to or from where it is kept: of each buffer the rows of the stretch, one buffer behind the other. */
function copyCarried(
  { model: { activations: { buffers, strides }, graph, sizes } }: RunState, encoder: GPUCommandEncoder, first: number, rows: number, to: 'in' | 'out',
): void {
  const kept = buffers.stretch.buffer;
  let begin = 0;
  for (const name of carriedOf(graph)) {
    const rowBytes = 4 * strides[name];
    const { buffer } = buffers[name];
    if (to === 'out') encoder.copyBufferToBuffer(buffer, 0, kept, begin + first * rowBytes, rows * rowBytes);
    else encoder.copyBufferToBuffer(kept, begin + first * rowBytes, buffer, 0, rows * rowBytes);
    begin += sizes.stretch! * rowBytes;
  }
}
