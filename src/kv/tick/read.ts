// How policies are planned and act that keep everything and have a decoded token read a part of it (`PickPlan`): slots come behind those of one set as they
// leave the window, something is noted of them, and how much is read is said.
import { checkOption, checkOptions, checkRunSize } from '../options.ts';
import { type KvLayer, type KvPlan, type KvTick, type PickPlan, type PolicyModel, type PolicyRoom } from '../policy.ts';
import { oneSet } from '../set-bytes.ts';
import { endOf } from './evict.ts';
import { coarseSlots, inOrder, shrinkingFirst, summaryWords } from '../pick.ts';
import { groupsOf } from './layer.ts';
import { appendAll } from './move.ts';
import { planAway } from './away.ts';
import { pickBytes, pickNow } from './pick-now.ts';

/** Settings of such policies. */
export const readOptions = {
  /** Slots that a decoded token reads of those of the prompt, as a share, its first and last ones among them. */
  share: 0.25,
  /** So many, however long the prompt is; 0: by `share`. */
  slots: 0,
  /** The first positions, which are always read. */
  sinks: 4,
  /** The last positions, which are always read. */
  window: 32,
  /** Tokens of decode between ticks. */
  interval: 32,
};

/** Settings of those whose choice may come a token late. */
export const lagOptions = {
  /** 1: a token reads what the query of the one before it chose. */
  lag: 0,
  /** 1: full pages are at home in worker memory, and what a token chose is brought for the next; `lag` is 1 then. */
  away: 0,
  /** KiB that are brought for a token at most; 0: all that was chosen. */
  fetch: 0,
  /** MiB of worker memory for full pages; those that it has no room for are in storage. 0: all are in worker memory. */
  memory: 0,
};

type Options = Readonly<Record<string, number>>;

/** What a policy's ticks have besides. */
type Observing = (plan: KvPlan) => Required<Pick<KvPlan, 'queries' | 'scratchBytes' | 'kernels'>>;

/** The plan: one set of all positions in each layer. RequestError for its options. */
export function planReading(model: PolicyModel, room: PolicyRoom, options: Options, pick: (layer: number) => PickPlan, observes?: Observing): KvPlan {
  const { context, format } = room;
  checkOptions(options, context);
  if ('size' in options) checkRunSize(options.size);
  checkOption('slots', options.slots, { least: 0, most: context });
  const lag = options.lag === 1 || options.away === 1;
  const layers = oneSet(model, format, () => context).map((sets, layer) => sets.map((set) => ({ ...set, pick: { ...pick(layer), ...(lag && { lag }) } })));
  const plan: KvPlan = { peak: 'bounded', window: options.window, interval: options.interval, planes: [], rewinds: 'slots', layers };
  const { queries = 0, scratchBytes = 0, ...more } = observes?.(plan) ?? {};
  const own = { ...plan, ...more, ...(queries && { queries }), ...(scratchBytes && { scratchBytes }) };
  const lagging = lag ? { ...own, queries: Math.max(1, queries), scratchBytes: scratchBytes + pickBytes(model, plan) } : own;
  return options.away ? planAway(model, room, lagging, options) : lagging;
}

/** Slots that a token chooses to read, beside the first and the last ones: of so many of all, or of `share` of the prompt. */
export const chosenOf = ({ options: { sinks }, plan: { window }, promptLength }: KvTick, share: number, slots = 0): number =>
  Math.max(0, (slots || Math.ceil(share * promptLength)) - sinks - window);

/** The same in runs, one at least. */
export const runsOf = (kv: KvTick, share: number, slots?: number): number =>
  Math.max(1, Math.floor(chosenOf(kv, share, slots) / kv.plan.layers[kv.layers[0].layer][0].pick!.run));

/**
 * What has left the window comes behind the slots of every layer, and the bounds of their keys are noted. `sizes`: of so many slots together from now on, of
 * each layer; where those were others, bounds of all are noted anew.
 */
export async function appendWithBounds(kv: KvTick, sizes?: readonly number[]): Promise<void> {
  const before = kv.layers.map(({ sets: [set] }) => Math.min(...set.counts));
  await appendAll(kv, endOf(kv));
  const had = kv.layers.map(({ sets: [{ size }] }) => size);
  for (const i of shrinkingFirst(had, sizes ?? had)) {
    const layer = kv.layers[i];
    const [set] = layer.sets;
    if (!sizes || sizes[i] === set.size) {
      noteBounds(kv, i, before[i]);
      continue;
    }
    await kv.setSize(set, sizes[i]);
    noteBoundsOf(kv, await kv.whole(layer), 0);
  }
}

/** Of the i-th layer the bounds of all runs that have slots behind the first `before`. */
export function noteBounds(kv: KvTick, i: number, before: number): void {
  noteBoundsOf(kv, kv.layers[i], before);
}

/** The same of a layer as it is given, with all of its pages, say. */
export function noteBoundsOf(kv: KvTick, { layer, heads: { kvHeads, headDim }, lists, fresh: { format }, sets: [set] }: KvLayer, before: number): void {
  const { pick } = kv.plan.layers[layer][0];
  const { first, by } = pick!;
  const each = set.size ?? pick!.each;
  const vec4s = Math.ceil(headDim / 4);
  const consts = {
    HeadVec4s: vec4s, Each: each, First: first, InOrder: inOrder(kv.plan.layers[layer][0]),
    Known: summaryWords(pick!, format, headDim, each) / format.unitWords,
  };
  const parts = Math.ceil(Math.max(0, Math.max(...set.counts) - first) / each) - Math.floor(Math.max(0, before - first) / each);
  if (parts <= 0) return;
  kv.dispatch({
    label: `kv.${layer}.bounds`,
    kernel: {
      kernel: 'kv-bounds', files: [`kv/${format.name}`, 'kv/page/read', 'kv/where/list'], consts,
    },
    params: { kv_heads: kvHeads, head_vec4s: vec4s, set_index: 0, before },
    bindings: { pages: set.pages, lists, summaries: set.summaries! },
    grid: [groupsOf(parts * vec4s, 64), kvHeads],
  });
  if (by !== 'levels') return;
  const coarse = Math.ceil(Math.max(0, Math.max(...set.counts) - first) / coarseSlots) - Math.floor(Math.max(0, before - first) / coarseSlots);
  kv.dispatch({
    label: `kv.${layer}.coarse`,
    kernel: { kernel: 'kv-coarse', files: [`kv/${format.name}`], consts: { ...consts, Coarse: coarseSlots } },
    params: { kv_heads: kvHeads, before },
    bindings: { lists, summaries: set.summaries! },
    grid: [groupsOf(coarse * vec4s, 64), kvHeads],
  });
}

/** Every head of every layer reads so many runs of all slots of its set. */
export function readRuns(kv: KvTick, runs: number): void {
  kv.layers.forEach(({ sets: [set] }) => kv.setPicks(set, set.counts.map(() => runs), set.counts));
  pickNow(kv);
}
