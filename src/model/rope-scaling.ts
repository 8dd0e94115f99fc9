// How a file's metadata scales positions before they become angles: none, linear or YaRN. The mathematics is in rope.ts.
import { InvalidFileError, UnsupportedModelError } from '../errors.ts';
import { type ModelFile, mostPositions } from './architecture.ts';
import { type Graph, type ModelConfig, type RopeSpec } from './graph.ts';

/** The tensors with factors that a rope names. */
export const factorTensors = ({ factors, long }: RopeSpec): string[] => [factors, long?.factors].filter((tensor) => tensor !== undefined);

/** The ropes of a graph, and the tensors with factors that they name. */
export const ropesOf = (...ropes: RopeSpec[]): Pick<Graph, 'ropes' | 'hostTensors'> => ({
  ropes, hostTensors: [...new Set(ropes.flatMap(factorTensors))],
});

/** As `readRope`, with Llama 3's factors if the file has them. */
export function readRopeWithFactors(file: ModelFile, config: ModelConfig, layout: RopeSpec['layout']): RopeSpec {
  const spec = readRope(file, config, layout);
  return file.hasTensor('rope_freqs.weight') ? { ...spec, factors: 'rope_freqs.weight' } : spec;
}

/** What YaRN multiplies cos and sin by (its section 3.4); some models divide it by the same of a multiplier of their own. */
const yarnMagnitude = (factor: number, multiplier = 1): number => (factor > 1 ? 1 + 0.1 * multiplier * Math.log(factor) : 1);

/**
 * LongRoPE (arXiv 2402.13753): divisors found by a search, some for contexts up to the one first trained for and others for longer ones.
 * As llama.cpp does it, what there is room for decides, not how long a text is: keys that were turned stay as they are.
 */
export function readLongRope(file: ModelFile, config: ModelConfig, layout: RopeSpec['layout']): RopeSpec {
  const above = file.count('rope.scaling.original_context_length', { most: mostPositions, fallback: config.context });
  return { ...readRope(file, config, layout, true), factors: 'rope_factors_short.weight', long: { factors: 'rope_factors_long.weight', above } };
}

/** Rope keys as llama.cpp reads them: scaling none, linear or yarn; `long`: or longrope, whose factors are tensors. */
export function readRope(file: ModelFile, config: ModelConfig, layout: RopeSpec['layout'], long = false): RopeSpec {
  const dims = file.number('rope.dimension_count', config.headDim);
  if (!Number.isInteger(dims) || dims < 2 || dims > config.headDim || dims % 2) {
    throw new InvalidFileError(
      `${config.architecture}.rope.dimension_count is ${dims}; it has to be an even number up to the head dimension ${config.headDim}.`,
    );
  }
  const base = file.number('rope.freq_base', 10000);
  if (!(base > 0)) throw new InvalidFileError(`${config.architecture}.rope.freq_base is ${base}; it has to be above 0.`);
  const type = file.string('rope.scaling.type', 'linear'); // llama.cpp's default: a file may give the factor alone
  const factor = file.number('rope.scaling.factor', file.number('rope.scale_linear', 0)) || 1; // 0 means none
  if (!(factor > 0 && factor < Infinity)) throw new InvalidFileError(`${config.architecture}.rope.scaling.factor is ${factor}; it has to be above 0.`);
  const attentionFactor = file.number('rope.scaling.attn_factor', 1);
  const spec: RopeSpec = { dims, layout, base, scale: 1, magnitude: attentionFactor };
  if (long && type === 'longrope') return spec;
  switch (type) {
    case 'none':
      return spec;
    case 'linear':
      return { ...spec, scale: 1 / factor };
    case 'yarn': {
      const yarn = {
        originalContext: file.number('rope.scaling.original_context_length', config.context),
        betaFast: file.number('rope.scaling.yarn_beta_fast', 32),
        betaSlow: file.number('rope.scaling.yarn_beta_slow', 1),
        extFactor: file.number('rope.scaling.yarn_ext_factor', 1),
      };
      const magnitude = yarnMagnitude(factor) / yarnMagnitude(factor, file.number('rope.scaling.yarn_log_multiplier', 0));
      return { ...spec, scale: 1 / factor, yarn, magnitude: attentionFactor * (yarn.extFactor ? magnitude : 1) };
    }
    default:
      throw new UnsupportedModelError(
        `The rope scaling type "${type}" is not supported by windrow for ${config.architecture}; supported are none, linear and yarn.`,
      );
  }
}
