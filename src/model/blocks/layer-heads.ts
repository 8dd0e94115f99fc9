// Layers whose heads differ by whether they have a window, of which the last attend to keys and values of earlier ones.
import { InvalidFileError, UnsupportedModelError } from '../../errors.ts';
import { type ModelFile, mostHeadDim } from '../architecture.ts';
import { type CacheHeads, type Heads, type ModelConfig } from '../graph.ts';
import { readWindows } from './windows.ts';

export interface Layer {
  /** The prefix `blk.N`. */
  blk: string;
  /** Where its keys and values are, and whether it makes them. */
  cache: number;
  writes: boolean;
  window?: number;
  shape: Heads;
}

/** Heads of layers with a window are of `key_length_swa`, the last `shared_kv_layers` attend to the last earlier layer of their kind. */
export function readLayers(file: ModelFile, config: ModelConfig, kvHeads: readonly number[]): { layers: Layer[]; caches: CacheHeads[] } {
  const { layers, heads, headDim } = config;
  const windowOf = readWindows(file, config, 6);
  const sizeOf = (key: string) => file.count(`attention.${key}_length_swa`, { most: mostHeadDim, fallback: headDim });
  const [keys, values] = [sizeOf('key'), sizeOf('value')];
  if (keys !== values || keys % 2)
    throw new UnsupportedModelError(`Keys of ${keys} and values of ${values} dimensions per head; windrow needs them equal and even.`);
  const writing = layers - file.count('attention.shared_kv_layers', { least: 0, most: layers - 1, fallback: 0 });
  const shapes = Array.from({ length: layers }, (_, layer): Heads => ({ heads, kvHeads: kvHeads[layer], headDim: windowOf(layer) ? keys : headDim }));
  const cacheOf = (layer: number) => {
    if (layer < writing) return layer;
    for (let earlier = writing - 1; earlier >= 0; earlier--) if (!windowOf(earlier) === !windowOf(layer)) return earlier;
    throw new InvalidFileError(`Layer ${layer} attends to keys and values of an earlier layer of its kind, and there is none.`);
  };
  const bad = shapes.find((shape) => !shape.kvHeads || heads % shape.kvHeads);
  if (bad) throw new InvalidFileError(`${heads} query heads cannot share ${bad.kvHeads} key/value heads evenly.`);
  return {
    caches: shapes.slice(0, writing),
    layers: shapes.map((shape, layer) => {
      const cache = cacheOf(layer);
      return { blk: `blk.${layer}`, cache, writes: layer < writing, window: windowOf(layer), shape: { ...shape, kvHeads: shapes[cache].kvHeads } };
    }),
  };
}
