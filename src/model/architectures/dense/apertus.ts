// Apertus: a feed-forward layer without a gate, whose activation xIELU is trained in each layer. arXiv 2509.14233.
import { InvalidFileError } from '../../../errors.ts';
import { type Architecture, type ModelFile, blocks, ends, readConfig } from '../../architecture.ts';
import { back, queriesKeysValues, ungated } from '../../blocks/branches.ts';
import { attend } from '../../ops/attend.ts';
import { type Xielu } from '../../ops/project.ts';
import { rope } from '../../ops/rope.ts';
import { readRopeWithFactors, ropesOf } from '../../rope-scaling.ts';

export const architecture: Architecture = {
  name: 'apertus',
  harmless: [],
  graph(file) {
    const config = readConfig(file, 'apertus');
    const { heads, headDim, ffn } = config;
    return {
      config,
      ...ropesOf(readRopeWithFactors(file, config, 'halves')),
      ...ends(file, config),
      layers: blocks(config, (layer) => {
        const blk = `blk.${layer}`;
        return [
          queriesKeysValues(file, config, blk),
          rope({ layer, rope: 0, queryNorm: `${blk}.attn_q_norm.weight`, keyNorm: `${blk}.attn_k_norm.weight` }),
          attend({ layer, scale: 1 / Math.sqrt(headDim) }),
          back(file, config, `${blk}.attn_output.weight`, 'attended', heads * headDim),
          ungated(file, config, blk, readXielu(file, layer)),
          back(file, config, `${blk}.ffn_down.weight`, 'hidden', ffn),
        ];
      }),
    };
  },
};

/** The file holds both alphas before softplus, which keeps them above 0. */
function readXielu({ header }: ModelFile, layer: number): Xielu {
  const read = (name: string): number => {
    const given = header.metadata.get(`xielu.${name}`);
    const value = typeof given === 'object' ? given[layer] : given;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw new InvalidFileError(`The file's xielu.${name} is ${String(value)} for layer ${layer}; an apertus model needs a finite number for each layer.`);
  };
  const softplus = (value: number) => Math.log1p(Math.exp(value));
  const beta = read('beta');
  return { kind: 'xielu', negative: beta + softplus(read('alpha_n')), positive: softplus(read('alpha_p')), beta, most: read('eps') };
}
