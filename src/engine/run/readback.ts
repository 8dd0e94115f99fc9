// The ring through which chosen tokens come back: while one buffer is read, the next submit fills another.
import { type Ledger } from '../../gpu/ledger.ts';
import { mostChosen } from '../../model/blocks/chosen-rows.ts';
import { recordCount, recordWords } from '../../model/sampling/buffers.ts';
import { readRecord } from '../../model/sampling/logprobs.ts';
import { type SamplerRecords } from '../../model/sampling/sampler.ts';
import { type Token } from '../../protocol.ts';

/** Most tokens of one submit. */
export const mostPerSubmit = recordCount;

const buffers = 2;
const idBytes = 4 * mostPerSubmit;
const recordBytes = 4 * recordCount * recordWords;
const partBytes = idBytes + recordBytes;

/** GPU bytes of the ring. */
export const readbackBytes = buffers * mostChosen * partBytes;

/** The tokens of one sequence, from position `first` on. */
export interface ReadPart {
  ids: GPUBuffer;
  first: number;
  /** If log-probabilities are asked for. */
  records?: SamplerRecords;
}

export interface Readback {
  /**
   * Copies `count` ids of each part, and their records if there are any, at the end of a submit. Call what it returns after that submit: it
   * gives the tokens of each.
   */
  copy(encoder: GPUCommandEncoder, parts: readonly ReadPart[], count: number): () => Promise<Token[][]>;
}

/** At most two copies may be under way at once. */
export function createReadback(ledger: Ledger, vocab: number): Readback {
  const ring = Array.from({ length: buffers }, (_, i) =>
    ledger.create('staging', `readback.tokens.${i}`, mostChosen * partBytes, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST),
  );
  let turn = 0;
  return {
    copy(encoder, parts, count) {
      const buffer = ring[turn++ % buffers];
      parts.forEach(({ ids, first, records }, i) => {
        encoder.copyBufferToBuffer(ids, 4 * first, buffer, i * partBytes, 4 * count);
        if (records) encoder.copyBufferToBuffer(records.buffer.buffer, 0, buffer, i * partBytes + idBytes, recordBytes);
      });
      return async () => {
        await buffer.mapAsync(GPUMapMode.READ, 0, parts.length * partBytes);
        const all = new Uint32Array(buffer.getMappedRange(0, parts.length * partBytes).slice(0));
        buffer.unmap();
        return parts.map(({ first, records }, part) => {
          const words = all.subarray((part * partBytes) / 4);
          return Array.from(words.subarray(0, count), (id, i) =>
            records ? readRecord(id, words.subarray(mostPerSubmit), first + i, records.top, vocab) : { id },
          );
        });
      };
    },
  };
}
