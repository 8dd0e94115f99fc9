// The plan of a policy whose pages are at home in worker memory: how many of them there is room for on the GPU.
import { BudgetError } from '../../errors.ts';
import { pageSlots } from '../formats/format.ts';
import { pickedSet } from '../pick.ts';
import { type KvPlan, type PolicyModel, type PolicyRoom } from '../policy.ts';
import { shapedBytes } from '../shaped-bytes.ts';
import { newRows } from '../tiers/away-bytes.ts';

/** Tokens of a step of a prompt, whose pages have to be on the GPU before they leave: as many as a budget has room for. */
const chunks = [128, 64];

/** Rows of pages (one of each kv head) beside new ones and those that are always read: with fewer, hardly anything that is chosen is there. */
const leastRows = 2;

/**
 * The same with as many frames as the budget has, no more than there are pages; without a budget with as many as `share` of the context, or `slots`, twice.
 * BudgetError where there is no room for new pages and those that are always read.
 */
export function planAway(model: PolicyModel, room: PolicyRoom, plan: KvPlan, options: Readonly<Record<string, number>>): KvPlan {
  const found = chunks.map((chunk) => planWith(model, room, { ...plan, chunk: Math.min(chunk, room.chunk) }, options));
  const fit = found.find((each): each is KvPlan => typeof each !== 'number');
  if (fit) return fit;
  throw new BudgetError(
    `Keys and values have ${room.budgetBytes} bytes on the GPU; with new pages and a few of every head there, a layer as a prompt reads it and what is known ` +
    `of all pages they take ${Math.min(...(found as number[]))}. Raise kvBudgetBytes to that, or choose a shorter context.`,
  );
}

/** The same for steps of `chunk` tokens, or the bytes that they take at least. */
function planWith(model: PolicyModel, room: PolicyRoom, plan: KvPlan, { fetch, share, slots, sinks, size }: Readonly<Record<string, number>>): KvPlan | number {
  const all = Math.ceil(room.context / pageSlots);
  const own = { ...plan, rewinds: 'pages' as const, ...(fetch && { fetchBytes: 1024 * fetch }) };
  // Where runs do not begin with pages, one row more is held: paging.ts.
  const always = newRows(own, room) + Math.ceil(sinks / pageSlots) + (sinks % size ? 1 : 0);
  const read = Math.ceil((slots || share * room.context) / pageSlots);
  const planned = (rows: number): KvPlan => ({
    ...own, layers: plan.layers.map((sets, layer) => (pickedSet(sets) ? sets.map((set) => ({ ...set, frames: rows * model.heads[layer].kvHeads })) : sets)),
  });
  const bytes = (rows: number) => shapedBytes(planned(rows), model, room).full;
  const least = Math.min(all, always + leastRows);
  const most = Number.isFinite(room.budgetBytes) ? all : Math.min(all, always + 2 * read);
  const fit = Array.from({ length: most - least + 1 }, (_, i) => most - i).find((rows) => bytes(rows) <= room.budgetBytes);
  return fit === undefined ? Math.ceil(bytes(least)) : planned(fit);
}
