// The residual stream behind the last norm, read from the GPU: what the head multiplies, and what embeddings are made of.
import { readBytes } from '../../gpu/read-bytes.ts';
import { type Step } from '../../gpu/program.ts';
import { type RunState } from './run-state.ts';

/** Of the steps of one or several sequences, whose rows are on the GPU, those from `first` on, (row, dim). */
export async function readNormed({ model, submits }: RunState, steps: readonly Step[], first: number): Promise<Float32Array<ArrayBuffer>> {
  const { gpu: { device }, ledger, activations: { buffers, strides }, graph: { config: { dim, vocab } }, heads } = model;
  await submits.run(await heads.normed(), [steps]);
  const count = steps.reduce((sum, { rows }) => sum + rows, 0) - first;
  const rowBytes = 4 * strides.normed;
  const most = Math.max(1, Math.floor((4 * vocab) / rowBytes)); // as much is planned for what is read back
  const rows = new Float32Array(count * dim);
  for (let done = 0; done < count; done += most) {
    const range = { buffer: buffers.normed.buffer, offset: (first + done) * rowBytes, byteLength: Math.min(most, count - done) * rowBytes };
    const padded = new Float32Array(await readBytes(device, ledger, 'readback.normed', range, submits.submit));
    for (let at = 0, row = done; at < padded.length; at += strides.normed, row++) rows.set(padded.subarray(at, at + dim), row * dim);
  }
  return rows;
}
