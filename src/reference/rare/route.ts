// Which experts a row of router logits chooses, and with what weights (model/ops/rare/route.ts has the sources).

export interface Routing {
  experts: number;
  used: number;
  scores: 'softmax' | 'sigmoid';
  /** (experts), for the choice alone. */
  bias?: Float32Array;
  /** Only experts of the best groups are chosen, by the sums of the two best of each. */
  groups?: { count: number; used: number };
  normalise: boolean;
  scale: number;
  /** (experts) Multiplies the weight of each. */
  expertScale?: Float32Array;
}

export interface Choice {
  expert: number;
  weight: number;
}

/** The choices of each row of `logits` (rows, experts), best first; of equal ones the first. */
export function route(logits: Float32Array, { experts, used, scores, bias, groups, normalise, scale, expertScale }: Routing): Choice[][] {
  return Array.from({ length: logits.length / experts }, (_, row) => {
    const given = [...logits.subarray(row * experts, (row + 1) * experts)];
    const highest = Math.max(...given);
    const raised = given.map((logit) => (scores === 'sigmoid' ? 1 / (1 + Math.exp(-logit)) : Math.exp(logit - highest)));
    const total = scores === 'sigmoid' ? 1 : raised.reduce((sum, each) => sum + each, 0);
    const by = raised.map((each, expert) => each / total + (bias?.[expert] ?? 0));
    const kept = new Set(groups && bestGroups(by, groups));
    const ranked = by.map((each, expert) => ({ expert, by: each })).filter(({ expert }) => !groups || kept.has(Math.floor(expert / (experts / groups.count))));
    ranked.sort((a, b) => b.by - a.by || a.expert - b.expert);
    const chosen = ranked.slice(0, used).map(({ expert }) => ({ expert, weight: raised[expert] / total }));
    const sum = normalise ? chosen.reduce((all, { weight }) => all + weight, 0) : 1;
    return chosen.map(({ expert, weight }) => ({ expert, weight: (weight / Math.max(sum, 2 ** -14)) * scale * (expertScale?.[expert] ?? 1) }));
  });
}

function bestGroups(scores: readonly number[], { count, used }: { count: number; used: number }): number[] {
  const size = scores.length / count;
  const sums = Array.from({ length: count }, (_, group) => {
    const [best, second = 0] = scores.slice(group * size, (group + 1) * size).sort((a, b) => b - a);
    return { group, sum: best + second };
  });
  return sums.sort((a, b) => b.sum - a.sum || a.group - b.group).slice(0, used).map(({ group }) => group);
}
