// The plan of a policy whose pages are at home in worker memory: how many of them there is room for on the GPU.
import { BudgetError, RequestError, mib } from '../../errors.ts';
import { pageSlots } from '../formats/format.ts';
import { pickedSet } from '../pick.ts';
import { type KvPlan, type PolicyModel, type PolicyRoom } from '../policy.ts';
import { segmentBytes } from '../segment.ts';
import { pagesWithin } from '../set-bytes.ts';
import { bytesOfOne, raiseWords } from '../shaped-bytes.ts';
import { outliersOf, runsBehind } from '../shadow.ts';
import { leastHome, leastRows } from '../tiers/away-bytes.ts';

const mebi = 2 ** 20;

/** Tokens of a step of a prompt, whose pages have to be on the GPU before they leave: as many as a budget has room for. */
export const chunks = [128, 64];

/**
 * The same with as many frames as the budget has, no more than there are pages; without a budget with as many as `share` of the context, or `slots`, twice.
 * BudgetError where there is no room for new pages and those that are always read, RequestError where a token is to bring less than a page.
 */
export function planAway(model: PolicyModel, room: PolicyRoom, plan: KvPlan, options: Readonly<Record<string, number>>): KvPlan {
  checkFetch(model, room, plan, options);
  checkMemory(model, room, plan, options);
  const found = chunks.map((chunk) => planWith(model, room, { ...plan, chunk: Math.min(chunk, room.chunk) }, options));
  const fit = found.find((each): each is KvPlan => typeof each !== 'number');
  if (fit) return fit;
  const least = Math.min(...(found as number[]));
  const isLow = plan.layers.some((sets) => pickedSet(sets)?.pick.lowRank);
  const known = `what is known of all pages${isLow ? ', and directions and outliers of keys' : ''}`;
  throw new BudgetError(noRoomOnGpu(room, least, `new pages and a few of every head there, a layer as a prompt reads it and ${known}`));
}

/** `what`: there has to be. */
export const noRoomOnGpu = (room: PolicyRoom, least: number, what: string): string =>
  `Keys and values of a conversation have ${mib(room.budgetBytes)} on the GPU; with ${what} they take ${mib(least)} (${least} bytes). ` +
  raiseWords(least, room);

/** RequestError where `fetch` is less than a page of a kv head, so that nothing could ever be brought. */
function checkFetch({ heads }: PolicyModel, { format }: PolicyRoom, { layers }: KvPlan, { fetch }: Readonly<Record<string, number>>): void {
  const pages = heads.map((own, layer) => (pickedSet(layers[layer]) ? segmentBytes({ ...own, kvHeads: 1 }, pageSlots, format) : 0));
  const least = Math.ceil(Math.max(...pages) / 1024);
  if (!fetch || fetch >= least) return;
  throw new RequestError(
    `kvOptions.fetch is ${fetch} KiB; a page of this model (${pageSlots} tokens of a head) has ${least} KiB, so that none would ever be brought. ` +
    `Choose at least ${least}, or 0 for all that is chosen.`,
  );
}

/** RequestError where `memory` has no room for a row of pages of each layer. */
function checkMemory({ heads }: PolicyModel, { format, context }: PolicyRoom, { layers }: KvPlan, { memory }: Readonly<Record<string, number>>): void {
  const least = leastHome(heads.map((own, layer) => (pickedSet(layers[layer]) ? segmentBytes(own, pageSlots, format) : 0)), Math.floor(context / pageSlots));
  if (!memory || memory * mebi >= least) return;
  throw new RequestError(
    `kvOptions.memory is ${memory} MiB; ${pageSlots} tokens of every layer, and what is read back from storage at once, take ${mib(least)}. ` +
    `Choose at least ${Math.ceil((100 * least) / mebi) / 100}, or 0 for all pages in worker memory.`,
  );
}

/** Rows of pages for what tokens read, so many slots, twice; or where short runs that stay are read too, one for each run, as they lie scattered. */
function mostRead({ layers }: KvPlan, slots: number): number {
  const { pick } = layers.map(pickedSet).find((set) => set !== undefined)!;
  const { lowRank, run } = pick;
  return lowRank ? Math.ceil(slots / run) + outliersOf(lowRank, runsBehind(pick, lowRank.slots)) : 2 * Math.ceil(slots / pageSlots);
}

/** The same for steps of `chunk` tokens, or the bytes that they take at least. */
function planWith(model: PolicyModel, room: PolicyRoom, plan: KvPlan, { fetch, memory, share, slots }: Readonly<Record<string, number>>): KvPlan | number {
  const all = Math.ceil(room.context / pageSlots);
  const own = { ...plan, rewinds: 'pages' as const, ...(fetch && { fetchBytes: 1024 * fetch }), ...(memory && { homeBytes: memory * mebi }) };
  const read = mostRead(plan, slots || share * room.context);
  const planned = (rows: number): KvPlan => ({
    ...own, layers: plan.layers.map((sets, layer) => (pickedSet(sets) ? sets.map((set) => ({ ...set, frames: rows * model.heads[layer].kvHeads })) : sets)),
  });
  const bytes = (rows: number) => bytesOfOne(planned(rows), model, room);
  const { always, least } = leastRows(own, room);
  const most = Number.isFinite(room.budgetBytes) ? all : Math.min(all, Math.max(always + read, least));
  const fit = pagesWithin(room.budgetBytes, [least, most], bytes);
  return fit === undefined ? Math.ceil(bytes(least)) : planned(fit);
}
