// The ring through which chosen tokens come back: while one buffer is read, the next submit fills another.
import { type Ledger } from '../../gpu/ledger.ts';

/** Most tokens of one submit. */
export const mostPerSubmit = 16;

const buffers = 2;
const bufferBytes = 4 * mostPerSubmit;

/** GPU bytes of the ring. */
export const readbackBytes = buffers * bufferBytes;

export interface Readback {
  /** Copies `count` ids, from index `first` on, at the end of a submit. Call what it returns after that submit: it gives them. */
  copy(encoder: GPUCommandEncoder, ids: GPUBuffer, first: number, count: number): () => Promise<Uint32Array>;
}

/** At most two copies may be under way at once. */
export function createReadback(ledger: Ledger): Readback {
  const ring = Array.from({ length: buffers }, (_, i) => ledger.create('staging', `readback.ids.${i}`, bufferBytes, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST));
  let turn = 0;
  return {
    copy(encoder, ids, first, count) {
      const buffer = ring[turn++ % buffers];
      encoder.copyBufferToBuffer(ids, 4 * first, buffer, 0, 4 * count);
      return async () => {
        await buffer.mapAsync(GPUMapMode.READ);
        const read = new Uint32Array(buffer.getMappedRange().slice(0, 4 * count));
        buffer.unmap();
        return read;
      };
    },
  };
}
