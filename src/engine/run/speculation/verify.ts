// A step of several rows of one sequence: its last token and guesses of those behind it. A token is chosen from the logits of each row, as
// it would be chosen alone, since random numbers go by position; those up to the first that was guessed wrongly count.
import { type Token } from '../../../protocol.ts';
import { writeState } from '../../../model/sequence-buffers.ts';
import { type Answering, checkChosen } from '../answer/choose.ts';
import { type RunState, checkRoom, cursorOf, makeRoom, pick } from '../run-state.ts';

/** Byte of `rows` in `State` (shaders/parts/state.wgsl). */
const rowsAt = 4;

/** How many of `guesses` are what was chosen in their places, as far as that is known. */
export function countRight(guesses: readonly number[], chosen: readonly number[]): number {
  const wrong = guesses.findIndex((id, i) => id !== chosen[i]);
  return wrong < 0 ? guesses.length : wrong;
}

/**
 * Runs the last token of a sequence with one to seven guesses of what follows; gives the tokens that follow, one at least. Behind one of
 * `ends` nothing was chosen: there still lie the guesses.
 */
export async function verify(state: RunState, answering: Answering, guesses: readonly number[], signal?: AbortSignal): Promise<Token[]> {
  const { model: { gpu: { device: { queue } }, programs, heads }, submits, readback } = state;
  const { sequence, sampler, length, ends = [] } = answering;
  const cursor = cursorOf(state, sequence);
  const rows = 1 + guesses.length;
  checkRoom(state, length + rows);
  await makeRoom(state, sequence, length + guesses.length);
  queue.writeBuffer(sequence.ids.buffer, 4 * length, Uint32Array.from(guesses));
  goTo(state, answering, length - 1, rows);
  pick(state, [...Array(rows).keys()]);
  await submits.embed([cursor.lastId!, ...guesses]);
  const chosen = heads.chosen!;
  let read!: () => Promise<Token[][]>;
  let made!: Promise<Token[][]>;
  const step = { rows, length: length + guesses.length, of: sequence };
  await submits.run([...programs.prefill, ...chosen.stages], [[step]], signal, {
    encode(encoder) {
      // The rows that were picked are 0, 1, 2 ..., and so the numbers that each choice needs: its own row, and that it is of one row.
      const numbers = chosen.rows.rows.buffer;
      const { buffer: rowIn, offset: rowAt } = sampler.rowOf(sequence);
      encoder.copyBufferToBuffer(numbers, 4, sequence.state.buffer, rowsAt, 4);
      for (let row = 0; row < rows; row++) {
        encoder.copyBufferToBuffer(numbers, 4 * row, rowIn, rowAt, 4);
        const pass = encoder.beginComputePass();
        sampler.program.encode(pass, { rows: 1, length: length + row, of: sequence });
        pass.end();
      }
      encoder.copyBufferToBuffer(numbers, 0, rowIn, rowAt, 4);
      read = readback.copy(encoder, [{ ids: sequence.ids.buffer, first: length, records: sampler.recordsOf?.(sequence) }], rows);
    },
    submitted() {
      made = read();
      made.catch(() => {}); // told below
    },
  });
  const [all] = await made;
  const end = all.findIndex(({ id }) => ends.includes(id));
  const known = end < 0 ? all : all.slice(0, end + 1);
  const tokens = checkChosen(state, known.slice(0, countRight(guesses, known.map(({ id }) => id)) + 1), answering);
  goTo(state, answering, length + tokens.length - 1, 1);
  return tokens;
}

/** Has the next step begin at `position`, whatever was run beyond: what lies there is written again before it is read. */
function goTo(state: RunState, { sequence, sampler }: Answering, position: number, rows: number): void {
  const { model: { gpu: { device: { queue } }, activations }, submits } = state;
  const cursor = cursorOf(state, sequence);
  writeState(queue, activations, sequence, position, rows);
  submits.wroteRows(rows);
  if (cursor.row !== 0) sampler.setRow(sequence, 0);
  cursor.row = 0;
}
