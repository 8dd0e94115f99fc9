// Plans of policies by which the processor attends to pages at home in worker memory: on the GPU there is room for the pages that are always read there, for
// new ones, and for one layer as a prompt reads it.
import { BudgetError } from '../../errors.ts';
import { pageSlots } from '../formats/format.ts';
import { type AnswerPlan, type KvPlan, type KvTick, type PolicyModel, type PolicyRoom } from '../policy.ts';
import { checkOptions } from '../options.ts';
import { oneSet } from '../set-bytes.ts';
import { bytesOfOne } from '../shaped-bytes.ts';
import { leastRows } from '../tiers/away-bytes.ts';
import { chunks, noRoomOnGpu } from './away.ts';
import { endOf } from './evict.ts';
import { appendAll } from './move.ts';

/** Settings of such policies. */
export const answerOptions = {
  /** The first positions, which the GPU attends to. */
  sinks: 4,
  /** The last positions, which the GPU attends to. */
  window: 32,
  /** Tokens of decode between ticks. */
  interval: 32,
};

/** RequestError for its options, BudgetError where there is no room for what has to be on the GPU. */
export function planAnswered(
  model: PolicyModel, room: PolicyRoom, options: Readonly<Record<string, number>>, answered: AnswerPlan, queries = 1,
): KvPlan {
  const { context, format } = room;
  checkOptions(options, context);
  const pick = { by: 'none' as const, run: context, each: 1, first: options.sinks, lag: true };
  const layers = oneSet(model, format, () => context).map((sets) => sets.map((set) => ({ ...set, pick, answered })));
  const common: KvPlan = { peak: 'bounded', window: options.window, interval: options.interval, planes: [], rewinds: 'pages', queries, layers };
  const planned = chunks.map((chunk) => withFrames({ ...common, chunk: Math.min(chunk, room.chunk) }, model, room));
  const bytes = planned.map((plan) => bytesOfOne(plan, model, room));
  const fit = planned.find((_, i) => bytes[i] <= room.budgetBytes);
  if (fit) return fit;
  throw new BudgetError(noRoomOnGpu(room, Math.ceil(Math.min(...bytes)), 'new pages and the first ones there, answers and a layer as a prompt reads it'));
}

function withFrames(plan: KvPlan, { heads }: PolicyModel, room: PolicyRoom): KvPlan {
  const { least } = leastRows(plan, room);
  return { ...plan, layers: plan.layers.map((sets, layer) => sets.map((set) => ({ ...set, frames: least * heads[layer].kvHeads }))) };
}

/** What has left the window comes behind the slots of every layer; of those the GPU reads the first and what fills no page, as full ones leave after this. */
export async function appendAnswered(kv: KvTick): Promise<void> {
  await appendAll(kv, endOf(kv));
  for (const { sets: [set] } of kv.layers) kv.setPicks(set, set.counts.map(() => 0), set.counts.map((count) => count - (count % pageSlots)));
}
