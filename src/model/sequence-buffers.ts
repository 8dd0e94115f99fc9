// The buffers of one sequence: its state, its token ids, its keys and values. Knows nothing of texts.
import { type Ledger } from '../gpu/ledger.ts';
import { type Binding } from '../gpu/program.ts';
import { stateBytes } from './activations.ts';
import { type Activations, type SequenceBuffers } from './operation.ts';

/** Bytes of what `createSequenceBuffers` makes. */
export const sequenceBytes = (context: number): Record<string, number> => ({ state: stateBytes, ids: 4 * context });

/** `fresh` gives the fresh pages of a layer, also after they have grown. */
export function createSequenceBuffers(ledger: Ledger, context: number, fresh: (layer: number) => GPUBuffer): SequenceBuffers {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const made = Object.entries(sequenceBytes(context)).map(([name, bytes]): [string, Binding] => [
    name,
    { buffer: ledger.create('activations', `sequence.${name}`, bytes, usage) },
  ]);
  const { state, ids } = Object.fromEntries(made);
  return { state, ids, fresh: (layer) => ({ buffer: fresh(layer) }) };
}

/** Says how many rows a step has, of all its sequences. */
export const writeRows = (queue: GPUQueue, { state }: Pick<Activations, 'state'>, rows: number): void =>
  queue.writeBuffer(state.buffer, 0, Uint32Array.of(0, rows));

/** Makes ready a step of `rows` of this sequence alone, the first of them at `position`, in the rows of the activations from `first` on. */
export function writeState(
  queue: GPUQueue,
  activations: Pick<Activations, 'state'>,
  { state, base = 0 }: SequenceBuffers,
  position: number,
  rows: number,
  first = 0,
): void {
  queue.writeBuffer(state.buffer, 0, Uint32Array.of(position, rows, 0, base, first));
  writeRows(queue, activations, rows);
}

/** Says in which row of the activations the rows of a sequence begin, where only that has changed since its last step. */
export const writeFirst = (queue: GPUQueue, { state }: SequenceBuffers, first: number): void => queue.writeBuffer(state.buffer, 16, Uint32Array.of(first));
