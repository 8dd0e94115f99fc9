// Experts that a step chose, where they are fetched on demand: their ids come back to the CPU, and those that are missing are brought
// before what reads them runs.
import { isExperts } from '../../model/ops/experts.ts';
import { chosen } from '../../model/ops/route.ts';
import { type Items } from '../../weights/stream/items/items.ts';
import { type LoadedModel } from '../load/load.ts';
import { choicesBytes } from '../load/plan/plan-bytes.ts';

export interface Choices {
  /** Copies what a section chose for `rows` rows, at the end of a submit. Call what it returns after that submit. */
  copy(encoder: GPUCommandEncoder, section: number, rows: number): () => void;
  /** Resolves when some of the experts that were chosen last are in their slots: `last` if no others are left. */
  next(signal?: AbortSignal): Promise<{ last: boolean }>;
  /** Resolves when nothing is under way of what an earlier run chose. */
  stop(): Promise<void>;
}

export function createChoices({ ledger, activations: { buffers, strides }, sections, sizes }: LoadedModel, items: Items): Choices {
  const stride = strides[chosen];
  const staging = ledger.create('staging', 'readback.choices', choicesBytes(strides, sizes), GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
  const used = sections.map(({ ops }) => ops.map(({ op }) => op).find(isExperts)?.used ?? 0);
  let reading: Promise<void> | undefined;

  async function read(section: number, rows: number): Promise<void> {
    const byteLength = 4 * rows * stride;
    await staging.mapAsync(GPUMapMode.READ, 0, byteLength);
    const words = new Uint32Array(staging.getMappedRange(0, byteLength).slice(0));
    staging.unmap();
    const ids = new Set<number>();
    for (let row = 0; row < rows; row++) for (const id of words.subarray(row * stride, row * stride + used[section])) ids.add(id);
    items.want(section, ids);
  }

  return {
    copy(encoder, section, rows) {
      encoder.copyBufferToBuffer(buffers[chosen].buffer, 0, staging, 0, 4 * rows * stride);
      return () => {
        reading = read(section, rows);
        reading.catch(() => {}); // told by `next`
      };
    },
    async next(signal) {
      await reading;
      return items.next(signal);
    },
    async stop() {
      await reading?.catch(() => {});
      reading = undefined;
      await items.stop();
    },
  };
}
