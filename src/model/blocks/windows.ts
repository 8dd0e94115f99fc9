// Which layers see a window of the last positions alone, and how long it is.
import { type ModelFile, mostPositions } from '../architecture.ts';
import { type ModelConfig } from '../graph.ts';

/**
 * Of a layer the positions that its window holds; undefined for one that sees all. `pattern`: every so many layers the last one sees all,
 * unless the file says otherwise, with a number or with a flag for each layer. `window`: its length where the file has none; 0 means none.
 */
export function readWindows(file: ModelFile, { layers }: ModelConfig, pattern: number, window = 0): (layer: number) => number | undefined {
  const key = 'attention.sliding_window_pattern';
  const length = file.count('attention.sliding_window', { least: 0, most: mostPositions, fallback: window });
  const flags = file.flags(key, layers);
  const period = flags ? pattern : file.count(key, { most: mostPositions, fallback: pattern });
  const isLocal = (layer: number) => (flags ? flags[layer] : layer % period < period - 1);
  return (layer) => (length > 0 && isLocal(layer) ? length : undefined);
}
