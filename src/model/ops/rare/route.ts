// chosen = the experts with the highest scores of each row, best first, and their weights. Scores are a softmax over the router's
// logits (Shazeer et al., arXiv 1701.06538) or sigmoids (DeepSeek-V3, arXiv 2412.19437); a bias is for the choice alone.
import { wgslNumber } from '../../../gpu/kernels.ts';
import { type Op } from '../../graph.ts';
import { type Operation, pad32 } from '../../operation.ts';

export interface Route extends Op {
  op: 'route';
  /** Buffer of the router's logits, a number per expert. */
  input: string;
  experts: number;
  /** Experts of a row. */
  used: number;
  scores: 'softmax' | 'sigmoid';
  /** Tensor of a number per expert. */
  bias?: string;
  /** Experts in as many groups of equal size, of which only those of the best ones are chosen, by the sum of the two best in each. */
  groups?: { count: number; used: number };
  /** The weights of a row are divided by their sum. */
  normalise: boolean;
  /** Multiplies the weights at last. */
  scale: number;
  /** Tensor of a number per expert, which multiplies its weight. */
  expertScale?: string;
  /** Whether the chosen experts are items that are fetched: not where their neurons are. Default true. */
  fetched?: boolean;
}

export const route = (given: Omit<Route, 'op'>): Route => ({ op: 'route', ...given });

/** What there is room for in the kernels. */
export const mostExperts = wgslNumber('most-experts', 'MostExperts');
export const mostUsed = wgslNumber('most-experts', 'MostUsed');
export const mostGroups = wgslNumber('most-experts', 'MostGroups');

/** The buffer of choices: u32, the ids of a row and then the bits of their weights. */
export const chosen = 'chosen';
export const chosenWords = (used: number): number => 2 * used;

const flag = (value: unknown) => (value ? 1 : 0);

export const operation: Operation<Route> = {
  name: 'route',
  vectors: ({ bias, expertScale, experts }) => [bias, expertScale].flatMap((tensor) => (tensor === undefined ? [] : [{ tensor, length: experts }])),
  buffers: ({ input, experts, used }) => ({ [input]: pad32(experts), [chosen]: chosenWords(used) }),
  dispatches(op, { activations: { buffers, strides } }, { vectors, vectorOffset }, _mode, section) {
    const { input, experts, used, scores, bias, groups, normalise, scale, expertScale, fetched = true } = op;
    return [
      {
        label: `${section}.route`,
        kernel: {
          kernel: 'route', files: ['most-experts'],
          constants: {
            Sigmoid: flag(scores === 'sigmoid'), HasBias: flag(bias), Groups: flag(groups), Normalise: flag(normalise), HasScale: flag(expertScale),
          },
        },
        params: {
          experts, used, scale,
          input_stride: strides[input], output_stride: strides[chosen],
          bias: bias === undefined ? 0 : vectorOffset(bias), expert_scale: expertScale === undefined ? 0 : vectorOffset(expertScale),
          groups: groups?.count ?? 1, groups_used: groups?.used ?? 1,
        },
        bindings: { vectors, input: buffers[input], output: buffers[chosen] },
        chooses: fetched,
        grid: ({ rows }) => [rows],
      },
    ];
  },
  costs: {
    route: ({ params = {} }, { rows }) => ({ bytes: rows * 4 * (params.experts + 2 * params.used), flops: rows * params.experts * (params.experts + 4) }),
  },
};
