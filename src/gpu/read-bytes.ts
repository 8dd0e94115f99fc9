// Bytes of a GPU buffer, read through a staging buffer that the budget counts.
import { type Ledger } from './ledger.ts';

/** What is read; `offset` is in bytes, by default 0. */
export interface ByteRange {
  buffer: GPUBuffer;
  offset?: number;
  byteLength: number;
}

/** BudgetError where the staging buffer has no room. `submit` is for what counts submits; by default the device's queue has it. */
export async function readBytes(
  device: GPUDevice,
  ledger: Ledger,
  label: string,
  { buffer, offset = 0, byteLength }: ByteRange,
  submit = (encoder: GPUCommandEncoder): void => device.queue.submit([encoder.finish()]),
): Promise<ArrayBuffer> {
  const staging = ledger.create('staging', label, byteLength, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
  try {
    await ledger.settle();
    const encoder = device.createCommandEncoder({ label });
    encoder.copyBufferToBuffer(buffer, offset, staging, 0, byteLength);
    submit(encoder);
    await staging.mapAsync(GPUMapMode.READ);
    return staging.getMappedRange().slice(0, byteLength);
  } finally {
    ledger.destroy(staging);
  }
}
