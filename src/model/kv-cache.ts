// Keys and values of one conversation: two buffers per layer, grown in steps between submits.
// Keys lie (position / 32, kv head, 4 dimensions, position % 32), values (position, kv head, 4 dimensions); in 8 bits one
// word more per head, its scale, lies behind its dimensions. So what is cached of a text is the beginning of each buffer.
import { type Ledger } from '../gpu/ledger.ts';
import { type KvType } from '../protocol.ts';
import { type ModelConfig } from './graph.ts';

export interface KvCache {
  /** Positions there is room for. */
  readonly capacity: number;
  keys(layer: number): GPUBuffer;
  values(layer: number): GPUBuffer;
  /** Makes room, one layer at a time (allocate, copy, destroy). True if buffers were replaced. */
  grow(device: GPUDevice, positions: number): boolean;
}

/** Bytes of the keys (or the values) of one layer. */
export function kvBytes({ kvHeads, headDim }: Pick<ModelConfig, 'kvHeads' | 'headDim'>, positions: number, type: KvType): number {
  const vec4s = Math.ceil(headDim / 4);
  return Math.ceil(positions / 32) * 32 * kvHeads * { f32: 16 * vec4s, f16: 8 * vec4s, q8: 4 * vec4s + 4 }[type];
}

/** Bytes of the keys and values of one position of a layer. */
export const kvPositionBytes = (config: Pick<ModelConfig, 'kvHeads' | 'headDim'>, type: KvType): number => (2 * kvBytes(config, 32, type)) / 32;

/** Positions are added in steps of this many, or doubled, whichever is more. */
const step = 256;

/** Room made for `positions` when the cache holds fewer, of at most `most`. */
export const kvPositions = (positions: number, most: number): number => Math.min(most, Math.ceil(positions / step) * step);

export function createKvCache(ledger: Ledger, config: ModelConfig, maxPositions: number, type: KvType): KvCache {
  let capacity = kvPositions(1, maxPositions);
  const make = (layer: number, what: string, positions: number) =>
    ledger.create('kv', `kv.${layer}.${what}`, kvBytes(config, positions, type), GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST);
  const layers = Array.from({ length: config.layers }, (_, layer) => ({ keys: make(layer, 'keys', capacity), values: make(layer, 'values', capacity) }));

  return {
    get capacity() {
      return capacity;
    },
    keys: (layer) => layers[layer].keys,
    values: (layer) => layers[layer].values,
    grow(device, positions) {
      if (positions <= capacity) return false;
      const wanted = kvPositions(Math.max(positions, capacity * 2), maxPositions);
      layers.forEach((layer, index) => {
        for (const what of ['keys', 'values'] as const) {
          const old = layer[what];
          const next = make(index, what, wanted);
          const encoder = device.createCommandEncoder({ label: 'kv.grow' });
          encoder.copyBufferToBuffer(old, 0, next, 0, old.size);
          device.queue.submit([encoder.finish()]);
          ledger.destroy(old);
          layer[what] = next;
        }
      });
      capacity = wanted;
      return true;
    },
  };
}
