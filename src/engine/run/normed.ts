// The residual stream behind the last norm, read from the GPU: what the head multiplies, and what embeddings are made of.
import { readBytes } from '../../gpu/read-bytes.ts';
import { type Step } from '../../gpu/program.ts';
import { type RunState } from './run-state.ts';

/** Of a step whose rows are on the GPU, those from `first` on, (row, dim). */
export async function readNormed({ model, submits }: RunState, step: Step, first: number): Promise<Float32Array<ArrayBuffer>> {
  const { gpu: { device }, ledger, activations: { buffers, strides }, graph: { config: { dim } }, heads } = model;
  await submits.run(await heads.normed(), [[step]]);
  const count = step.rows - first;
  const range = { buffer: buffers.normed.buffer, offset: 4 * first * strides.normed, byteLength: 4 * count * strides.normed };
  const padded = new Float32Array(await readBytes(device, ledger, 'readback.normed', range, submits.submit));
  const rows = new Float32Array(count * dim);
  for (let row = 0; row < count; row++) rows.set(padded.subarray(row * strides.normed, row * strides.normed + dim), row * dim);
  return rows;
}
