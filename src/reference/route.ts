// Which experts a row of router logits chooses, and with what weights (model/ops/route.ts has the sources).

export interface Routing {
  experts: number;
  used: number;
  scores: 'softmax' | 'sigmoid';
  /** (experts), for the choice alone. */
  bias?: Float32Array;
  normalise: boolean;
  scale: number;
}

export interface Choice {
  expert: number;
  weight: number;
}

/** The choices of each row of `logits` (rows, experts), best first; of equal ones the first. */
export function route(logits: Float32Array, { experts, used, scores, bias, normalise, scale }: Routing): Choice[][] {
  return Array.from({ length: logits.length / experts }, (_, row) => {
    const given = [...logits.subarray(row * experts, (row + 1) * experts)];
    const highest = Math.max(...given);
    const raised = given.map((logit) => (scores === 'sigmoid' ? 1 / (1 + Math.exp(-logit)) : Math.exp(logit - highest)));
    const total = scores === 'sigmoid' ? 1 : raised.reduce((sum, each) => sum + each, 0);
    const ranked = raised.map((each, expert) => ({ expert, by: each + (bias?.[expert] ?? 0) }));
    ranked.sort((a, b) => b.by - a.by || a.expert - b.expert);
    const chosen = ranked.slice(0, used).map(({ expert }) => ({ expert, weight: raised[expert] / total }));
    const sum = normalise ? chosen.reduce((all, { weight }) => all + weight, 0) : 1;
    return chosen.map(({ expert, weight }) => ({ expert, weight: (weight / Math.max(sum, 2 ** -14)) * scale }));
  });
}
