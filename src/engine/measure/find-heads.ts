// Measures how far back each head of a model looks, without training: on texts of random tokens that say the same passage again and again, how much
// of its attention goes to where the same token was, and to what followed it there (src/kv/policies/find-heads.ts).
import { mulberry32 } from '../../random.ts';
import { type FindHeadsPlan } from '../../kv/policies/find-heads.ts';
import { type ModelConfig } from '../../model/graph.ts';
import { type LoadedModel } from '../load/load.ts';
import { type Runner } from '../run/runner.ts';

const longest = 128;
const times = 4;
const texts = 3;

/** What a model has to be loaded with; of one that knows short texts only, the passage is a quarter of them. */
export function headsOptions({ context }: Pick<ModelConfig, 'context'>) {
  const period = Math.min(longest, Math.floor(context / times));
  return { kv: 'find-heads', kvOptions: { period }, context: period * times, sequences: 1, speculation: undefined, kvBudgetBytes: undefined };
}

/** (layer, kv head): from 0 to 2, the mean over texts. */
export async function findHeads({ model, runner }: { model: LoadedModel; runner: Pick<Runner, 'feed'> }): Promise<number[][]> {
  const { sequence, graph: { config: { vocab } } } = model;
  const { plan: anyPlan, options: { period } } = sequence.shaped!.shape;
  const plan = anyPlan as FindHeadsPlan;
  let sums: number[][] | undefined;
  for (let text = 0; text < texts; text++) {
    const next = mulberry32(text + 1);
    // The beginning of a vocabulary is bytes and special tokens, its end what is rare.
    const said = Array.from({ length: period }, () => Math.floor(vocab * (0.05 + 0.75 * next())));
    sequence.truncate(0);
    await runner.feed(Array.from({ length: times }, () => said).flat(), 0);
    sums = plan.found.map((row, layer) => row.map((score, head) => score + (sums?.[layer][head] ?? 0)));
  }
  return (sums ?? []).map((row) => row.map((sum) => sum / texts));
}
