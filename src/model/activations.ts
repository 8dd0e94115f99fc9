// The buffers between operations, by the names that operations give them: f32, a row per token of a step. What lies behind
// the numbers of a row stays zero, so kernels may read whole groups of 32.
import { wgslStructBytes } from '../gpu/kernels.ts';
import { type Ledger } from '../gpu/ledger.ts';
import { type Graph, type ModelConfig, type Op } from './graph.ts';
import { type Activations, type ScratchSizes } from './operation.ts';
import { buffersOf, scratchOf } from './operations.ts';
import { angleEntries, angleTable } from './rope.ts';

export interface ActivationSizes extends ScratchSizes {
  /** Rows of logits kept: 1, up to 8 to read those of chosen tokens too, or `chunk` to read all of them. */
  logitsRows: number;
  /** Rows of a stretch of a prompt, whose chunks pass through streamed weights together. Default: as planned. */
  stretch?: number;
  /** Bytes that are kept of each of its chunks meanwhile. */
  heldBytes?: number;
}

type Numbers = Pick<Graph, 'config' | 'ropes' | 'carried'>;

/** What layers leave each other. */
export const carriedOf = ({ carried = [] }: Pick<Graph, 'carried'>): readonly string[] => ['x', ...carried];

/** Floats per row of each buffer that `ops` name: as many as the widest of them needs. Logits come last, as the sampler reads them too. */
export function activationStrides(config: ModelConfig, ops: readonly Op[]): Record<string, number> {
  const strides: Record<string, number> = {};
  for (const op of ops) for (const [name, floats] of Object.entries(buffersOf(op, config))) strides[name] = Math.max(strides[name] ?? 0, floats);
  delete strides.logits;
  return { ...strides, logits: config.vocab };
}

/** Steps of a stretch. */
export const stepsOf = ({ chunk, stretch = chunk }: Pick<ActivationSizes, 'chunk' | 'stretch'>): number => Math.ceil(stretch / chunk);

const rowsOf = (name: string, { chunk, logitsRows }: ActivationSizes) => (name === 'logits' ? logitsRows : chunk);

/** Bytes of buffers that are no rows: the largest that an operation asks for. */
function scratchBytes(config: ModelConfig, ops: readonly Op[], sizes: ScratchSizes): Record<string, number> {
  const all: Record<string, number> = {};
  for (const op of ops) for (const [name, bytes] of Object.entries(scratchOf(op, config, sizes))) all[name] = Math.max(all[name] ?? 0, bytes);
  return all;
}

export const stateBytes = wgslStructBytes('state', 'State');
const angleCount = (ropes: Graph['ropes'], context: number) => ropes.reduce((sum, rope) => sum + angleEntries(rope, context), 0);

/** Bytes of each buffer that `createActivations` makes. */
export function activationBindings(graph: Numbers, ops: readonly Op[], sizes: ActivationSizes): Record<string, number> {
  const { config, ropes } = graph;
  const rows = Object.entries(activationStrides(config, ops)).map(([name, stride]) => [name, 4 * stride * rowsOf(name, sizes)]);
  return {
    ...Object.fromEntries(rows), ...scratchBytes(config, ops, sizes),
    ...(sizes.heldBytes && { stretch: stepsOf(sizes) * sizes.heldBytes }),
    angles: 8 * angleCount(ropes, sizes.context), state: stateBytes,
  };
}

/** All zero; `writeAngles` fills the table of angles. */
export function createActivations(ledger: Ledger, graph: Numbers, ops: readonly Op[], sizes: ActivationSizes): Activations {
  const { config, ropes } = graph;
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const made = Object.entries(activationBindings(graph, ops, sizes)).map(([name, bytes]) => [
    name,
    { buffer: ledger.create('activations', name, bytes, usage) },
  ]);
  const { state, angles, ...buffers } = Object.fromEntries(made);
  let entries = 0;
  const firstAngles = ropes.map((rope) => (entries += angleEntries(rope, sizes.context)) - angleEntries(rope, sizes.context));
  return { buffers, strides: activationStrides(config, ops), rows: sizes.chunk, state, angles, firstAngles };
}

/** `ropeFactors`: of each of the graph's ropes, the tensor that it names. */
export function writeAngles(
  queue: GPUQueue,
  { angles, firstAngles }: Activations,
  { ropes }: Pick<Graph, 'ropes'>,
  context: number,
  ropeFactors: (Float32Array | undefined)[],
): void {
  ropes.forEach((rope, i) => queue.writeBuffer(angles.buffer, 8 * firstAngles[i], angleTable(rope, context, ropeFactors[i])));
}
