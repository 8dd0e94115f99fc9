// Models of which only some layers attend: which do, and the caches of keys and values that these have.
import { UnsupportedModelError } from '../../errors.ts';
import { type ModelFile, readConfig } from '../architecture.ts';
import { type ModelConfig } from '../graph.ts';

export interface Hybrid {
  config: ModelConfig;
  /** The cache of a layer that attends; undefined for the others. */
  cacheOf(layer: number): number | undefined;
}

/** The config of a model whose layers attend where `attends` says so. */
export function hybridOf(config: ModelConfig, attends: (layer: number) => boolean): Hybrid {
  const layers = Array.from({ length: config.layers }, (_, layer) => layer).filter(attends);
  const { kvHeads, headDim } = config;
  return {
    config: { ...config, caches: layers.map(() => ({ kvHeads, headDim })) },
    cacheOf: (layer) => (layers.includes(layer) ? layers.indexOf(layer) : undefined),
  };
}

/** The same of a file that says it by `head_count_kv`, which is 0 in layers that do not attend. `expertsOnly`: as of `readConfig`. */
export function readHybrid(file: ModelFile, architecture: string, expertsOnly = false): Hybrid {
  const key = 'attention.head_count_kv';
  const counts = file.counts(key, 4096);
  const width = 'feed_forward_length';
  const ffn = expertsOnly && !file.has(width) ? 0 : commonOf(file.counts(width, 1 << 20), width);
  const config = readConfig(file, architecture, { kvHeads: commonOf(counts, key), ffn });
  return hybridOf(config, (layer) => counts.at(layer) !== 0);
}

/** The one number that is not 0 in a list of one for each layer; 0 if there is none. */
function commonOf(counts: readonly number[], key: string): number {
  const [first = 0, ...others] = new Set(counts.filter((count) => count > 0));
  if (others.length)
    throw new UnsupportedModelError(`The file's ${key} is ${first} in some layers and ${others[0]} in others; windrow needs one number for all that have one.`);
  return first;
}
