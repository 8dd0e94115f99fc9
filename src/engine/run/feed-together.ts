// Runs whole prompts of several sequences in one step, and reads what the head multiplies of them. A chunk of its own: texts that are to be
// embedded run so.
import { BudgetError } from '../../errors.ts';
import { everySignal } from '../../signals.ts';
import { writeState } from '../../model/sequence-buffers.ts';
import { type Prompt, begin, noteRun } from './feed.ts';
import { readNormed } from './normed.ts';
import { type RunState, cursorOf } from './run-state.ts';

/**
 * Of as many of the prompts, from the first on, as there is room for: the residual stream of each behind the last norm, (token, dim). No logits
 * come with it. `prompts`: each whole, together no more tokens than `mostRows` of the runner. BudgetError where there is no room for the first.
 */
export async function feedTogether(state: RunState, prompts: readonly Prompt[]): Promise<Float32Array<ArrayBuffer>[]> {
  const { model: { gpu: { device }, activations, programs, graph: { config: { dim } } }, submits } = state;
  const run = await beginAll(state, prompts);
  const steps = run.map(({ sequence, ids, position }) => ({ rows: ids.length, length: position + ids.length, of: sequence }));
  let first = 0;
  for (const { sequence, ids, position } of run) {
    writeState(device.queue, activations, sequence, position, ids.length, first);
    submits.wroteRows(ids.length);
    cursorOf(state, sequence).row = first;
    first += ids.length;
  }
  await submits.embed(run.flatMap(({ ids }) => ids));
  for (const { sequence } of run) sequence.memory?.begin();
  const signal = everySignal(run.map((prompt) => prompt.signal));
  await submits.run(programs.prefill, [steps], signal);
  const rows = await readNormed(state, steps, 0);
  let read = 0;
  const parts = run.map(({ ids }) => rows.subarray(read, (read += ids.length * dim)));
  for (const [i, prompt] of run.entries()) {
    const { memory } = prompt.sequence;
    memory?.ran(steps[i].length);
    if (steps[i].rows > 1) memory?.keep();
    await noteRun(state, { ...prompt, signal }, steps[i]);
  }
  return parts;
}

/** Those that there is room for, from the first on. */
async function beginAll(state: RunState, prompts: readonly Prompt[]): Promise<readonly Prompt[]> {
  for (const [i, prompt] of prompts.entries()) {
    try {
      await begin(state, prompt);
    } catch (error) {
      if (i === 0 || !(error instanceof BudgetError)) throw error;
      return prompts.slice(0, i);
    }
  }
  return prompts;
}
