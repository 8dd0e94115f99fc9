// Measures how far back each head of a model looks, without training: on texts of random tokens that say the same passage again and again, how much
// of its attention goes to where the same token was, and to what followed it there (src/kv/policies/find-heads.ts).
import { mulberry32 } from '../../random.ts';
import { type FindHeadsPlan } from '../../kv/policies/find-heads.ts';
import { type LoadedModel } from '../load/load.ts';
import { type Runner } from '../run/runner.ts';

const passage = 128;
const times = 4;
const texts = 3;

/** What the model has to be loaded with. */
export const headsOptions = { kv: 'find-heads', kvOptions: { period: passage }, context: passage * times };

/** (layer, kv head): from 0 to 2, the mean over texts. */
export async function findHeads({ model, runner }: { model: LoadedModel; runner: Pick<Runner, 'feed'> }): Promise<number[][]> {
  const { sequence, graph: { config: { vocab } } } = model;
  const plan = sequence.shaped!.shape.plan as FindHeadsPlan;
  let sums: number[][] | undefined;
  for (let text = 0; text < texts; text++) {
    const next = mulberry32(text + 1);
    // The beginning of a vocabulary is bytes and special tokens, its end what is rare.
    const said = Array.from({ length: passage }, () => Math.floor(vocab * (0.05 + 0.75 * next())));
    sequence.truncate(0);
    await runner.feed(Array.from({ length: times }, () => said).flat(), 0);
    sums = plan.found.map((row, layer) => row.map((score, head) => score + (sums?.[layer][head] ?? 0)));
  }
  return (sums ?? []).map((row) => row.map((sum) => sum / texts));
}
