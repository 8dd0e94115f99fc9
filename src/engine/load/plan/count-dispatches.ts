// How many dispatches operations become, from the header alone: they are recorded with nothing behind their bindings, so
// that a plan counts what will be there and mirrors nothing.
import { type Binding } from '../../../gpu/program.ts';
import { kvFormats } from '../../../kv/formats/catalogue.ts';
import { type Op } from '../../../model/graph.ts';
import { type Mode, plainChoice } from '../../../model/choices/kernel-choice.ts';
import { type RecordContext } from '../../../model/operation.ts';
import { record } from '../../../model/operations.ts';
import { type PlacedOp } from '../../../model/sections.ts';
import { type Cuttable, itemsAsPanels } from '../../../weights/layout.ts';
import { type OpenedModel } from '../opened.ts';

/** Into how many bindings a matrix or a pool of a section is cut. */
export type CutsOf = (section: number, what: Cuttable) => number;

export type DispatchCount = (placed: PlacedOp, cutsOf: CutsOf, mode: Mode) => number;

const nothing: Binding = { buffer: undefined as unknown as GPUBuffer };
const anything = new Proxy({}, { get: () => nothing }) as Record<string, Binding>;
const zeros = new Proxy({}, { get: () => 0 }) as Record<string, number>;

const likenesses = new WeakMap<Op, string>();

/** An operation without what differs from layer to layer: its layer, and the numbers in the names of its tensors; `turns` and `joins` are others. */
export function likeness(op: Op): string {
  const isOwn = (key: string) => ['layer', 'turns', 'joins'].includes(key);
  let found = likenesses.get(op);
  if (found === undefined) {
    found = JSON.stringify(op, (key, value: unknown) => (isOwn(key) ? 0 : typeof value === 'string' ? value.replace(/\d+/g, '#') : value));
    likenesses.set(op, found);
  }
  return found;
}

/**
 * Dispatches with parameters of their own: those of a product for few and for many rows share them. Layers that are alike
 * are recorded once, as many as a model may have.
 */
export function createDispatchCount({ graph, layout }: Pick<OpenedModel, 'graph' | 'layout'>): DispatchCount {
  const counts = new Map<string, number>();
  const context: RecordContext = {
    graph, choice: plainChoice, kv: { format: [...kvFormats.values()][0] },
    activations: { buffers: anything, strides: zeros, rows: 0, state: nothing, angles: nothing, firstAngles: [] },
  };
  return ({ op, stacks, pool: owner }, cutsOf, mode) => {
    const cut = stacks.map((ref) => layout.sections[ref.section].stacks[ref.stack].map((matrix) => ({ matrix, cuts: cutsOf(ref.section, matrix) })));
    const pool = owner === undefined ? undefined : layout.sections[owner].pool!;
    const poolCuts = pool ? cutsOf(owner!, itemsAsPanels(pool)) : 0;
    const key = `${mode} ${likeness(op)} ${[...cut.map((stack) => stack.map(({ cuts }) => cuts).join('+')), poolCuts].join()}`;
    let count = counts.get(key);
    if (count === undefined) {
      const parts = cut.map((stack) =>
        stack.flatMap(({ matrix, cuts }) => Array.from({ length: cuts }, () => ({ matrix, binding: nothing, panels: 1, firstRow: 0, rows: 1 }))),
      );
      const part = { binding: nothing, table: nothing, slotBytes: 4 };
      const poolParts = Array.from({ length: poolCuts }, () => ({ ...part, stacks: pool!.items[0], columns: pool!.columns }));
      const dispatches = record(op, context, { vectors: nothing, vectorOffset: () => 0, stacks: parts, pool: poolParts }, mode, '');
      counts.set(key, (count = new Set(dispatches.map(({ params }) => params)).size));
    }
    return count;
  };
}
