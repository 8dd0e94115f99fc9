// The operations that there are, found by file: adding one is adding a file in ops/ (docs/architecture.md tells what else).
import { type Dispatch, type Step } from '../gpu/program.ts';
import { type Graph, type ModelConfig, type Op } from './graph.ts';
import { type Embed } from './ops/embed.ts';
import { type Mode } from './choices/kernel-choice.ts';
import {
  type Cost,
  type CostModel,
  type Operation,
  type Place,
  type PoolSpec,
  type RecordContext,
  type ScratchSizes,
  type StackSpec,
  type StateSpec,
  type VectorSpec,
} from './operation.ts';

type Files = Record<string, { operation: Operation<never> }>;

const operations = new Map<string, Operation>();

/** Makes those of some files known: rare ones come with what names them. */
export const addOperations = (files: Files): void =>
  Object.values(files).forEach(({ operation }) => void operations.set(operation.name, operation as unknown as Operation));

addOperations(import.meta.glob('./ops/*.ts', { eager: true }));

function operationOf({ op }: Op): Operation {
  const operation = operations.get(op);
  if (!operation) throw new Error(`There is no file src/model/ops/${op}.ts; known operations are ${[...operations.keys()].join(', ')}.`);
  return operation;
}

/** What is looked up of each token, in order. */
export const embedsOf = ({ embed, ownEmbed }: Pick<Graph, 'embed' | 'ownEmbed'>): Embed[] => [embed, ...(ownEmbed ? [ownEmbed] : [])];

/** All operations of a graph in the order of use. */
export const opsOf = ({ layers, head, ...ends }: Pick<Graph, 'embed' | 'ownEmbed' | 'layers' | 'head'>): Op[] => [...embedsOf(ends), ...layers.flat(), head];

export const vectorsOf = (op: Op, config: ModelConfig): VectorSpec[] => operationOf(op).vectors?.(op, config) ?? [];
export const stacksOf = (op: Op, config: ModelConfig): StackSpec[] => operationOf(op).stacks?.(op, config) ?? [];
export const poolOf = (op: Op, config: ModelConfig): PoolSpec | undefined => operationOf(op).pool?.(op, config);
export const refusalOf = (op: Op): string | undefined => operationOf(op).refusal?.(op);
export const buffersOf = (op: Op, config: ModelConfig): Record<string, number> => operationOf(op).buffers(op, config);
export const scratchOf = (op: Op, config: ModelConfig, sizes: ScratchSizes): Record<string, number> => operationOf(op).scratch?.(op, config, sizes) ?? {};
export const stateOf = (op: Op): StateSpec | undefined => operationOf(op).state?.(op);

/** Of each operation that keeps another state than keys and values the bytes of it, by its name. */
export const statesOf = (ops: readonly Op[]): Record<string, number> =>
  Object.fromEntries(ops.map(stateOf).flatMap((state) => (state?.kind === 'recurrent' ? [[state.name, state.bytes]] : [])));

/** Whether a sequence has a state that tokens change for good, which cannot be set back by a few of them. */
export const hasState = (graph: Graph): boolean => Object.keys(statesOf(opsOf(graph))).length > 0;

/** Names of all tensors of an operation. */
export const tensorsOf = (op: Op, config: ModelConfig): string[] => {
  const pool = poolOf(op, config);
  const stacks = [...stacksOf(op, config), ...(pool?.stacks(0) ?? [])]; // all items of a pool are of the same tensors
  const columns = pool?.columns ? [pool.columns.tensor, ...(pool.columns.up ? [pool.columns.up.tensor] : [])] : [];
  return [...vectorsOf(op, config).map(({ tensor }) => tensor), ...stacks.flatMap(({ ranges }) => ranges.map(({ tensor }) => tensor)), ...columns];
};

/** The dispatches of one operation for one token (decode) or for many (prefill). */
export const record = (op: Op, context: RecordContext, place: Place, mode: Mode, section: string): Dispatch[] =>
  operationOf(op).dispatches(op, context, place, mode, section);

/** Undefined for a kernel that no operation dispatches. */
export function costOf(dispatch: Dispatch, step: Step, model: CostModel): Cost | undefined {
  for (const { costs } of operations.values()) {
    const cost = costs[dispatch.kernel.kernel];
    if (cost) return cost(dispatch, step, model);
  }
  return undefined;
}
