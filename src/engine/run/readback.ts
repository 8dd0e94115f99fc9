// The ring through which chosen tokens come back: while one buffer is read, the next submit fills another.
import { type Ledger } from '../../gpu/ledger.ts';
import { recordCount, recordWords } from '../../model/sampling/buffers.ts';
import { readRecord } from '../../model/sampling/logprobs.ts';
import { type SamplerRecords } from '../../model/sampling/sampler.ts';
import { type Token } from '../../protocol.ts';

/** Most tokens of one submit. */
export const mostPerSubmit = recordCount;

const buffers = 2;
const idBytes = 4 * mostPerSubmit;
const recordBytes = 4 * recordCount * recordWords;
const bufferBytes = idBytes + recordBytes;

/** GPU bytes of the ring. */
export const readbackBytes = buffers * bufferBytes;

export interface Readback {
  /** Copies `count` ids, from position `first` on, and their records if there are any, at the end of a submit. Call what it returns after that submit: it gives the tokens. */
  copy(encoder: GPUCommandEncoder, ids: GPUBuffer, records: SamplerRecords | undefined, first: number, count: number): () => Promise<Token[]>;
}

/** At most two copies may be under way at once. */
export function createReadback(ledger: Ledger, vocab: number): Readback {
  const ring = Array.from({ length: buffers }, (_, i) => ledger.create('staging', `readback.tokens.${i}`, bufferBytes, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST));
  let turn = 0;
  return {
    copy(encoder, ids, records, first, count) {
      const buffer = ring[turn++ % buffers];
      encoder.copyBufferToBuffer(ids, 4 * first, buffer, 0, 4 * count);
      if (records) encoder.copyBufferToBuffer(records.buffer.buffer, 0, buffer, idBytes, recordBytes);
      return async () => {
        await buffer.mapAsync(GPUMapMode.READ);
        const words = new Uint32Array(buffer.getMappedRange().slice(0));
        buffer.unmap();
        return Array.from(words.subarray(0, count), (id, i) => (records ? readRecord(id, words.subarray(mostPerSubmit), first + i, records.top, vocab) : { id }));
      };
    },
  };
}
