// Bytes of a GPU buffer, read a piece after the other where the budget has no room for all of them at once.
import { BudgetError } from '../errors.ts';
import { type Ledger } from './ledger.ts';
import { type ByteRange, readBytes } from './read-bytes.ts';

/** The ledger counts in multiples of it. */
const unit = 16;

/** Pieces are as large as there is room for, by halves; BudgetError where there is none for one of `least` bytes. */
export async function readInPieces(
  device: GPUDevice,
  ledger: Ledger,
  label: string,
  { buffer, offset = 0, byteLength, least }: ByteRange & { least: number },
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(byteLength);
  const smallest = Math.max(unit, Math.floor(least / unit) * unit);
  let most = byteLength;
  for (let done = 0; done < byteLength; ) {
    const size = Math.min(most, byteLength - done);
    try {
      bytes.set(new Uint8Array(await readBytes(device, ledger, label, { buffer, offset: offset + done, byteLength: size })), done);
      done += size;
    } catch (error) {
      if (!(error instanceof BudgetError) || most <= smallest) throw error;
      most = Math.max(smallest, Math.ceil(most / 2 / unit) * unit);
    }
  }
  return bytes;
}
