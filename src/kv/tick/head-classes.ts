// Heads that look far back, and those that do not: by how much of their attention goes to where the same token was before, and to what followed it
// there, which a model tells without any training (RazorAttention, arXiv 2407.15891).
import { RequestError } from '../../errors.ts';
import { type PolicyModel } from '../policy.ts';

/** (layer, kv head) */
export type HeadScores = readonly (readonly number[])[];

/** Those of a model, none of layers with a window, which are left alone. RequestError where nobody has measured them. */
export function scoresOf({ heads, windows, retrieval }: PolicyModel, policy: string): HeadScores {
  const rowFits = (row: readonly number[], layer: number) => row.length === heads[layer].kvHeads || (windows[layer] > 0 && row.length === 0);
  if (retrieval?.length === heads.length && retrieval.every(rowFits)) return retrieval.map((row, layer) => (windows[layer] ? [] : row));
  const most = Math.max(0, ...(retrieval ?? []).map(({ length }) => length));
  const has = retrieval ? `the scores given are of ${retrieval.length} layers of ${most} heads` : 'which those are was not measured';
  throw new RequestError(`kv is ${policy}, which keeps all that those heads read that look far back; ${has}. Give kvHeads: scores by layer and kv head.`);
}

/** The places of all heads by score, the lowest first or (-1) the highest; of equals the lower layer, then the lower head, in either case. */
const ordered = (scores: HeadScores, sign: 1 | -1): { layer: number; head: number }[] =>
  scores
    .flatMap((row, layer) => row.map((score, head) => ({ layer, head, score })))
    .sort((a, b) => sign * (a.score - b.score) || a.layer - b.layer || a.head - b.head);

/** (layer, kv head): whether a head is of the `share` with the highest scores. */
export function highest(scores: HeadScores, share: number): boolean[][] {
  const chosen = scores.map((row) => row.map(() => false));
  const all = ordered(scores, -1);
  for (const { layer, head } of all.slice(0, Math.ceil(share * all.length))) chosen[layer][head] = true;
  return chosen;
}

/** (layer, kv head): whether a score is below the one in the middle of all, of two in the middle the lower. */
export function belowMedian(scores: HeadScores): boolean[][] {
  const all = scores.flat().sort((a, b) => a - b);
  const median = all[Math.floor((all.length - 1) / 2)];
  return scores.map((row) => row.map((score) => score < median));
}

/** (layer, kv head): the place of a score among all, 0 for the lowest, 1 for the highest; of equals the later head is higher. */
export function ranks(scores: HeadScores): number[][] {
  const places = scores.map((row) => row.map(() => 0));
  const all = ordered(scores, 1);
  all.forEach(({ layer, head }, i) => (places[layer][head] = i / Math.max(1, all.length - 1)));
  return places;
}
