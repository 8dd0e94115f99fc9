// How many slots policies have that keep as many of every head: as a share of the prompt, within a budget of bytes.
import { BudgetError } from '../../errors.ts';
import { pageSlots } from '../formats/format.ts';
import { checkOptions } from '../options.ts';
import { type KvPlan, type KvTick, type PickPlan, type Plane, type PolicyModel, type PolicyRoom, type SetPlan } from '../policy.ts';
import { bytesOfOne, raiseWords } from '../shaped-bytes.ts';
import { inPages, momentBytes, pagesWithin, ringSlots } from '../set-bytes.ts';

/** Settings of policies that keep some slots of every head. */
export const evictOptions = {
  /** Slots of a head that stay, as a share of those of the prompt; 0: as many as there is room for. */
  share: 0,
  /** The last positions, which are among them. */
  window: 32,
  /** Tokens of decode between ticks. */
  interval: 32,
  /** 1: notes of each slot which position it is, for whom wants to see what is kept. */
  positions: 0,
};

/** Of the context, where nothing says how many slots stay. */
const usualShare = 0.25;

export const withPositions = (planes: readonly Plane[], { positions }: Readonly<Record<string, number>>): readonly Plane[] =>
  positions ? [...planes, 'position'] : planes;

/** What a plan of such a policy is made of, beside its slots. */
export type Evicting = Pick<KvPlan, 'peak' | 'planes'> & Partial<Pick<KvPlan, 'queries' | 'chunk' | 'window' | 'notes'>> & {
  /** Buffers of a word for each slot beside those of scores, marks and lists. Default: none. */
  buffers?: number;
  /** Of the set of each layer. Default: that of fresh slots. */
  format?: (layer: number) => SetPlan['format'];
  /** Whether it reads how unevenly its `queries` pay (`moments` of observe.ts). */
  moments?: boolean;
  /** Of each layer how tokens choose among what it keeps. */
  pick?: (layer: number) => PickPlan;
  /** A second set of codes, by the option `bits`, of so many slots in a layer where heads keep so many on average. */
  codes?: { format(bits: number): SetPlan['format']; slots(slots: number, layer: number): number };
};

export interface EvictingPlan extends KvPlan {
  /** Of each head on average, its window among them, at most. */
  slots: number;
}

/** Of so many slots of each head on average, how many those of a layer may come to have. */
export type Spread = (slots: number) => (layer: number) => number;

/**
 * The plan of a policy that keeps `share` of a head's slots, by default as many in each layer. RequestError for its options; BudgetError where the
 * budget has no room for its window and a page.
 */
export function planEvicting(
  model: PolicyModel,
  room: PolicyRoom,
  options: Readonly<Record<string, number>>,
  { pick, codes, buffers = 0, moments = false, format = () => room.format, ...given }: Evicting,
  spread: Spread = even,
): EvictingPlan {
  checkOptions(options, room.context);
  const { share, window, interval } = options;
  const plan = { window, ...given, interval, planes: withPositions(given.planes, options), kernels: kernelsFor(model) };
  const planned = (slots: number): EvictingPlan => {
    const each = slotsOfLayers(model, room, spread, slots);
    const first = (layer: number): GivenSet => ({ format: format(layer), slots: each[layer], ...(pick && { pick: pick(layer) }) });
    const second = (layer: number): GivenSet[] =>
      codes ? [{ format: codes.format(options.bits), slots: Math.min(room.context, codes.slots(slots, layer)), bare: true }] : [];
    const layers = model.heads.map((_, layer) => setsOfLayer(model, layer, [first(layer), ...second(layer)]));
    const scratch = scratchBytes(model, room, plan, Math.max(0, ...each), { lists: 2 + buffers }) + (moments ? momentsBytes(model, room, plan) : 0);
    return { ...plan, slots, scratchBytes: scratch, layers };
  };
  const wished = (share || (Number.isFinite(room.budgetBytes) ? 1 : usualShare)) * room.context;
  return planned(inPages(slotsWithin(model, room, planned, wished)));
}

/** A set that has as many slots in every head. */
export type GivenSet = Omit<SetPlan, 'mostSlots'> & { slots: number };

/** None in a layer with a window. */
const setsOfLayer = ({ heads, windows }: PolicyModel, layer: number, sets: readonly GivenSet[]): SetPlan[] =>
  windows[layer] ? [] : sets.map(({ slots, ...set }) => ({ ...set, mostSlots: new Array<number>(heads[layer].kvHeads).fill(slots) }));

/** The same sets in every layer. */
export const setsOf = (model: PolicyModel, sets: readonly GivenSet[]): SetPlan[][] => model.heads.map((_, layer) => setsOfLayer(model, layer, sets));

const even: Spread = (slots) => () => slots;

/** Of each layer the most slots of a head, whole pages; none of one that is left alone. */
function slotsOfLayers({ windows }: PolicyModel, { context }: PolicyRoom, spread: Spread, slots: number): number[] {
  const of = spread(slots);
  return windows.map((window, layer) => (window ? 0 : inPages(Math.min(context, Math.max(pageSlots, of(layer))))));
}

type Planned = Omit<KvPlan, 'layers' | 'scratchBytes'>;

/** So many slots of each head, or as many as the budget has. */
function slotsWithin(model: PolicyModel, room: PolicyRoom, planned: (slots: number) => KvPlan, wished: number): number {
  const pages = Math.ceil(wished / pageSlots);
  const bytes = (many: number) => bytesOfOne(planned(pageSlots * many), model, room);
  const fit = pagesWithin(room.budgetBytes, [1, pages], bytes);
  if (fit !== undefined) return Math.min(pageSlots * fit, Math.ceil(wished));
  const plan = planned(pageSlots);
  throw new BudgetError(
    `Keys and values have ${room.budgetBytes} bytes; with a page of ${pageSlots} slots of every head, and ${ringSlots(plan, room)} ` +
    `${plan.peak === 'prompt' ? 'for a prompt, as this policy acts at its end' : 'for new tokens'}, they take ${Math.ceil(bytes(1))}. ` +
    raiseWords(Math.ceil(bytes(1)), room),
  );
}

const mostKvHeads = ({ heads }: PolicyModel): number => Math.max(0, ...heads.map(({ kvHeads }) => kvHeads));

/** Kernels of a tick for a layer in which slots are observed, ranked head by head, twice at most, listed and moved. */
export const kernelsFor = (model: PolicyModel): number => 16 + 2 * mostKvHeads(model);

/** Bytes of the buffers by which slots are observed, ranked and listed, with so many slots in the first set of each head. `lists`: of marks, at most. */
export function scratchBytes(model: PolicyModel, room: PolicyRoom, plan: Planned, slots: number, { lists = 2, segments = 3 } = {}): number {
  const most = mostKvHeads(model);
  const indexed = 3 + lists;
  return indexed * 4 * most * (slots + ringSlots(plan, room)) + 8 * segments * (plan.queries ?? 0) * Math.max(0, ...model.queryHeads) + lists * 8 * most;
}

/** Of a row for each query and head of all layers that are shaped, and of the buffer by which they are read. */
const momentsBytes = ({ windows, queryHeads }: PolicyModel, { context }: PolicyRoom, { queries = 0 }: Planned): number =>
  2 * momentBytes * Math.min(queries, context) * queryHeads.reduce((sum, heads, layer) => sum + (windows[layer] ? 0 : heads), 0);

/** Slots of a head that stay after this tick, on average, its window among them: no more than were planned. */
export function slotsOf({ options: { share }, promptLength, plan }: Pick<KvTick, 'options' | 'promptLength' | 'plan'>): number {
  const { slots } = plan as EvictingPlan;
  return share ? Math.min(Math.ceil(share * promptLength), slots) : slots;
}

/** Of a layer, no more than it was planned for, without those that stay fresh. */
export const within = (kv: KvTick, layer: number, slots: number, end: number): number =>
  Math.max(0, Math.min(slots - (kv.length - end), ...kv.plan.layers[layer][0].mostSlots));
