// Runs once, before any answer, what steps with guesses run: drivers make ready at the first dispatch what was compiled before, and no answer is
// to pay for that. What it reads is whatever is there, streamed weights are not brought, and nothing of what it writes is read.
import { type Sequence } from '../../../kv/sequence.ts';
import { mostChosen } from '../../../model/blocks/chosen-rows.ts';
import { type Sampler } from '../../../model/sampling/sampler.ts';
import { writeState } from '../../../model/sequence-buffers.ts';
import { type RunState, cursorOf, makeRoom, pick } from '../run-state.ts';
import { type Piece } from '../schedule/submits.ts';

/**
 * With a sampler what a model that drafts runs, prompts and tokens one by one; without one what checks guesses. Of no model that keeps a state: that
 * would be advanced.
 */
export async function warm(state: RunState, sequence: Sequence, sampler?: Sampler): Promise<void> {
  const { model: { programs, heads, sizes }, mostTogether } = state;
  const position = sequence.tokens.length; // what lies beyond is written before it is read
  const rows = Math.min(sampler ? mostChosen : mostTogether, sizes.chunk, sizes.context - position);
  if (rows < 2) return;
  await makeRoom(state, sequence, position + rows);
  await sampler?.ready();
  if (!sampler) pick(state, [...Array(rows).keys()]);
  await runOnce(state, sequence, [...programs.prefill, ...((!sampler && heads.chosen?.stages) || [])], position, rows);
  if (!sampler) return;
  sampler.start(sequence);
  await runOnce(state, sequence, [...programs.decode, ...heads.last, sampler], position, 1);
}

/** Each piece in a submit of its own: together they may take longer than a GPU is left to itself. */
async function runOnce(state: RunState, sequence: Sequence, pieces: readonly Pick<Piece, 'program'>[], position: number, rows: number): Promise<void> {
  const { model: { gpu: { device }, activations }, submits } = state;
  writeState(device.queue, activations, sequence, position, rows);
  submits.wroteRows(rows);
  cursorOf(state, sequence).row = 0;
  for (const { program } of pieces) {
    const encoder = device.createCommandEncoder({ label: 'warm' });
    const pass = encoder.beginComputePass();
    program.encode(pass, [{ rows, length: position + rows, of: sequence }]);
    pass.end();
    submits.submit(encoder);
  }
  await device.queue.onSubmittedWorkDone();
}
