// The shape that a policy gives to the keys and values of a model: what each layer has room for, planned from the header alone. Plain data.
import { RequestError } from '../errors.ts';
import { type Ledger } from '../gpu/ledger.ts';
import { type CacheHeads, type Graph } from '../model/graph.ts';
import { type KeysValues, type ScratchSizes } from '../model/operation.ts';
import { queryOps } from '../model/blocks/query-ahead.ts';
import { opsOf } from '../model/operations.ts';
import { isAttend } from '../model/ops/attend.ts';
import { isRope } from '../model/ops/rope.ts';
import { angleEntries } from '../model/rope.ts';
import { type KvFormat } from './formats/format.ts';
import { hashesOf, sortedWords } from './hashed.ts';
import { basisBytes } from './latents/basis.ts';
import { remakeOf } from './latents/remade.ts';
import { restoreOf } from './latents/restore.ts';
import { latentSource, unfitWords } from './latents/source.ts';
import { pickedOf, pickedSet, picksOf } from './pick.ts';
import { type KvPlan, type Policy, type PolicyModel, type Turn, biasIn } from './policy.ts';
import { cachesOf } from './segment.ts';
import { ringSlots } from './set-bytes.ts';
import { isRemade } from './shadow.ts';
import { type Sequence } from './sequence.ts';
import { type ShapedBytes, sharedBytes, shapedBytes } from './shaped-bytes.ts';
import { type AwayBytes, awayBytes } from './tiers/away-bytes.ts';
import { createShaped, forkShaped, ringsOf } from './shaped.ts';
import { sum } from '../sum.ts';

/** How a layer's queries meet its keys. */
export interface AttendedLayer {
  queryHeads: number;
  scale: number;
  softcap?: number;
  turn: Turn;
}

export interface Shape {
  readonly policy: Policy;
  /** Of fresh slots. */
  readonly format: KvFormat;
  readonly options: Readonly<Record<string, number>>;
  readonly plan: KvPlan;
  /** What it was planned for; bytes of one sequence. */
  readonly room: Pick<ShapeRoom, 'context' | 'chunk' | 'budgetBytes'>;
  /** Of each layer of keys and values. */
  readonly attended: readonly AttendedLayer[];
  /** Most fresh slots of a layer that has sets, whole pages. */
  readonly ringSlots: number;
  /** Bytes of a sequence's keys and values, and `shared`, of what all sequences have together. */
  readonly bytes: ShapedBytes & { shared: number };
  /** What pages take that are at home in worker memory; zeros where there are none. */
  readonly away: AwayBytes;
  /** Dispatches with parameters of their own that sets add to the programs of a model. */
  readonly dispatches: number;
  /** Most segments of a layer. */
  readonly segments: number;
  /** As `ScratchSizes` has it. */
  readonly sorted?: ScratchSizes['sorted'];
  /** What kernels of attention are recorded with. */
  readonly keysValues: KeysValues;
  /** The same for a context of so many tokens, within `budgetBytes` of one sequence. Throws what planning it does. */
  at(context: number, budgetBytes?: number): Shape;
  /** As sequences have it. */
  readonly runAnew?: number;
  /** Whether layers are recorded with queries of the next one, whose weights are to be there by then. */
  readonly isAhead: boolean;
  /** Whether a layer has sets. */
  isShaped(layer: number): boolean;
  /** What makes sequences of that shape: they come with it, as most models have none. */
  readonly createShaped: typeof createShaped;
  /** Of each layer what its latents are made by, to be filled before a step is run; undefined where a policy keeps none. */
  createBases(ledger: Ledger): (GPUBuffer | undefined)[] | undefined;
  readonly forkShaped: typeof forkShaped;
  readonly ringsOf: typeof ringsOf;
}

export interface ShapeRoom {
  context: number;
  chunk: number;
  /** Of one sequence and its part of what all share. */
  budgetBytes: number;
  /** That share what the model has once. Default 1. */
  sequences?: number;
  format: KvFormat;
  /** As `PolicyModel` has it. */
  retrieval?: PolicyModel['retrieval'];
}

/** RequestError for a model or options that the policy is not for. */
export function shapeOf(graph: Graph, policy: Policy, given: Readonly<Record<string, number>>, room: ShapeRoom): Shape {
  const { config } = graph;
  const heads = cachesOf(config);
  const attends = heads.map((_, layer) => opsOf(graph).filter(isAttend).filter((op) => op.layer === layer));
  const unread = attends.findIndex((ops) => !ops.length);
  if (unread >= 0)
    throw new RequestError(`kv is ${policy.name}, which shapes what plain attention reads; layer ${unread} of this model has another. Choose f16 or q8.`);
  const unknown = Object.keys(given).find((name) => !(name in policy.options));
  if (unknown !== undefined) {
    const known = Object.keys(policy.options).join(', ') || 'none';
    throw new RequestError(`kvOptions has ${unknown}; the options of ${policy.name} are: ${known}.`);
  }
  const options = { ...policy.options, ...given };
  const windows = attends.map((ops) => Math.min(...ops.map(({ window }) => window ?? Infinity))).map((window) => (Number.isFinite(window) ? window : 0));
  checkWindows(policy, windows);
  const attended = attends.map(([{ shape, scale, softcap }], layer) =>
    ({ queryHeads: shape?.heads ?? config.heads, scale, softcap, turn: turnOf(graph, layer, room.context) }));
  const model: PolicyModel = { config, heads, windows, queryHeads: attended.map(({ queryHeads }) => queryHeads), retrieval: room.retrieval };
  const plan = policy.plan(model, room, options);
  const sinks = attends.findIndex((ops, layer) => plan.layers[layer].length > 0 && ops.some((op) => op.sinks !== undefined));
  if (plan.queries && sinks >= 0 && !plan.layers[sinks][0].answered)
    throw new RequestError(
      `kv is ${policy.name}, which observes what queries look at; in layer ${sinks} of this model they also look at a sink that is no token, which is not ` +
      'counted yet. Choose a policy that does not observe, such as kivi4 or streaming.',
    );
  checkLags(policy, plan, attends.map((ops) => ops.length));
  checkTurns(policy, plan, attended);
  checkAhead(policy, plan, graph);
  checkLatents(policy, plan, graph);
  const bytes = { ...shapedBytes(plan, model, room), shared: sharedBytes(plan) };
  return {
    plan, attended, ringSlots: ringSlots(plan, room), policy, format: room.format, options, bytes, away: awayBytes(plan, model, room),
    room: { context: room.context, chunk: room.chunk, budgetBytes: room.budgetBytes }, dispatches: dispatchesOfSets(plan), segments: segmentsOf(plan),
    ...(isLate(plan) && { runAnew: 2 }), isAhead: isAhead(plan),
    ...(isHashed(plan) && { sorted: sortedFor(plan, room.context) }),
    keysValues: keysValuesOf(room, plan, attended, heads), isShaped: (layer) => plan.layers[layer].length > 0, createShaped, forkShaped, ringsOf,
    createBases: (ledger) => basesOf(ledger, plan, heads),
    at: (context, budgetBytes = room.budgetBytes) => shapeOf(graph, policy, given, { ...room, context, budgetBytes }),
  };
}

/** RequestError for a model whose layers share keys, of which choices for the next token would be mixed. */
function checkLags(policy: Policy, plan: KvPlan, readers: readonly number[]): void {
  const layer = readers.findIndex((count, i) => count > 1 && pickedSet(plan.layers[i])?.pick.lag);
  if (layer < 0) return;
  if (pickedSet(plan.layers[layer])!.answered)
    throw new RequestError(
      `kv is ${policy.name}, by which the processor attends to a layer's keys; in this model several layers read the keys of layer ${layer}, each with ` +
      'a query of its own. Choose another, such as kivi4.',
    );
  throw new RequestError(
    `kv ${policy.name} was to choose for the next token; in this model several layers read the keys of layer ${layer}, and their choices would be mixed. ` +
    'Leave out the options lag and away.',
  );
}

function turnOf(graph: Graph, layer: number, context: number): Turn {
  const op = opsOf(graph).filter(isRope).find((each) => each.layer === layer && !each.queriesOnly);
  if (op?.rope === undefined) return { FirstAngle: 0, RopeDims: 0, Halves: 0 };
  const { dims, layout } = graph.ropes[op.rope];
  const before = graph.ropes.slice(0, op.rope).reduce((sum, rope) => sum + angleEntries(rope, context), 0);
  return { FirstAngle: before, RopeDims: dims, Halves: layout === 'halves' ? 1 : 0 };
}

/** RequestError for a model with a layer whose queries cannot be made before its turn. */
function checkAhead(policy: Policy, { layers }: KvPlan, graph: Graph): void {
  for (const [index, ops] of graph.layers.entries()) {
    const layer = ops.find(isAttend)?.layer;
    if (!index || layer === undefined || !layers[layer][0]?.answered?.ahead || queryOps(ops, layer) !== undefined) continue;
    throw new RequestError(
      `kv is ${policy.name}, which with ahead makes a layer's queries of the input of the layer before; in layer ${layer} of this model they are made of ` +
      'more than that. Leave out ahead.',
    );
  }
}

/** RequestError for keys that cannot be turned 4 numbers at a time. */
function checkTurns(policy: Policy, { layers }: KvPlan, attended: readonly AttendedLayer[]): void {
  const turns = ({ format, pick }: KvPlan['layers'][number][number]) => format.turned ?? (pick?.by === 'codes' || pick?.by === 'landmarks');
  const found = attended.findIndex(({ turn }, layer) => layers[layer].some(turns) && turn.Halves && turn.RopeDims % 8);
  if (found >= 0)
    throw new RequestError(
      `kv is ${policy.name}, which turns keys, back or as it reads them, by halves of whole fours; in layer ${found} positions turn ` +
      `${attended[found].turn.RopeDims} numbers of a key. Choose another, such as kivi4.`,
    );
}

/** RequestError for a model with a layer of which no latents are to be had. */
function checkLatents(policy: Policy, plan: KvPlan, graph: Graph): void {
  for (const [layer, heads] of cachesOf(graph.config).entries()) {
    const source = isLatent(plan, layer) ? latentSource(graph, layer) : undefined;
    if (typeof source === 'string')
      throw new RequestError(
        `kv is ${policy.name}, which keeps latents of what the weights make of a layer's input; layer ${layer} of this model ${unfitWords(source, heads)}. ` +
        'Choose another, such as kivi4.',
      );
  }
}

/** RequestError for a model that has no layer for a policy to act on. */
function checkWindows(policy: Policy, windows: readonly number[]): void {
  if (windows.includes(0)) return;
  const has = windows.length ? 'every layer of this model has a sliding window, and such layers are left alone' : 'this model keeps no keys and values';
  throw new RequestError(`kv is ${policy.name}, but ${has}. Choose f16 or q8.`);
}

/** Of a query that is made in the layer before, in both programs: a norm, products of up to three types, of several rows by two kernels, and what turns it. */
const aheadDispatches = 12;

const dispatchesOfSets = ({ layers }: KvPlan): number => sum(layers.map((sets) => {
  const picks = pickedSet(sets)?.pick;
  return (sets.length ? 3 * sets.length + 1 : 0) + (picks ? 3 + (picks.sizes?.length ?? 1) : 0) + (sets.some((set) => set.latent || isRemade(set)) ? 2 : 0) +
    (sets.some(({ hashed }) => hashed) ? 3 : 0) + (sets.some(({ answered }) => answered?.ahead) ? aheadDispatches : 0);
}));

const isLatent = ({ layers }: KvPlan, layer: number): boolean => layers[layer].some(({ latent }) => latent);

function basesOf(ledger: Ledger, plan: KvPlan, heads: readonly CacheHeads[]): (GPUBuffer | undefined)[] | undefined {
  if (!heads.some((_, layer) => isLatent(plan, layer))) return undefined;
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
  return heads.map((own, layer) => (isLatent(plan, layer) ? ledger.create('kv', `kv.${layer}.basis`, basisBytes(own), usage) : undefined));
}

const isAhead = ({ layers }: KvPlan): boolean => layers.some((sets) => sets.some(({ answered }) => answered?.ahead));

/** Whether a step of one row reads what the token before it chose. */
const isLate = ({ layers }: KvPlan): boolean => layers.some((sets) => sets.some(({ pick }) => pick?.lag && pick.by !== 'none'));

const isHashed = ({ layers }: KvPlan): boolean => layers.some((sets) => sets.some(({ hashed }) => hashed));

const sortedFor = ({ layers }: KvPlan, context: number) => (queries: number): number =>
  Math.max(0, ...layers.flat().map(({ hashed }) => (hashed ? sortedWords(hashed, context, queries) : 0)));

const segmentsOf = (plan: KvPlan): number => 1 + Math.max(0, ...plan.layers.map((sets) => sets.length));

const keysValuesOf = (
  { format, context }: Pick<ShapeRoom, 'format' | 'context'>, { queries, layers, planes }: KvPlan, attended: readonly AttendedLayer[],
  heads: readonly CacheHeads[],
): KeysValues => ({
  format,
  queries,
  sets: (layer) => layers[layer].map((set, i) => ({
    format: set.latent ? format : set.format, restored: set.latent, remade: isRemade(set), mostSlots: Math.max(...set.mostSlots), beside: set.beside,
    picked: pickedOf(set, layer), away: set.frames !== undefined,
    answered: set.answered !== undefined, ahead: set.answered?.ahead,
    hashed: set.hashed && { from: set.hashed.from, context },
    biased: i === 0 ? biasIn(planes) : undefined, temperature: set.temperature, scale: set.scale,
    turned: set.format.turned && attended[layer].turn,
  })),
  picks: (layer, at) => picksOf(pickedSet(layers[layer])!, format, layer, at, {
    since: (of) => (of as Sequence).shaped!.since, slots: (of) => Math.max(...(of as Sequence).shaped!.setsOf(layer).all[0].counts),
    turn: attended[layer].turn,
  }),
  hashes: (layer, at) => hashesOf(layers[layer][0].hashed!, format, layer, at),
  restores: (layer, at) => {
    const [set] = layers[layer];
    const own = { heads: heads[layer], turn: attended[layer].turn };
    return [set.latent ? restoreOf({ layer, ...own, format: set.format, fresh: format }, at) : remakeOf(layer, { ...own, pick: set.pick!, format }, at)];
  },
});
