// XTC ("exclude top choices"): now and then all of the most likely tokens but the least likely of them go, as in llama.cpp. A greedy
// request takes the most likely token whatever it says.
import { type SamplerStage, within } from './stage.ts';

export const xtc: SamplerStage = {
  name: 'xtc',
  fields: ({ xtcProbability = 0, xtcThreshold = 0.1 }) => ({
    xtcProbability: within('xtcProbability', xtcProbability, 0, 1),
    xtcThreshold: within('xtcThreshold', xtcThreshold, 0, 0.5),
  }),
  asked: () => false,
  dispatches: [],
};
