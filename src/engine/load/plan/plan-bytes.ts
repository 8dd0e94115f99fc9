// What a planned model takes on the GPU, by purpose: the most that is alive at once, as the ledger counts it.
import { type KvFormat } from '../../../kv/formats/format.ts';
import { freshBytes } from '../../../kv/fresh.ts';
import { recurrentBytes } from '../../../kv/recurrent.ts';
import { type ActivationSizes, activationBindings, activationStrides } from '../../../model/activations.ts';
import { chosenRowsBytes, mostChosen } from '../../../model/blocks/chosen-rows.ts';
import { type Graph } from '../../../model/graph.ts';
import { type PoolSpec } from '../../../model/operation.ts';
import { opsOf, poolOf, statesOf } from '../../../model/operations.ts';
import { samplerBytes, samplerStateBytes } from '../../../model/sampling/buffers.ts';
import { sequenceBytes } from '../../../model/sequence-buffers.ts';
import { type Shape } from '../../../kv/shape.ts';
import { type SpeculationOptions } from '../../../protocol.ts';
import { paramsStride } from '../../../gpu/program.ts';
import { type Division, allDispatches } from './division.ts';
import { readbackBytes } from '../../run/readback.ts';
import { type Share } from './shares.ts';
import { sum } from '../../../sum.ts';

export interface PlanBytes {
  weights: number;
  kv: number;
  activations: number;
  parameters: number;
  staging: number;
  /** All of a model that drafts, if there is one. */
  draft?: number;
}

/** What a model takes whatever becomes of its weights. */
export interface FixedBytes {
  /** Keys and values of the whole context of every sequence, and other state, with all else that another one has; and those there is room for at first. */
  kv: number;
  firstKv: number;
  activations: number;
  /** Now and then: while keys and values grow, the old ones of one layer; after a step, logits on their way to the CPU. */
  passing: number;
  /** Of that, keys and values. */
  growing: number;
  /** Where items of pools are fetched on demand: what a step chose, on its way to the CPU. */
  choices: number;
  /** Dispatches that a policy adds. */
  dispatches: number;
  /** Whether pages of keys and values are brought for tokens. */
  away: boolean;
  /** All of a model that drafts. */
  draft: number;
}

export interface FixedSizes extends ActivationSizes {
  kv: KvFormat;
  /** What a policy makes of them. */
  shape?: Shape;
  /** Sequences that may be full at the same time. Default 1. */
  sequences?: number;
  /** Guesses from a shortened text take a sequence of their own, of so many positions. */
  speculation?: Pick<SpeculationOptions, 'shortContext'>;
  /** Another model that drafts, which is planned already. */
  draft?: { readonly plan: { readonly totalBytes: number } };
}

/** As the ledger rounds. */
const bufferBytes = (sizes: Record<string, number>) => sum(Object.values(sizes).map((size) => Math.max(16, Math.ceil(size / 16) * 16)));

/** Of the sequence that guesses from a shortened text, beside those of conversations; 0 without one. */
export const shortContextBytes = ({ config }: Pick<Graph, 'config'>, { speculation, kv }: Pick<FixedSizes, 'speculation' | 'kv'>): number => {
  const { shortContext = 0 } = speculation ?? {};
  if (!shortContext) return 0;
  return freshBytes(config, shortContext, kv).full + bufferBytes(sequenceBytes(shortContext)) + samplerStateBytes(config.vocab);
};

/** Of a guess that is checked: its rows of logits and of activations. */
export const guessBytes = (graph: Graph): number => 4 * (graph.config.vocab + activationStrides(graph.config, opsOf(graph)).x);

/** Nothing of it is counted on to come later. */
const withFirst = (bytes: Shape['bytes']) => ({ ...bytes, first: bytes.full });

export function fixedBytes(graph: Graph, sizes: FixedSizes): FixedBytes {
  const { vocab } = graph.config;
  const { context } = sizes;
  const ops = opsOf(graph);
  const rows = sizes.logitsRows > 1 ? chosenRowsBytes(activationStrides(graph.config, ops).x) : {};
  const plain = freshBytes(graph.config, context, sizes.kv);
  const { first, full, growing, shared } = sizes.shape ? withFirst(sizes.shape.bytes) : { ...plain, shared: 0 };
  const memory = recurrentBytes(statesOf(ops));
  const others = (sizes.sequences ?? 1) - 1;
  const strides = activationStrides(graph.config, ops);
  const pools = graph.layers.flat().flatMap((op) => poolOf(op, graph.config) ?? []);
  return {
    kv: shared + full + memory + others * (full + memory + bufferBytes(sequenceBytes(context)) + samplerStateBytes(vocab)) + shortContextBytes(graph, sizes),
    firstKv: shared + first + memory,
    activations: sum([activationBindings(graph, ops, sizes), rows, sequenceBytes(context), samplerBytes(vocab)].map(bufferBytes)),
    choices: choicesBytes(strides, sizes, pools) + notedBytes(strides, pools),
    dispatches: sizes.shape?.dispatches ?? 0,
    away: (sizes.shape?.away.gpu ?? 0) > 0,
    draft: sizes.draft?.plan.totalBytes ?? 0,
    growing,
    passing: Math.max(growing, 4 * vocab * (sizes.logitsRows > mostChosen ? sizes.logitsRows : 1)), // those of chosen rows are read one by one
  };
}

/** Of what a layer chose for so many rows. */
export const choiceBytes = (strides: Record<string, number>, { items, chosen: { buffer, as } }: Pick<PoolSpec, 'items' | 'chosen'>, rows: number): number =>
  as === 'bits' ? 4 * Math.ceil(items / 32) : 4 * rows * strides[buffer];

/** Of the buffer through which the choices of a step, or those of one row in several layers, come back; none for a model that makes none. */
export const choicesBytes = (strides: Record<string, number>, { chunk }: Pick<ActivationSizes, 'chunk'>, pools: readonly PoolSpec[]): number =>
  Math.max(0, ...pools.map((pool) => choiceBytes(strides, pool, Math.max(chunk, pools.length))));

/** What is noted of each layer that chooses, to go back to it: a row of the residual stream, and what was chosen for it. */
export const notedBytes = (strides: Record<string, number>, pools: readonly PoolSpec[]): number =>
  sum(pools.map((pool) => 4 * strides.x + choiceBytes(strides, pool, 1)));

/** `uploadBytes`: of one upload; two may be in flight. Slots for items on demand are counted by who has them. */
export function planBytes(fixed: FixedBytes, division: Division, share: Share, uploadBytes: number, sizes: Pick<ActivationSizes, 'logitsRows'>): PlanBytes {
  const { kv, firstKv, activations, passing, choices, dispatches, away, draft } = fixed;
  const { keptBytes, slots, slotBytes, embedding } = share;
  // Where nothing is uploaded once all weights are there, that is over when keys and values grow.
  const uploads = slots || embedding === 'rows' || division.itemBytes || away ? 2 * uploadBytes : 0;
  return {
    weights: division.vectorBytes + division.gridBytes + division.tableBytes + keptBytes + slots * slotBytes,
    kv, activations,
    parameters: (allDispatches(division, embedding, sizes) + dispatches) * paramsStride,
    staging: readbackBytes + (division.itemBytes ? choices : 0) + Math.max(2 * uploadBytes - (kv - firstKv), uploads + passing),
    ...(draft && { draft }),
  };
}

export const totalOf = (bytes: PlanBytes): number => sum(Object.values(bytes));

/** An upload is of one slice, or of one item on demand, at most. */
export const uploadOf = ({ itemBytes = 0 }: Pick<Division, 'itemBytes'>, { slots, slotBytes }: Share, uploadBytes: number): number =>
  slots || itemBytes ? Math.min(uploadBytes, Math.max(slots && slotBytes, itemBytes)) : uploadBytes;
