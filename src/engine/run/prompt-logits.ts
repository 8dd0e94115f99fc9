// Logits of a prompt's tokens, read from the GPU: of the last one, of all, or of some.
import { RequestError } from '../../errors.ts';
import { readBytes } from '../../gpu/read-bytes.ts';
import { mostChosen } from '../../model/blocks/chosen-rows.ts';
import { type Step } from '../../gpu/program.ts';
import { type Prompt, bodyOf, forChunks } from './feed.ts';
import { type RunState, pick } from './run-state.ts';

/** The logits of the last step from row `first` on, (rows, vocab). */
export async function readLogits({ model, submits }: RunState, first = 0, rows = 1): Promise<Float32Array> {
  const { gpu: { device }, ledger, activations, graph } = model;
  const rowBytes = 4 * graph.config.vocab;
  const range = { buffer: activations.buffers.logits.buffer, offset: first * rowBytes, byteLength: rows * rowBytes };
  return new Float32Array(await readBytes(device, ledger, 'readback.logits', range, submits.submit));
}

/** Runs a prompt and hands over the logits of every token, (rows, vocab), chunk by chunk. RequestError for a model without room for them. */
export async function feedAll(state: RunState, prompt: Prompt, onRows: (logits: Float32Array, rows: number) => void): Promise<void> {
  const { programs, heads: { all } } = state.model;
  if (!all) throw new RequestError('The model was loaded without room for the logits of every token.');
  await forChunks(state, prompt, () => [...programs.prefill, ...all], async ({ rows }) => onRows(await readLogits(state, 0, rows), rows));
}

/**
 * Hands over the logits of the first `count` rows of a step that is on the GPU, (vocab) each, and leaves those of its last row there, as a prompt
 * does. RequestError for a model without room for them.
 */
export async function readRows(state: RunState, step: Step, count: number, onRow: (row: number, logits: Float32Array) => void): Promise<void> {
  const { model: { heads: { chosen }, sizes }, submits } = state;
  if (!chosen) throw new RequestError('The model was loaded without room for the logits of chosen tokens. Load it with a larger budget.');
  const run = async (rows: number[]): Promise<void> => {
    pick(state, rows);
    await submits.run(chosen.stages, [[{ ...step, rows: rows.length }]]);
  };
  const most = Math.min(sizes.logitsRows, mostChosen);
  for (let first = 0; first < count; first += most) {
    const rows = Array.from({ length: Math.min(most, count - first) }, (_, i) => first + i);
    await run(rows);
    for (const [i, row] of rows.entries()) onRow(row, await readLogits(state, i));
  }
  await run([step.rows - 1]);
}

/** Runs a prompt and gives the logits of the tokens at `rows`, indices into its ids: (row, vocab). RequestError for a model without room for them. */
export async function feedRows(state: RunState, prompt: Prompt, rows: readonly number[]): Promise<Float32Array> {
  const { model, submits } = state;
  const { heads: { chosen }, sizes, graph: { config: { vocab } } } = model;
  if (!chosen) throw new RequestError('The model was loaded without room for the logits of chosen tokens.');
  checkRows(rows, prompt.ids.length, Math.min(sizes.logitsRows, mostChosen));
  const all = new Float32Array(rows.length * vocab);
  await forChunks(state, prompt, (step) => bodyOf(model, step), async (step) => {
    const first = step.length - step.rows - prompt.position;
    const here = [...rows.keys()].filter((i) => rows[i] >= first && rows[i] < first + step.rows);
    if (!here.length) return;
    pick(state, here.map((i) => rows[i] - first));
    await submits.run(chosen.stages, [[{ ...step, rows: here.length }]], prompt.signal);
    for (const [n, i] of here.entries()) all.set(await readLogits(state, n), i * vocab);
  });
  return all;
}

function checkRows(rows: readonly number[], tokens: number, most: number): void {
  if (rows.length < 1 || rows.length > most)
    throw new RequestError(`The logits of ${rows.length} tokens were asked for; the model was loaded for 1 to ${most} of them.`);
  const bad = rows.find((row) => !(Number.isInteger(row) && row >= 0 && row < tokens));
  if (bad !== undefined) throw new RequestError(`The logits of token ${bad} were asked for; the ${tokens} tokens are counted from 0.`);
}
